"""Whether a restorer's confidence in a change says how often such changes are right, and what a threshold of it would do.

Source: C. Guo, G. Pleiss, Y. Sun, K. Weinberger, On calibration of modern neural networks, ICML 2017.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from mendel.core.frozen import Frozen

if TYPE_CHECKING:
    from mendel.evaluation.scores import Output, Sample
    from mendel.restorers.restorer import Span

BINS = 10
"""Of equal width."""
THRESHOLDS = (0.0, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999, 0.9999)


class ReliabilityBin(Frozen):
    """The changes whose confidence lies in [low, high); in the last bin, a confidence of 1 too."""

    low: float
    high: float
    changes: int
    confidence: float | None
    """Mean; None where there is no change."""
    right: float | None
    """Share of the changes that are right."""


class CurvePoint(Frozen):
    """What would be if only changes of at least this confidence were made."""

    threshold: float
    removed: float
    """Share of the noisy text's errors that are gone."""
    clean_altered: float
    foreign_altered: float | None
    """None where no foreign text was tried."""


class Reliability(Frozen):
    """Of the changes that a candidate made in the noisy sentences."""

    changes: int
    right: float | None
    """Share of all changes; None where there is none."""
    calibration_error: float | None
    """Expected calibration error: how far confidence and share of right changes are apart, over the bins' changes."""
    bins: tuple[ReliabilityBin, ...]
    curve: tuple[CurvePoint, ...]


class Judged(NamedTuple):
    """One change of a noisy sentence."""

    confidence: float
    right: bool
    """With this change alone, the sentence is nearer to its clean text."""


def measured(sample: Sample, output: Output) -> Reliability:
    """Reliability of an output that has its changes."""
    changes = [*_judged(sample, output)]
    confidence = np.array([change.confidence for change in changes])
    right = np.array([change.right for change in changes])
    bins = tuple(_binned(confidence, right))
    apart = [
        part.changes * abs(part.confidence - part.right)
        for part in bins
        if part.confidence is not None and part.right is not None
    ]
    return Reliability(
        changes=len(changes),
        right=float(right.mean()) if changes else None,
        calibration_error=sum(apart) / len(changes) if changes else None,
        bins=bins,
        curve=tuple(_curve(sample, output)),
    )


def applied(text: str, changes: Sequence[Span]) -> str:
    """A text with some of the changes that were made in it, from left to right."""
    parts, position = [], 0
    for change in changes:
        parts += [text[position : change.start], change.replacement]
        position = change.end
    return "".join([*parts, text[position:]])


def _judged(sample: Sample, output: Output) -> Iterator[Judged]:
    assert output.changes is not None, "the candidate's changes are kept"
    for clean, noisy, changes in zip(sample.clean, sample.noisy, output.changes.noisy, strict=True):
        before = _distance(clean, noisy)
        for change in changes:
            yield Judged(change.confidence, _distance(clean, applied(noisy, [change])) < before)


def _binned(confidence: npt.NDArray[np.float64], right: npt.NDArray[np.bool_]) -> Iterator[ReliabilityBin]:
    places = np.minimum((confidence * BINS).astype(int), BINS - 1)
    for index in range(BINS):
        inside = places == index
        count = int(inside.sum())
        yield ReliabilityBin(
            low=index / BINS,
            high=(index + 1) / BINS,
            changes=count,
            confidence=float(confidence[inside].mean()) if count else None,
            right=float(right[inside].mean()) if count else None,
        )


def _curve(sample: Sample, output: Output) -> Iterator[CurvePoint]:
    assert output.changes is not None, "the candidate's changes are kept"
    before = sum(map(_distance, sample.clean, sample.noisy))
    for threshold in THRESHOLDS:
        restored = [
            applied(noisy, _sure(changes, threshold))
            for noisy, changes in zip(sample.noisy, output.changes.noisy, strict=True)
        ]
        yield CurvePoint(
            threshold=threshold,
            removed=1 - sum(map(_distance, sample.clean, restored)) / before,
            clean_altered=_altered(output.changes.untouched, threshold),
            foreign_altered=_altered(output.changes.foreign, threshold) if output.changes.foreign else None,
        )


def _sure(changes: Sequence[Span], threshold: float) -> list[Span]:
    return [change for change in changes if change.confidence >= threshold]


def _altered(changes: Sequence[Sequence[Span]], threshold: float) -> float:
    return sum(bool(_sure(of_text, threshold)) for of_text in changes) / len(changes)


def _distance(clean: str, text: str) -> int:
    from rapidfuzz.distance import Levenshtein

    return int(Levenshtein.distance(clean, text))
