"""How good restorations are: edit distances sentence by sentence, and the scores that follow from them.

Scores are micro averages: sums over all sentences of the sample, so that a long sentence weighs more than a short one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from mendel.core.frozen import Frozen
from mendel.corpus.foreign import ForeignText
from mendel.evaluation import foreign_scores
from mendel.evaluation.binomial import Count, exact
from mendel.evaluation.bootstrap import Bootstrap
from mendel.evaluation.foreign_scores import ForeignSlice
from mendel.evaluation.interval import Interval
from mendel.noise.edits import Edit
from mendel.noise.profile import OPERATIONS

if TYPE_CHECKING:
    from mendel.restorers.restorer import Span

Counts = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

CAUSES = (*OPERATIONS, "none")
"""What an error is charged to; `none`: nothing was done to the sentence, a system made the error."""
NOISE_LEVELS = (0.0, 0.025, 0.05, 0.1, 0.2)
"""Highest errors per character of a sentence that each noise level but the last takes."""
NOISE_LEVEL_NAMES = ("0%", "≤ 2.5%", "≤ 5%", "≤ 10%", "≤ 20%", "> 20%")
LENGTHS = (50, 100, 150, 200)
"""Highest length of the clean sentence, in characters, that each length class but the last takes."""
LENGTH_NAMES = ("≤ 50", "≤ 100", "≤ 150", "≤ 200", "> 200")


@dataclass(frozen=True)
class Sample:
    """The held-out sentences that are scored, in parallel lists."""

    ids: Sequence[str]
    clean: Sequence[str]
    noisy: Sequence[str]
    edits: Sequence[Sequence[Edit]]
    """What led from clean to noisy."""
    untouched: Sequence[str]
    """Clean sentences that are given to the systems as they are: `clean` and, as a change of them is rarer, more."""
    foreign: Sequence[ForeignText] = ()
    """Clean text unlike the corpus."""


class Changes(NamedTuple):
    """Where a system changed the texts of a sample, and how sure it was: the changes of each text, from left to right."""

    noisy: Sequence[Sequence[Span]]
    untouched: Sequence[Sequence[Span]]
    foreign: Sequence[Sequence[Span]]


@dataclass(frozen=True)
class Output:
    """What a system made of a sample."""

    restored: Sequence[str]
    """Of the noisy sentences."""
    of_untouched: Sequence[str] | None = None
    """Of the untouched sentences, which it had better leave alone; None where that was not tried."""
    of_foreign: Sequence[str] | None = None
    """Of the foreign texts, likewise."""
    changes: Changes | None = None
    """None where only the texts are known."""


@dataclass(frozen=True)
class Measures:
    """A system's output against the clean text; arrays have one value, or row, per sentence."""

    errors: Counts
    """Levenshtein distance in characters."""
    aligned: Counts
    """Length of the alignment: characters of the clean text, and those inserted between them."""
    word_errors: Counts
    """Levenshtein distance in words, which white space separates."""
    errors_by_cause: Counts
    """The errors, charged to CAUSES (columns)."""
    clean_altered: Count | None
    """The untouched sentences that did not stay as they were; None where that was not tried."""
    foreign: dict[str, ForeignSlice] | None = None
    """What became of the foreign texts, by kind; None where that was not tried, or there are none."""


class Slice(Frozen):
    """Scores of a part of the errors or of the sentences."""

    sentences: int
    cer: Interval
    reduction: Interval | None = None


class Scores(Frozen):
    """Scores of one system. Fractions are of sentences; every one has a 95% interval, by the bootstrap but where said."""

    cer: Interval
    """Character error rate: errors per character of clean text."""
    reduction: Interval | None
    """Share of the noisy text's errors that are gone; negative where there are more."""
    cmer: Interval
    """Character match error rate: errors per position of the alignment, never above 1 (A. Morris et al., 2004)."""
    wer: Interval
    exact: Interval
    improved: Interval
    tied: Interval
    worse: Interval
    clean_altered: Interval | None
    """Of the untouched sentences; an exact interval, since a bootstrap of no cases knows no doubt."""
    foreign_altered: Interval | None = None
    """Of the foreign texts, likewise; absent from evaluations made before 0.2.0."""
    by_operation: dict[str, Slice]
    """CER that is due to each operation (they sum to the CER), and how much of it is gone."""
    by_noise_level: dict[str, Slice]
    by_length: dict[str, Slice]


