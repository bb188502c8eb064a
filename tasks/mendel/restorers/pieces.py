"""Sentences of texts, and long texts in pieces: models know sentences, and an LLM's cost grows faster than a text."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from mendel.corpus import sentences
from mendel.restorers.restorer import Restoration, Span

LONGEST = 400
"""Characters: a little more than the longest sentence that ingest keeps by default."""

SPACE = re.compile(r"\s+")


class Piece(NamedTuple):
    """A part of a text, and the white space between it and the next one."""

    text: str
    gap: str


def by_sentence(text: str, language: str) -> list[Piece]:
    """A text's sentences, at least one, by the rules of a language (its ISO code); joined, with their gaps, they are the text.

    A word is never cut: a full stop inside one is noise, or belongs to an address.
    """
    parts: list[str] = []
    for sentence in sentences.split(text, language):
        if parts and not _is_divided(parts[-1], sentence):
            parts[-1] += sentence
        else:
            parts.append(sentence)
    texts = [part.rstrip() for part in parts]
    return [Piece(text, part[len(text) :]) for text, part in zip(texts, parts, strict=True)] or [Piece("", "")]


def cut(text: str, language: str, longest: int = LONGEST) -> list[Piece]:
    """A text as pieces of at most so many characters; joined, with their gaps, they are the text. A short one stays whole.

    It is cut behind sentences, those of more characters between words.
    """
    if len(text) <= longest:
        return [Piece(text, "")]
    pieces: list[Piece] = []
    for part in (part for sentence in by_sentence(text, language) for part in _cut(sentence, longest)):
        if pieces and len(pieces[-1].text) + len(pieces[-1].gap) + len(part.text) <= longest:
            pieces[-1] = Piece(pieces[-1].text + pieces[-1].gap + part.text, part.gap)
        else:
            pieces.append(part)
    return pieces


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


def _is_divided(before: str, after: str) -> bool:
    """Whether a space, or a mark of a script that has none, stands between two sentences."""
    if before[-1].isspace():
        return not before.isspace()
    return bool(sentences.UNSPACED_END.search(before)) and (after[0].isalnum() or after[0] in sentences.OPENERS)


def _cut(sentence: Piece, longest: int) -> Iterator[Piece]:
    """A sentence cut at the last white space before so many characters, inside a word where there is none."""
    text, gap = sentence
    start = 0
    while len(text) - start > longest:
        spaces = [found.span() for found in SPACE.finditer(text, start, start + longest) if found.start() > start]
        end, resume = spaces[-1] if spaces else (start + longest, start + longest)
        yield Piece(text[start:end], text[end:resume])
        start = resume
    yield Piece(text[start:], gap)
