"""What a restorer changes, word by word: people read words, and a word that is half restored is worse than none."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from mendel.corpus.traced import Splice, spliced
from mendel.restorers.restorer import Restoration, Span

ENDS = ".!?\u2026"


def sure(text: str, restored: Restoration, threshold: float | None) -> Restoration:
    """A text's restoration by words, without those less sure (0 to 1) than `threshold`."""
    words = tuple(by_word(text, restored.edits))
    return restored.model_copy(update={"edits": words}).surer(text, threshold or 0.0)


def by_word(text: str, edits: Sequence[Span]) -> list[Span]:
    """The same changes, each of whole words, as sure as the least sure of those that it is made of."""
    groups: list[list[Span]] = []
    for edit in edits:
        if groups and not _divided(text[groups[-1][-1].end : edit.start]):
            groups[-1].append(edit)
        else:
            groups.append([edit])
    return [_whole(text, group) for group in groups]


def applied(text: str, edits: Iterable[Span]) -> str:
    return spliced(text, (Splice(edit.start, edit.end, edit.replacement) for edit in edits))


def without_end(text: str, edits: Sequence[Span]) -> Iterator[Span]:
    """The changes of a text that may be a heading, a cell or an item, without the full stop that a sentence would have."""
    for edit in edits:
        if edit.end < len(text) or text.endswith(tuple(ENDS)) or not edit.replacement.endswith(tuple(ENDS)):
            yield edit
        elif (replacement := edit.replacement.rstrip(ENDS)) != text[edit.start : edit.end]:
            yield edit.model_copy(update={"replacement": replacement})


def _divided(between: str) -> bool:
    return any(character.isspace() for character in between)


def _whole(text: str, group: Sequence[Span]) -> Span:
    start, end = group[0].start, group[-1].end
    while start and not text[start - 1].isspace():
        start -= 1
    while end < len(text) and not text[end].isspace():
        end += 1
    inside = [Splice(change.start, change.end, change.replacement) for change in group]
    replacement = spliced(text, inside, start, end)
    return group[0].model_copy(
        update={
            "start": start,
            "end": end,
            "replacement": replacement,
            "confidence": min(change.confidence for change in group),
        }
    )
