"""Changes as they are decided about: each with the word that it stands in, so that half a change is never made."""

from __future__ import annotations

from collections.abc import Sequence

from mendel.restorers.restorer import Span, spans

GAP = 2
"""Characters between two changes that are still one: `teh` to `the` is an insertion, one equal letter, and a deletion."""


def regions(text: str, better: str) -> tuple[Span, ...]:
    """What changed from one text to another, where changes of one word, or next to each other, are one."""
    joined: list[Span] = []
    for span in spans(text, better):
        if joined and _together(between := text[joined[-1].end : span.start]):
            previous = joined.pop()
            span = Span(
                start=previous.start, end=span.end, replacement=previous.replacement + between + span.replacement
            )
        joined.append(span)
    return tuple(joined)


def places(changes: Sequence[Span]) -> list[tuple[int, int]]:
    """Where the replacements stand once all changes are made: start and end of each."""
    positions, shift = [], 0
    for change in changes:
        start = change.start + shift
        positions.append((start, start + len(change.replacement)))
        shift += len(change.replacement) - (change.end - change.start)
    return positions


def _together(between: str) -> bool:
    return len(between) <= GAP or not any(map(str.isspace, between))
