"""Figures of restored records: what is compared between a day and the reference, a row for each record.

Rates and kinds of noise are those that the restorer took out, so they are comparable only where the same restorer, with
the same threshold, has read both sides.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from mendel.noise.changes import TextChange, changes
from mendel.noise.profile import OPERATIONS, Operation

if TYPE_CHECKING:
    import pyarrow as pa

    from mendel.models.ngram import CharNgram

Floats = npt.NDArray[np.float64]

CLASSES = ("lower", "upper", "letter", "digit", "space", "punctuation", "other")
"""Of characters; `letter` is one without case, as of Chinese."""
SURPRISE = "surprise"
MOST_OF_REVERSAL = 6
"""Changes that are looked at together, for a reversal."""


class RestoredRecord(NamedTuple):
    """What became of one record."""

    original: str
    text: str
    confidence: float
    fallback: bool


def table(records: Sequence[RestoredRecord], ngram: CharNgram | None) -> pa.Table:
    """One row a record, in order. Without an n-gram model there is no column `surprise`.

    `characters` of the original; `surprise` in bits a character under the model; `altered`, the share (0 to 1) of the
    original's characters that were replaced; `confidence` (0 to 1); `edits` for 1,000 characters; `fallback` 0 or 1; then how
    many characters are of each class, and how many changes undo each operation of noise.
    """
    import pyarrow as pa

    edits = [changes(record.original, record.text) for record in records]
    lengths = np.array([len(record.original) for record in records], np.float64)
    per_character = 1 / np.maximum(lengths, 1)
    columns: dict[str, Floats] = {"characters": lengths}
    if ngram is not None:
        columns[SURPRISE] = np.array([ngram.bits_per_character([record.original]) for record in records], np.float64)
    columns["altered"] = (
        np.array([sum(edit.end - edit.start for edit in some) for some in edits], np.float64) * per_character
    )
    columns["confidence"] = np.array([record.confidence for record in records], np.float64)
    columns["edits"] = np.array([len(some) for some in edits], np.float64) * per_character * 1000
    columns["fallback"] = np.array([record.fallback for record in records], np.float64)
    classes = [[character_class(character) for character in record.original] for record in records]
    columns |= {name: np.array([some.count(name) for some in classes], np.float64) for name in CLASSES}
    undone = [operations(record.text, record.original, some) for record, some in zip(records, edits, strict=True)]
    columns |= {name: np.array([some.count(name) for some in undone], np.float64) for name in OPERATIONS}
    return pa.table(columns)


def character_class(character: str) -> str:
    """One of CLASSES."""
    category = unicodedata.category(character)
    if category[0] == "L":
        return {"Ll": "lower", "Lu": "upper"}.get(category, "letter")
    if character.isspace():
        return "space"
    return {"N": "digit", "P": "punctuation"}.get(category[0], "other")


def operations(clean: str, noisy: str, edits: Sequence[TextChange]) -> list[Operation]:
    """What noise must have done to the clean text, from left to right; `edits` are the changes that undo it.

    Each change is one operation, but for those that are a reversal together: a segment that reads backwards has characters
    that stay where they are.
    """
    result: list[Operation] = []
    while edits:
        for count in range(min(MOST_OF_REVERSAL, len(edits)), 0, -1):
            first, last = edits[0], edits[count - 1]
            before, after = clean[first.other_start : last.other_end], noisy[first.start : last.end]
            if count == 1 or after == before[::-1]:
                break
        result.append(operation(before, after, noisy[: first.start], noisy[last.end :]))
        edits = edits[count:]
    return result


def operation(clean: str, noisy: str, before: str, behind: str) -> Operation:
    """What noise must have done for a change to undo it: `clean` became `noisy`, which stands between `before` and `behind`.

    A duplication is seen where a segment stands twice, a reversal where it reads backwards.
    """
    if not noisy:
        return "deletion"
    if not clean:
        size = len(noisy)
        around = before[-size:] + noisy + behind[:size]
        starts = range(len(around) - 2 * size + 1)
        is_doubled = any(around[at : at + size] == around[at + size : at + 2 * size] for at in starts)
        return "duplication" if is_doubled else "insertion"
    return "reversal" if len(clean) > 1 and noisy == clean[::-1] else "substitution"
