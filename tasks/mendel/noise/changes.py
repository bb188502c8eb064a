"""Where two texts differ: the changes of a shortest edit script from the one to the other.

Unlike edits (`noise.edits`), which record what the noise did, changes are read from the texts alone.
"""

from __future__ import annotations

from typing import NamedTuple


class TextChange(NamedTuple):
    """The characters [start, end) of one text, in whose place the other has [other_start, other_end)."""

    start: int
    end: int
    other_start: int
    other_end: int


def changes(one: str, other: str) -> list[TextChange]:
    """From left to right, neighbouring ones joined; none where the texts are equal. Positions are code points."""
    from rapidfuzz.distance import Levenshtein  # loads rapidfuzz

    result, start, other_start = [], 0, 0
    for same in Levenshtein.opcodes(one, other).as_matching_blocks():  # ends with an empty block behind both texts
        if (start, other_start) != (same.a, same.b):
            result.append(TextChange(start, same.a, other_start, same.b))
        start, other_start = same.a + same.size, same.b + same.size
    return result
