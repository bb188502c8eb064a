"""A document through a restorer: which changes are made, and which are left out."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from dataclasses import dataclass

from mendel.core.errors import InputError
from mendel.core.log import track
from mendel.corpus import sentences
from mendel.corpus.traced import Splice
from mendel.documents.changes import applied, sure, without_end
from mendel.documents.document import ReadingOptions, Segment, SegmentedDocument
from mendel.documents.reading import Read
from mendel.restorers import pieces
from mendel.restorers.document import DocumentContext
from mendel.restorers.pieces import Piece
from mendel.restorers.restorer import Restoration, Restorer, Span

BATCH = 64
"""Sentences that are restored at once."""
SENTENCE = re.compile(r"(.*?)(\s*)\Z", re.DOTALL)
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
    spans = [
        list(without_end(text, edits_of_text) if len(by_sentence(text)) == 1 else edits_of_text)
        for text, edits_of_text in zip(texts, edits, strict=True)
    ]
    splices = [
        segment.traced.splices(((edit.start, edit.end, edit.replacement) for edit in edits_of_text), segment.encode)
        for segment, edits_of_text in zip(document.segments, spans, strict=True)
    ]
    safe_segments = _without_harm(document, read, options, spans, splices)
    changes: list[SegmentChange] = []
    left_out: list[SegmentChange] = []
    for number, (text, edits_of_text) in enumerate(zip(texts, spans, strict=True)):
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
    cut = [[by_sentence(text) for text in texts] for texts in documents]
    sentences_of = [[piece.text for parts in texts for piece in parts] for texts in cut]
    answers = _answers(restorer, sentences_of, what)
    return [joined(texts, answers, threshold) for texts in cut]


def joined(
    texts: Sequence[Sequence[Piece]], answers: Iterator[Restoration], threshold: float | None
) -> list[Restoration]:
    """Each text's restoration, word by word, from those of its sentences, which are taken from `answers` in order."""
    return [pieces.join(parts, [sure(piece.text, next(answers), threshold) for piece in parts]) for parts in texts]


def _answers(restorer: Restorer, documents: Sequence[Sequence[str]], what: str) -> Iterator[Restoration]:
    pairs = [(text, document) for texts in documents for document in [DocumentContext(texts)] for text in texts]
    for start in track(range(0, len(pairs), BATCH), what):
        texts, of_documents = zip(*pairs[start : start + BATCH], strict=True)
        yield from restorer.restore(texts, of_documents)


def by_sentence(text: str) -> list[Piece]:
    """What a restorer is asked about one by one; joined, with their gaps, they are the text.

    A word is never cut: a full stop inside one is noise, or belongs to an address.
    """
    parts: list[str] = []
    for sentence in sentences.split(text, "en"):
        if parts and not parts[-1][-1].isspace():
            parts[-1] += sentence
        else:
            parts.append(sentence)
    matches = [SENTENCE.fullmatch(part) for part in parts]
    return [Piece(match[1], match[2]) for match in matches if match] or [Piece("", "")]


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
