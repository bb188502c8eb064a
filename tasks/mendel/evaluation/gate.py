"""The gate: whether a candidate is promoted, and why, in plain words. Nothing here reads or writes anything.

A rule of harm (worse sentences, altered clean sentences, altered foreign texts, slow sentences, readers' judgements gone
against) declines when the data show that its bound is exceeded; a rule of gain (errors removed, systems beaten) promotes
when the data show the gain. So neither a lucky sample promotes nor an unlucky one declines, but within the levels of
`binomial` and of the bootstrap.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

from pydantic import Field

from mendel.core.frozen import Frozen
from mendel.evaluation import binomial
from mendel.evaluation.binomial import Count
from mendel.evaluation.interval import LEVEL, Interval

MEANING = {
    "identity": "leaving the text as it is",
    "symspell": "SymSpell",
    "champion": "the champion",
}
"""How the reasons name those that a candidate has to beat."""

HELP_GAIN = (
    "more text like the held-out one (ingest.source), another recipe, or more steps (finetune.recipe.lora.budget_steps)"
)
HELP = {
    "max_worse": "a lower finetune.recipe.calibration.max_worse, or a better restorer: more text, more steps",
    "max_clean_altered": "a lower finetune.recipe.calibration.max_clean_altered",
    "max_foreign_altered": "a higher finetune.recipe.calibration.least_probability; report.md has a table by kind",
    "max_feedback_loss": "the noise that readers have shown (mendel retrain, corrupt.learned_noise); report.md has both models",
    "max_latency_seconds": "the recipe channel-ngram, or a machine that does less besides",
}
"""What helps a candidate that a rule declines; where there is nothing, HELP_GAIN."""

SLOW_SHARE = 0.05
"""Share of the sentences that may take longer than the bound: a bound on the 95th percentile."""
NORMAL_975, NORMAL_99, NORMAL_999 = 1.959964, 2.326348, 3.090232
"""Quantiles of the normal distribution: half a 95% interval, and what 99 in 100 and 999 in 1,000 samples reach, in standard
errors."""


class Rules(Frozen):
    """What a candidate has to keep. Fractions are of 1."""

    min_reduction: float = Field(0.3, ge=0, lt=1, description="share of the character errors to remove")
    max_worse: float = Field(0.03, ge=0, le=1, description="sentences that have more errors than before")
    max_clean_altered: float = Field(0.01, ge=0, le=1, description="uncorrupted sentences that do not stay as they are")
    max_foreign_altered: float = Field(
        0.01, ge=0, le=1, description="clean texts unlike the corpus that do not stay so"
    )
    max_latency_seconds: float = Field(2.0, gt=0, description="95th percentile of the time for one sentence by itself")
    max_feedback_loss: float = Field(
        0.05, ge=0, le=1, description="judged changes of readers that it gets wrong and the champion right, net, of all"
    )


class Evidence(Frozen):
    """What was measured of a candidate."""

    reduction: Interval
    gains: Mapping[str, Interval]
    """By how much the candidate's CER is below that of each system it has to beat (keys of MEANING), paired."""
    worse: Count
    clean_altered: Count
    foreign_altered: Count | None = None
    """Of all kinds together; absent from evaluations made before 0.2.0, which no rule asks for it."""
    feedback_loss: Interval | None = None
    """By how much its share of right ones among judged changes is below the champion's, paired; None where there was no
    champion or too little feedback."""
    latencies: Sequence[float]
    """Seconds that one sentence takes by itself, of several sentences."""


class Check(Frozen):
    """One rule: what was observed, what is asked for, whether it holds, and what such a sample can tell apart."""

    rule: str
    kind: Literal["gain", "harm"] = "gain"
    observed: float
    low: float | None = None
    """Ends of the interval that decides, and the sample's size: absent from evaluations made by 0.1.0."""
    high: float | None = None
    sample: int | None = None
    bound: float
    passed: bool
    passes: float | None = None
    """A true value at which fewer than 1 in 1,000 such samples decline (harm). None where none does."""
    declines: float | None = None
    """Harm: the true value at which 99 in 100 such samples decline. Gain: the one that 99 in 100 such samples show."""
    reason: str


class Verdict(Frozen):
    """Promote only if every check passed."""

    promote: bool
    reasons: tuple[str, ...]
    """What speaks against the promotion, or, where nothing does, what speaks for it."""
    checks: tuple[Check, ...]


