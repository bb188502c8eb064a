"""Long texts in pieces: the models were fitted to sentences, and an LLM's cost grows faster than a text's length."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import NamedTuple

from mendel.restorers.restorer import Restoration, Span

LONGEST = 400
"""Characters: a little more than the longest sentence that ingest keeps by default."""

GAPS = (re.compile(r"(?<=[.!?])\s+"), re.compile(r"\s+"))
"""Where to cut, the better first: after a sentence, else between words."""


class Piece(NamedTuple):
    """A part of a text, and the white space between it and the next one."""

    text: str
    gap: str


def cut(text: str, longest: int = LONGEST) -> list[Piece]:
    """A text as pieces of at most so many characters; joined, with their gaps, they are the text. A short one stays whole."""
    pieces = []
    start = 0
    while len(text) - start > longest:
        end, resume = _best_gap(text, start, start + longest)
        pieces.append(Piece(text[start:end], text[end:resume]))
        start = resume
    return [*pieces, Piece(text[start:], "")]


def join(pieces: Sequence[Piece], restorations: Sequence[Restoration]) -> Restoration:
    """One restoration from those of a text's pieces, taken as independent of each other."""
    if len(restorations) == 1 and not pieces[0].gap:
        return restorations[0]
    edits: list[Span] = []
    offset = 0
    for piece, restored in zip(pieces, restorations, strict=True):
        edits += [
            edit.model_copy(update={"start": edit.start + offset, "end": edit.end + offset}) for edit in restored.edits
        ]
        offset += len(piece.text) + len(piece.gap)
    return Restoration(
        text="".join(restored.text + piece.gap for piece, restored in zip(pieces, restorations, strict=True)),
        confidence=math.prod(restored.confidence for restored in restorations),
        edits=tuple(edits),
        fallback=not edits and any(restored.fallback for restored in restorations),
    )


def _best_gap(text: str, start: int, stop: int) -> tuple[int, int]:
    """Start and end of the white space to cut at, the last before `stop`; a cut inside a word where there is none."""
    for gap in GAPS:
        places = [match.span() for match in gap.finditer(text, start, stop) if match.start() > start]
        if places:
            return places[-1]
    return stop, stop
