"""What a system does where readers have judged a change: does it make what they accepted, and not what they rejected?

The judged changes alone are scored, not the error rate of their texts: a reader judges what a model has proposed, and an
error that no model found stands in the text as though it were right. A model that finds it must not be charged for that.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from rapidfuzz.distance import Levenshtein

from mendel.core.frozen import Frozen
from mendel.evaluation.binomial import Count, exact
from mendel.evaluation.bootstrap import Bootstrap
from mendel.evaluation.interval import Interval
from mendel.feedback.judged import JudgedChange, JudgedText

FEWEST = 100
"""Judged changes: below this no rule asks for them."""

Flags = Sequence[Sequence[bool]]
"""Of each text's changes, in order, whether a system makes them."""


class FeedbackTrial(NamedTuple):
    """Judged texts, and what systems made of them."""

    texts: Sequence[JudgedText]
    flags: Mapping[str, Flags]
    """By system."""


class FeedbackScores(Frozen):
    """A system on judged changes. A share is None where there are none to share."""

    texts: int
    changes: int
    right: Interval
    """Share of all that it gets right: accepted and made, or rejected and not made. Exact, but a text's changes are alike."""
    removed: Interval | None
    """Share of the accepted ones that it makes."""
    repeated: Interval | None
    """Share of the rejected ones that it makes too."""


def sample(texts: Sequence[JudgedText], changes: int, seed: int) -> list[JudgedText]:
    """Texts with at least so many changes together, where there are so many; in an order by hash, the same for all systems."""
    order = sorted(texts, key=lambda text: hashlib.sha256(f"{seed}:{text.text}".encode()).digest())
    texts_of_sample: list[JudgedText] = []
    count = 0
    for text in order:
        if count >= changes:
            break
        texts_of_sample.append(text)
        count += len(text.changes)
    return texts_of_sample


def flags_of(texts: Sequence[JudgedText], restored: Sequence[str]) -> Flags:
    """Which judged changes a system makes, by what it made of the texts."""
    return [
        [_makes(text.text, change, after) for change in text.changes]
        for text, after in zip(texts, restored, strict=True)
    ]


def scores(texts: Sequence[JudgedText], of_system: Flags) -> FeedbackScores:
    """Of a system's changes."""
    pairs = [
        (change.accepted, makes)
        for text, flags in zip(texts, of_system, strict=True)
        for change, makes in zip(text.changes, flags, strict=True)
    ]
    return FeedbackScores(
        texts=len(texts),
        changes=len(pairs),
        right=exact(Count(count=sum(accepted == makes for accepted, makes in pairs), trials=len(pairs))),
        removed=_share([makes for accepted, makes in pairs if accepted]),
        repeated=_share([makes for accepted, makes in pairs if not accepted]),
    )


def loss(trial: FeedbackTrial, resamples: int, seed: int) -> Interval | None:
    """By how much the candidate's share of right changes is below the champion's, paired by text.

    None where either was not tried, or on fewer than FEWEST changes.
    """
    sizes = [len(text.changes) for text in trial.texts]
    if not {"candidate", "champion"} <= trial.flags.keys() or sum(sizes) < FEWEST:
        return None
    candidate, champion = (_right(trial.texts, trial.flags[system]) for system in ("candidate", "champion"))
    losses = [theirs - own for theirs, own in zip(champion, candidate, strict=True)]
    return Bootstrap(len(sizes), resamples, seed).ratio(losses, sizes)


def _makes(text: str, change: JudgedChange, restored: str) -> bool:
    """Whether what was made of a text is nearer to it with the change than without, whatever else was changed."""
    changed = text[: change.start] + change.replacement + text[change.end :]
    return bool(Levenshtein.distance(restored, changed) < Levenshtein.distance(restored, text))


def _right(texts: Sequence[JudgedText], of_system: Flags) -> list[int]:
    return [
        sum(change.accepted == makes for change, makes in zip(text.changes, flags, strict=True))
        for text, flags in zip(texts, of_system, strict=True)
    ]


def _share(flags: Sequence[bool]) -> Interval | None:
    return exact(Count(count=sum(flags), trials=len(flags))) if flags else None
