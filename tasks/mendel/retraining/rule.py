"""The rule: from what was seen of the champion to whether a training is wanted, and why, in sentences for people.

Nothing here reads or writes anything.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import NamedTuple

from pydantic import Field

from mendel.core.frozen import Frozen
from mendel.evaluation import binomial
from mendel.evaluation.binomial import Count


class RetrainingRule(Frozen):
    """What asks for a training, and what holds it back."""

    min_feedback_changes: int = Field(
        200, ge=1, description="judged changes of the champion below which feedback tells nothing"
    )
    max_rejected_share: float = Field(
        0.3, ge=0, le=1, description="share of the judged changes that readers may reject"
    )
    cool_down_days: int = Field(14, ge=0, description="days between two days that ask for a training, at least")
    per_month: int = Field(2, ge=0, description="trainings that may be asked for in a calendar month")


class DriftFinding(Frozen):
    """What the day's drift report says about the champion."""

    verdict: str
    alarm: bool
    tests_over: str
    """Names of the tests, with commas between."""


class RetrainingEvidence(Frozen):
    """What was seen of the champion up to a day."""

    day: str
    """Of the partition, as are all days here: YYYY-MM-DD."""
    champion: int | None
    """Version of the registered model; None: nobody was promoted yet."""
    drift: DriftFinding | None = None
    """None: no report of the day is about the champion."""
    feedback_days: tuple[str, ...] = ()
    """Whose feedback was read: those since the champion's own partition."""
    changes: int = 0
    """Of the champion's answers, judged on these days."""
    rejected: int = 0
    """Of these, how many readers rejected."""
    asking_days: tuple[str, ...] = ()
    """Other days that have asked for a training, whatever became of it: of the month, and within the cool-down."""


class RetrainingVerdict(Frozen):
    """Whether a training is wanted."""

    wanted: bool
    reasons: tuple[str, ...]
    """What speaks for it; or, where it is not wanted, what holds it back and all that was looked at."""


class Sign(NamedTuple):
    """What one kind of evidence says."""

    asks: bool
    """For a training."""
    sentence: str


def decide(evidence: RetrainingEvidence, rule: RetrainingRule) -> RetrainingVerdict:
    """Weigh the evidence. One kind of it is enough; cool-down and budget hold back all kinds."""
    if evidence.champion is None:
        reason = "no model was promoted yet: there is none whose successor production could ask for"
        return RetrainingVerdict(wanted=False, reasons=(reason,))
    signs = [_drift(evidence, evidence.champion), _feedback(evidence, evidence.champion, rule)]
    hindrances = list(_hindrances(evidence, rule))
    wanted = any(sign.asks for sign in signs) and not hindrances
    sentences = [sign.sentence for sign in signs if sign.asks or not wanted]
    return RetrainingVerdict(wanted=wanted, reasons=(*hindrances, *sentences))


def counts_for(day: str, other: str, rule: RetrainingRule) -> bool:
    """Whether that `other` has asked for a training can matter on a day."""
    return _same_month(day, other) or _too_near(day, other, rule)


def _drift(evidence: RetrainingEvidence, champion: int) -> Sign:
    if evidence.drift is None:
        return Sign(False, f"drift: no report of {evidence.day} is about version {champion}, the champion")
    if not evidence.drift.alarm:
        return Sign(
            False, f"drift: no alarm on {evidence.day}, of version {champion}; the day: {evidence.drift.verdict}"
        )
    return Sign(True, f"drift: {evidence.day} is an alarm, of version {champion}, by {evidence.drift.tests_over}")


def _feedback(evidence: RetrainingEvidence, champion: int, rule: RetrainingRule) -> Sign:
    if evidence.changes < rule.min_feedback_changes:
        return Sign(
            False,
            f"feedback: {evidence.changes:,} judged changes of version {champion}, "
            f"{rule.min_feedback_changes:,} are needed (retrain.min_feedback_changes)",
        )
    sample = Count(count=evidence.rejected, trials=evidence.changes)
    shown = binomial.exceeds(sample, rule.max_rejected_share)
    return Sign(
        shown,
        f"feedback: readers rejected {sample.share:.1%} of the changes of version {champion} ({sample.count:,} of "
        f"{sample.trials:,}), {'above' if shown else 'not shown to be above'} {rule.max_rejected_share:.1%}",
    )


def _hindrances(evidence: RetrainingEvidence, rule: RetrainingRule) -> Iterator[str]:
    near = [day for day in evidence.asking_days if _too_near(evidence.day, day, rule)]
    if near:
        yield f"cool-down: {near[-1]} has asked for a training, fewer than {rule.cool_down_days} days away"
    month = [day for day in evidence.asking_days if _same_month(evidence.day, day)]
    if len(month) >= rule.per_month:
        yield (
            f"budget: {len(month)} trainings were asked for in {evidence.day[:7]}, {rule.per_month} a month are allowed "
            f"(retrain.per_month)"
        )


def _same_month(day: str, other: str) -> bool:
    return day[:7] == other[:7]


def _too_near(day: str, other: str, rule: RetrainingRule) -> bool:
    """On both sides: a day that is looked at late counts the later ones, so that the order of looking decides nothing."""
    return abs((date.fromisoformat(day) - date.fromisoformat(other)).days) < rule.cool_down_days
