"""The records of one inbox file: each line or row is either a record or a rejection, exactly once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mendel.core.frozen import Frozen
from mendel.records import reader
from mendel.records.reader import EXCERPT_CHARACTERS, Layout
from mendel.records.values import Row

ID = "id"


class RecordRules(Frozen):
    """Where a record's text lies, how long it may be, and what else of it is kept."""

    text_key: str
    max_characters: int | None = None
    extra: bool = True
    """Whether a record keeps its other keys or columns."""

    @property
    def layout(self) -> Layout:
        return Layout(text_key=self.text_key, id_key=ID, extra=self.extra)


@dataclass(frozen=True, slots=True)
class InboxRecord:
    """A text to restore. `ordinal` is its line or row in `file`, from 1; None: the file is one document, read later."""

    id: str
    text: str
    file: str
    ordinal: int | None
    extra: str | None = None
    """A JSON object of the record's other keys or columns."""


@dataclass(frozen=True, slots=True)
class Rejection:
    """What cannot be restored and why; `ordinal` is None when it is the whole file."""

    file: str
    ordinal: int | None
    reason: str
    detail: str
    excerpt: str = ""


def read(path: Path, name: str, rules: RecordRules) -> Iterator[InboxRecord | Rejection]:
    """The records and rejections of a file, in order. Raises UnreadableFileError before the first.

    `name` stands for the file in ids and results. A record without an id of its own gets one from `name` and its place.
    """
    with path.open("rb") as file:
        for item in reader.read(file, path.name, rules.layout):
            yield _of(item, name, rules)


def parse(raw: bytes | Row, kind: str, name: str, ordinal: int, rules: RecordRules) -> InboxRecord | Rejection:
    """One message, `jsonl` or `txt`, as a record or a rejection; `name` and `ordinal` are its place."""
    return _of(reader.parse(raw, kind, ordinal, rules.layout), name, rules)


def _of(item: reader.Record | reader.Fault, name: str, rules: RecordRules) -> InboxRecord | Rejection:
    if isinstance(item, reader.Fault):
        return Rejection(name, item.ordinal, item.reason, item.detail, item.excerpt)
    assert item.ordinal is not None, "of an inbox file no record is the whole"
    if rules.max_characters is not None and len(item.text) > rules.max_characters:
        detail = f"{len(item.text)} characters; max_characters is {rules.max_characters}"
        return Rejection(name, item.ordinal, "too_long", detail, item.text[:EXCERPT_CHARACTERS])
    return InboxRecord(item.id or id_of_place(name, item.ordinal), item.text, name, item.ordinal, item.extra)


def of_file(name: str) -> InboxRecord:
    """A whole file as one record."""
    return InboxRecord(id_of_place(name, None), "", name, None)


def id_of_place(name: str, ordinal: int | None) -> str:
    """The id of a record that has none of its own, by its file and its line or row."""
    return hashlib.sha256(f"{name}\n{ordinal}".encode()).hexdigest()[:32]