def measure(sample: Sample, output: Output) -> Measures:
    """Align every restored sentence with its clean text."""
    from rapidfuzz.distance import Levenshtein

    count = len(sample.clean)
    inserted = np.zeros(count, np.int64)
    word_errors = np.zeros(count, np.int64)
    by_cause = np.zeros((count, len(CAUSES)), np.int64)
    for row, (clean, restored, edits) in enumerate(zip(sample.clean, output.restored, sample.edits, strict=True)):
        for step in Levenshtein.editops(clean, restored):
            inserted[row] += step.tag == "insert"
            by_cause[row, _cause(step.src_pos, edits)] += 1
        word_errors[row] = Levenshtein.distance(clean.split(), restored.split())
    return Measures(
        errors=by_cause.sum(axis=1),
        aligned=_lengths(sample.clean) + inserted,
        word_errors=word_errors,
        errors_by_cause=by_cause,
        clean_altered=None if output.of_untouched is None else _altered(sample.untouched, output.of_untouched),
        foreign=foreign_scores.by_kind(sample.foreign, output.of_foreign) if output.of_foreign else None,
    )


def _altered(before: Sequence[str], after: Sequence[str]) -> Count:
    return Count(
        count=sum(one != other for one, other in zip(before, after, strict=True)),
        trials=len(before),
    )


def _cause(position: int, edits: Sequence[Edit]) -> int:
    """Index in CAUSES of the edit nearest to a position of the clean text.

    An error that is left lies where the edit was, or beside it where several alignments are equally short.
    """
    if not edits:
        return CAUSES.index("none")
    nearest = min(edits, key=lambda edit: max(edit.start - position, position - edit.stop, 0))
    return CAUSES.index(nearest.op)


def summarise(sample: Sample, measured: Measures, noisy: Measures, bootstrap: Bootstrap) -> Scores:
    """Scores of a system; `noisy` are the measures of the noisy text itself."""
    characters = _lengths(sample.clean)
    words = np.array([len(text.split()) for text in sample.clean])
    errors, before = measured.errors, noisy.errors

    def fraction(flags: Flags) -> Interval:
        return _require(bootstrap.ratio(flags, np.ones_like(flags)))

    def by_class(values: npt.NDArray[Any], bounds: Sequence[float], names: Sequence[str]) -> dict[str, Slice]:
        classes = np.searchsorted(bounds, values)
        masks = {name: classes == index for index, name in enumerate(names) if (classes == index).any()}
        return {
            name: Slice(
                sentences=int(mask.sum()),
                cer=_require(bootstrap.ratio(errors * mask, characters * mask)),
                reduction=bootstrap.ratio((before - errors) * mask, before * mask),
            )
            for name, mask in masks.items()
        }

    def by_cause() -> dict[str, Slice]:
        causes: list[set[str]] = [{edit.op for edit in edits} or {"none"} for edits in sample.edits]
        errors_left, errors_before = measured.errors_by_cause, noisy.errors_by_cause
        return {
            cause: Slice(
                sentences=sum(cause in operations for operations in causes),
                cer=_require(bootstrap.ratio(errors_left[:, column], characters)),
                reduction=bootstrap.ratio(errors_before[:, column] - errors_left[:, column], errors_before[:, column]),
            )
            for column, cause in enumerate(CAUSES)
        }

    return Scores(
        cer=_require(bootstrap.ratio(errors, characters)),
        reduction=bootstrap.ratio(before - errors, before),
        cmer=_require(bootstrap.ratio(errors, measured.aligned)),
        wer=_require(bootstrap.ratio(measured.word_errors, words)),
        exact=fraction(errors == 0),
        improved=fraction(errors < before),
        tied=fraction(errors == before),
        worse=fraction(errors > before),
        clean_altered=measured.clean_altered and exact(measured.clean_altered),
        foreign_altered=measured.foreign and exact(foreign_scores.altered(measured.foreign)),
        by_operation=by_cause(),
        by_noise_level=by_class(before / characters, NOISE_LEVELS, NOISE_LEVEL_NAMES),
        by_length=by_class(characters, LENGTHS, LENGTH_NAMES),
    )


def _lengths(texts: Sequence[str]) -> Counts:
    return np.array([len(text) for text in texts], np.int64)


def _require(interval: Interval | None) -> Interval:
    assert interval is not None, "every sentence has characters and words"
    return interval
