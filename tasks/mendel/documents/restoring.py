"""A document through a restorer: which changes are made, and which are left out."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import dataclass

from mendel.core.errors import InputError
from mendel.core.log import track
from mendel.corpus.traced import Splice
from mendel.documents.changes import applied, sure, without_end
from mendel.documents.document import ReadingOptions, Segment, SegmentedDocument
from mendel.documents.line_ends import mended
from mendel.documents.reading import Read
from mendel.restorers import pieces
from mendel.restorers.document import DocumentContext
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

    def edits(self, segment: int) -> tuple[Span, ...]:
        """The changes of a segment that were made."""
        first, stop = (
            side(self.changes, segment, key=lambda change: change.segment) for side in (bisect_left, bisect_right)
        )
        return tuple(change.span for change in self.changes[first:stop])

    def text(self, segment: int) -> str:
        """A segment's text with what was changed."""
        return applied(self.segments[segment].text, self.edits(segment))


def restore(
    restorer: Restorer, data: bytes, read: Read, options: ReadingOptions, threshold: float | None, name: str
) -> RestoredDocument:
    """A document restored; where nothing changes, its very bytes. Raises InputError where it cannot be read."""
    return with_answers(restorer, data, read, options, threshold, name)[0]


def with_answers(
    restorer: Restorer, data: bytes, read: Read, options: ReadingOptions, threshold: float | None, name: str
) -> tuple[RestoredDocument, list[Restoration]]:
    """As `restore`, and what the restorer said of each segment, changes that would have done harm among it."""
    document = read(data, options)
    texts = [segment.text for segment in document.segments]
    [answers] = restore_segments(restorer, [texts], threshold, name)
    return changed(data, document, read, options, [answer.edits for answer in answers]), answers


def changed(
    data: bytes, document: SegmentedDocument, read: Read, options: ReadingOptions, edits: Sequence[Sequence[Span]]
) -> RestoredDocument:
    """A document, read from its bytes, with changes made, which are given for each segment, in positions of its text."""
    texts = [segment.text for segment in document.segments]
    splices = [_splices(segment, some) for segment, some in zip(document.segments, edits, strict=True)]
    safe_segments = _without_harm(document, read, options, edits, splices)
    changes: list[SegmentChange] = []
    left_out: list[SegmentChange] = []
    for number, (text, edits_of_text) in enumerate(zip(texts, edits, strict=True)):
        for edit, splice in zip(edits_of_text, splices[number], strict=True):
            change = SegmentChange(number, edit, text[edit.start : edit.end])
            (changes if splice and number in safe_segments else left_out).append(change)
    written = document.written(_chosen(splices, safe_segments)) if changes else data
    return RestoredDocument(data, written, document.segments, changes, left_out)


def _splices(segment: Segment, edits: Sequence[Span]) -> list[list[Splice]]:
    """What each edit of a segment is in the document; none where it would harm it."""
    splices = segment.traced.splices(((edit.start, edit.end, edit.replacement) for edit in edits), segment.encode)
    return [mended(segment, of_edit) for of_edit in splices]


def restore_segments(
    restorer: Restorer, documents: Sequence[Sequence[str]], threshold: float | None, what: str = "restoring"
) -> list[list[Restoration]]:
    """Each document's texts restored, sentence by sentence, their edits word by word.

    Changes less sure (0 to 1) than `threshold` are left out.
    """
    cut = [[pieces.by_sentence(text, restorer.language) for text in texts] for texts in documents]
    sentences_of = [[piece.text for parts in texts for piece in parts] for texts in cut]
    answers = _answers(restorer, sentences_of, what)
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


def _answers(restorer: Restorer, documents: Sequence[Sequence[str]], what: str) -> Iterator[Restoration]:
    pairs = [(text, document) for texts in documents for document in [DocumentContext(texts)] for text in texts]
    for start in track(range(0, len(pairs), BATCH), what):
        texts, of_documents = zip(*pairs[start : start + BATCH], strict=True)
        yield from restorer.restore(texts, of_documents)


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

    meant = [_letters(segment.text) for segment in document.segments]

    def harmful(numbers: Sequence[int]) -> Set[int] | None:
        try:
            after = read(document.written(_chosen(splices, set(numbers))), options)
        except (InputError, UnicodeEncodeError):  # a character that the document's encoding lacks
            return None
        if after.outline != document.outline:
            return None
        wanted = meant.copy()
        for number in numbers:
            wanted[number] = _letters(_text_after(document.segments[number], edits[number], splices[number]))
        return _differing([_letters(segment.text) for segment in after.segments], wanted, numbers)

    return set(_harmless([number for number, of_segment in enumerate(splices) if any(of_segment)], harmful))


def _harmless(numbers: Sequence[int], harmful: Callable[[Sequence[int]], Set[int] | None]) -> Sequence[int]:
    """The numbers without those that do harm, which `harmful` tells; where it does not know, they are found by halves."""
    while numbers and (found := harmful(numbers)) != set():
        if found is None:
            middle = len(numbers) // 2
            halves = [numbers[:middle], numbers[middle:]] if middle else []
            return [number for half in halves for number in _harmless(half, harmful)]
        numbers = [number for number in numbers if number not in found]
    return numbers


def _differing(said: Sequence[str], meant: Sequence[str], numbers: Sequence[int]) -> Set[int] | None:
    """Which of these segments say something else than what was meant; None where that cannot be told.

    None differs where all say the same together: where segments begin and end may change with the width of a line.
    """
    if "".join(said) == "".join(meant):
        return set()
    if len(said) == len(meant):
        return {number for number in numbers if said[number] != meant[number]} or None
    first = next((at for at, (one, other) in enumerate(zip(said, meant, strict=False)) if one != other), None)
    return {first} if first is not None and first in numbers else None


def _chosen(splices: Sequence[Sequence[Sequence[Splice]]], numbers: Set[int]) -> list[list[Splice]]:
    """The splices of some segments, by segment."""
    return [
        [splice for of_edit in of_segment for splice in of_edit] if at in numbers else []
        for at, of_segment in enumerate(splices)
    ]


def _letters(text: str) -> str:
    return UNSAID.sub("", text)


def _text_after(segment: Segment, edits: Sequence[Span], splices: Sequence[Sequence[Splice]]) -> str:
    """A segment's text with those edits that are made."""
    return applied(segment.text, (edit for edit, of_edit in zip(edits, splices, strict=True) if of_edit))