def judge(evidence: Evidence, rules: Rules) -> Verdict:
    """Compare what was measured with the rules."""
    slow = Count(
        count=sum(seconds > rules.max_latency_seconds for seconds in evidence.latencies),
        trials=len(evidence.latencies),
    )
    checks = (
        _removes(evidence.reduction, rules.min_reduction),
        *(_beats(name, gain) for name, gain in evidence.gains.items()),
        _harm("max_worse", "share of the sentences that it makes worse", evidence.worse, rules.max_worse),
        _harm(
            "max_clean_altered",
            "share of the uncorrupted sentences that it alters",
            evidence.clean_altered,
            rules.max_clean_altered,
        ),
        *_leaves_foreign(evidence.foreign_altered, rules.max_foreign_altered),
        _harm(
            "max_latency_seconds",
            f"share of single sentences that take longer than {rules.max_latency_seconds:g} s",
            slow,
            SLOW_SHARE,
        ),
        *_keeps_what_readers_want(evidence.feedback_loss, rules.max_feedback_loss),
    )
    promote = all(check.passed for check in checks)
    reasons = tuple(check.reason for check in checks if check.passed == promote)
    return Verdict(promote=promote, reasons=reasons, checks=checks)


def _leaves_foreign(sample: Count | None, bound: float) -> Iterator[Check]:
    if sample is not None:
        yield _harm("max_foreign_altered", "share of the clean texts unlike the corpus that it alters", sample, bound)


def _keeps_what_readers_want(loss: Interval | None, bound: float) -> Iterator[Check]:
    if loss is None:
        return
    shown = loss.low > bound
    error = (loss.value - loss.low) / NORMAL_975
    finding = (
        f"share of the changes judged by readers that it gets right, below the champion's by {100 * loss.value:.1f} points "
        f"({LEVEL:.0%} interval {100 * loss.low:.1f} to {100 * loss.high:.1f}), "
        f"{'above' if shown else 'not shown to be above'} {100 * bound:.1f}"
    )
    yield Check(
        rule="max_feedback_loss",
        kind="harm",
        observed=loss.value,
        low=loss.low,
        high=loss.high,
        bound=bound,
        passed=not shown,
        passes=bound + (NORMAL_975 - NORMAL_999) * error,
        declines=bound + (NORMAL_975 + NORMAL_99) * error,
        reason=_helped("max_feedback_loss", finding, passed=not shown),
    )


def _harm(rule: str, what: str, sample: Count, bound: float) -> Check:
    shown = binomial.exceeds(sample, bound)
    interval = binomial.interval(sample)
    resolution = binomial.resolution(sample.trials, bound)
    finding = (
        f"{what}: {sample.share:.1%} ({sample.count:,} of {sample.trials:,}, {1 - 2 * binomial.LEVEL:.0%} interval "
        f"{interval.low:.1%} to {interval.high:.1%}), {'above' if shown else 'not shown to be above'} {bound:.1%}"
    )
    return Check(
        rule=rule,
        kind="harm",
        observed=interval.value,
        low=interval.low,
        high=interval.high,
        sample=sample.trials,
        bound=bound,
        passed=not shown,
        passes=resolution.passes,
        declines=resolution.declines,
        reason=_helped(rule, finding, passed=not shown),
    )


def _removes(reduction: Interval, bound: float) -> Check:
    passed = reduction.low >= bound
    return _gain(
        "min_reduction",
        reduction,
        bound,
        passed,
        f"share of the character errors that it removes: {reduction.value:.1%} ({LEVEL:.0%} interval "
        f"{reduction.low:.1%} to {reduction.high:.1%}), {'at least' if passed else 'not shown to be at least'} {bound:.1%}",
    )


def _beats(name: str, gain: Interval) -> Check:
    passed = gain.low > 0
    finding = "better than" if passed else "not shown to be better than"
    return _gain(
        f"beats_{name}",
        gain,
        0.0,
        passed,
        f"{finding} {MEANING[name]}: CER lower by {100 * gain.value:.2f} points ({LEVEL:.0%} interval "
        f"{100 * gain.low:.2f} to {100 * gain.high:.2f})",
    )


def _gain(rule: str, interval: Interval, bound: float, passed: bool, reason: str) -> Check:
    return Check(
        rule=rule,
        kind="gain",
        observed=interval.value,
        low=interval.low,
        high=interval.high,
        bound=bound,
        passed=passed,
        declines=bound + (interval.value - interval.low) * (1 + NORMAL_99 / NORMAL_975),
        reason=_helped(rule, reason, passed),
    )


def _helped(rule: str, finding: str, passed: bool) -> str:
    return finding if passed else f"{finding}. What helps: {HELP.get(rule, HELP_GAIN)}"
