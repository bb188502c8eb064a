"""Documents in the inbox: files that are restored as a whole, their layout and all that is not changed kept."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import NamedTuple

from mendel.core.errors import InputError
from mendel.documents import reading, restoring
from mendel.documents.document import ReadingOptions, UnknownDocumentError
from mendel.inference import inbox
from mendel.inference.inbox import NO_PERMISSION, UNREADABLE, InboxFile
from mendel.inference.records import InboxRecord, RecordRules, Rejection, of_file
from mendel.records.formats import KINDS, UNKNOWN
from mendel.records.problems import UnreadableFileError
from mendel.restorers import pieces
from mendel.restorers.pieces import Piece
from mendel.restorers.restorer import Restoration, Restorer

NOT_READ = "not_read"
"""Why a document is rejected that its format's reader refuses."""
OTHERS = ", ".join(suffix for suffix in reading.BY_SUFFIX if suffix not in KINDS)
TEXT = ".txt"
Item = InboxRecord | Rejection


class WholeFile(NamedTuple):
    """What became of a document."""

    original: str
    """Its prose, a segment a line."""
    restoration: Restoration
    """Of that."""
    data: bytes
    """The document, restored."""


def is_document(name: str, *, txt: bool) -> bool:
    """Whether a file is one document, by its name; `txt`: those of text are, whose lines are records otherwise."""
    path = PurePosixPath(name)
    suffix = path.suffix.lower()
    return suffix == TEXT if txt and suffix in KINDS else suffix not in KINDS and reading.format_of(path) is not None


def items(file: InboxFile, rules: RecordRules, *, txt: bool) -> Iterator[Item]:
    """All that a file holds: its records and rejections, or itself as the one record, or why it is none."""
    if is_document(file.name, txt=txt):
        yield _document(file)
        return
    for item in inbox.records(file, rules):
        if isinstance(item, Rejection) and item.reason == UNKNOWN:
            item = dataclasses.replace(item, detail=f"{item.detail}. Of documents, in {OTHERS}")
        yield item


def restore(restorer: Restorer, data: bytes, name: str, threshold: float | None) -> WholeFile:
    """A document restored, without changes less sure (0 to 1) than `threshold`."""
    restored, answers = restoring.with_answers(restorer, data, _reader(name), ReadingOptions(), threshold, name)
    before = [segment.text for segment in restored.segments]
    parts = [
        answer.model_copy(update={"edits": restored.edits(number), "text": restored.text(number)})
        for number, answer in enumerate(answers)
    ]
    lines = [Piece(text, "\n" if number + 1 < len(before) else "") for number, text in enumerate(before)]
    return WholeFile("\n".join(before), pieces.join(lines, parts), restored.data)


def _document(file: InboxFile) -> Item:
    try:
        with file.local() as path:
            _reader(file.name)(path.read_bytes(), ReadingOptions())
    except UnreadableFileError as error:
        return Rejection(file.name, None, error.reason, error.detail)
    except PermissionError:
        return Rejection(file.name, None, UNREADABLE, NO_PERMISSION)
    except UnknownDocumentError as error:
        return Rejection(file.name, None, UNKNOWN, str(error))
    except InputError as error:
        return Rejection(file.name, None, NOT_READ, str(error))
    return of_file(file.name)


def _reader(name: str) -> reading.Read:
    form = reading.format_of(PurePosixPath(name))
    assert form is not None, f"{name} is no document"
    return reading.reader(form)
