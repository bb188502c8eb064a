"""A document through a restorer: which changes are made, and which are left out."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from dataclasses import dataclass

from mendel.core.errors import InputError
from mendel.core.log import track
from mendel.corpus.traced import Splice
from mendel.documents.changes import applied, sure, without_end
from mendel.documents.document import ReadingOptions, Segment, SegmentedDocument
from mendel.documents.reading import Read
from mendel.restorers import pieces
from mendel.restorers.pieces import Piece
from mendel.restorers.restorer import Restoration, Restorer, Span

BATCH = 64
"""Sentences that are restored at once."""
UNSAID = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class SegmentChange:
    """One change of a segment, in positions of its text."""

    segment: int
    span: Span
    before: str


@dataclass(frozen=True, slots=True)
class RestoredDocument:
    """What became of a document."""

    original: bytes
    data: bytes
    segments: Sequence[Segment]
    changes: Sequence[SegmentChange]
    """Those that were made, from the beginning of the document to its end."""
    left_out: Sequence[SegmentChange]
    """Those that would have harmed what the document is built of."""

    @property
    def changed(self) -> bool:
        return self.data != self.original

    def text(self, segment: int) -> str:
        """A segment's text with what was changed."""
        return applied(
            self.segments[segment].text, (change.span for change in self.changes if change.segment == segment)
        )


def restore(
    restorer: Restorer, data: bytes, read: Read, options: ReadingOptions, threshold: float | None, name: str
) -> RestoredDocument:
    """A document restored; where nothing changes, its very bytes. Raises InputError where it cannot be read."""
    document = read(data, options)
    texts = [segment.text for segment in document.segments]
    [restorations] = restore_segments(restorer, [texts], threshold, name)
    return changed(data, document, read, options, [restoration.edits for restoration in restorations])


def changed(
    data: bytes, document: SegmentedDocument, read: Read, options: ReadingOptions, edits: Sequence[Sequence[Span]]
) -> RestoredDocument:
    """A document, read from its bytes, with changes made, which are given for each segment, in positions of its text."""
    texts = [segment.text for segment in document.segments]
    splices = [
        segment.traced.splices(((edit.start, edit.end, edit.replacement) for edit in edits_of_text), segment.encode)
        for segment, edits_of_text in zip(document.segments, edits, strict=True)
    ]
    safe_segments = _without_harm(document, read, options, edits, splices)
    changes: list[SegmentChange] = []
    left_out: list[SegmentChange] = []
    for number, (text, edits_of_text) in enumerate(zip(texts, edits, strict=True)):
        for edit, splice in zip(edits_of_text, splices[number], strict=True):
            change = SegmentChange(number, edit, text[edit.start : edit.end])
            (changes if splice and number in safe_segments else left_out).append(change)
    written = document.written(_chosen(splices, safe_segments)) if changes else data
    return RestoredDocument(data, written, document.segments, changes, left_out)


def restore_segments(
    restorer: Restorer, documents: Sequence[Sequence[str]], threshold: float | None, what: str = "restoring"
) -> list[list[Restoration]]:
    """Each document's texts restored, sentence by sentence, their edits word by word.

    Changes less sure (0 to 1) than `threshold` are left out.
    """
    cut = [[pieces.by_sentence(text, restorer.language) for text in texts] for texts in documents]
    answers = _answers(restorer, [piece.text for texts in cut for parts in texts for piece in parts], what)
    return [joined(texts, answers, threshold) for texts in cut]


def joined(
    texts: Sequence[Sequence[Piece]], answers: Iterator[Restoration], threshold: float | None
) -> list[Restoration]:
    """Each text's restoration, word by word, from those of its sentences, which are taken from `answers` in order."""
    return [_joined(parts, [sure(piece.text, next(answers), threshold) for piece in parts]) for parts in texts]


def _joined(parts: Sequence[Piece], restorations: Sequence[Restoration]) -> Restoration:
    """A text of one sentence may be a heading."""
    if len(parts) > 1:
        return pieces.join(parts, restorations)
    [sentence], [found] = parts, restorations
    edits = tuple(without_end(sentence.text + sentence.gap, found.edits))
    text = applied(sentence.text + sentence.gap, edits)
    return (
        found if edits == found.edits and not sentence.gap else found.model_copy(update={"text": text, "edits": edits})
    )


def _answers(restorer: Restorer, texts: Sequence[str], what: str) -> Iterator[Restoration]:
    for start in track(range(0, len(texts), BATCH), what):
        yield from restorer.restore(texts[start : start + BATCH])


def _without_harm(
    document: SegmentedDocument,
    read: Read,
    options: ReadingOptions,
    edits: Sequence[Sequence[Span]],
    splices: Sequence[Sequence[Sequence[Splice]]],
) -> set[int]:
    """The segments that may change: read again, the document is built as it was and says what was meant.

    Else a changed line that begins with `1.` would be an item from now on.
    """

    def harmless(numbers: Sequence[int]) -> bool:
        try:
            after = read(document.written(_chosen(splices, set(numbers))), options)
        except (InputError, UnicodeEncodeError):  # a character that the document's encoding lacks
            return False
        texts = [segment.text for segment in document.segments]
        for number in numbers:
            texts[number] = _text_after(document.segments[number], edits[number], splices[number])
        return after.outline == document.outline and _letters(segment.text for segment in after.segments) == _letters(
            texts
        )

    return set(_largest([number for number, of_segment in enumerate(splices) if any(of_segment)], harmless))


def _largest(numbers: Sequence[int], harmless: Callable[[Sequence[int]], bool]) -> list[int]:
    """The numbers without those that do harm, which are found by halves."""
    if not numbers or harmless(numbers):
        return list(numbers)
    middle = len(numbers) // 2
    return [] if not middle else [*_largest(numbers[:middle], harmless), *_largest(numbers[middle:], harmless)]


def _chosen(splices: Sequence[Sequence[Sequence[Splice]]], numbers: Set[int]) -> list[list[Splice]]:
    """The splices of some segments, by segment."""
    return [
        [splice for of_edit in of_segment for splice in of_edit] if at in numbers else []
        for at, of_segment in enumerate(splices)
    ]


def _letters(texts: Iterable[str]) -> str:
    """The letters of texts: where their segments begin and end may change with the width of a line."""
    return UNSAID.sub("", " ".join(texts))


def _text_after(segment: Segment, edits: Sequence[Span], splices: Sequence[Sequence[Splice]]) -> str:
    """A segment's text with those edits that are made."""
    return applied(segment.text, (edit for edit, of_edit in zip(edits, splices, strict=True) if of_edit))
