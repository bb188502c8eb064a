"""Files into records."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Literal

from mendel.core.frozen import Frozen
from mendel.records import formats, streams
from mendel.records.formats import Format
from mendel.records.parquet import rows
from mendel.records.problems import BadRecordError, MissingKeyError, UnreadableFileError
from mendel.records.values import Row, from_json, id_of, text_of

BLANK_LINES = re.compile(r"\n[^\S\n]*\n\s*")
EXCERPT_CHARACTERS = 200


class Layout(Frozen):
    """Where the texts of a file are, and what they are called by."""

    text_key: str
    id_key: str | None = None
    id_wanted: bool = False
    """Whether a record without an id is a fault."""
    txt: Literal["line", "paragraph", "file"] = "line"
    """What a record is in .txt."""
    skip_blank_lines: bool = False
    """Of JSON Lines; else a blank line is a fault."""


@dataclass(frozen=True, slots=True)
class Record:
    """A text. `ordinal` is its line, row or paragraph, from 1; None: it is the whole file."""

    ordinal: int | None
    id: str | None
    text: str


@dataclass(frozen=True, slots=True)
class Fault:
    """What cannot be used and why, in a word and in a sentence; the beginning of what was found."""

    ordinal: int
    reason: str
    detail: str
    excerpt: str


def read(file: IO[bytes], name: str, layout: Layout) -> Iterator[Record | Fault]:
    """All that a seekable file holds, in order; its name tells the format.

    Raises UnreadableFileError, before the first record, where the file cannot be read to its end or no record has the
    keys that are asked for.
    """
    form = formats.format_of(name)
    try:
        _check(file, form, layout)
    except OSError as error:
        raise UnreadableFileError("damaged", error.strerror or str(error)) from error
    return _records(file, form, layout)


def parse(raw: bytes | Row, kind: str, ordinal: int, layout: Layout) -> Record | Fault:
    """One line, message (`kind` says whether it is `jsonl` or `txt`) or row."""
    try:
        row = _row(raw, kind, layout)
        record_id = id_of(row.id, layout.id_key) if layout.id_key else None
        if record_id is None and layout.id_wanted:
            raise BadRecordError("no_id", f"{layout.id_key!r} is null or empty")
        return Record(ordinal, record_id, text_of(row.text, layout.text_key))
    except BadRecordError as error:
        return Fault(ordinal, error.reason, error.detail, excerpt(raw))


def excerpt(raw: bytes | Row) -> str:
    """The beginning of what was found, readable whatever its bytes."""
    content = raw.text if isinstance(raw, Row) else raw
    if isinstance(content, str):
        content = content[:EXCERPT_CHARACTERS].encode(errors="backslashreplace")
    if not isinstance(content, bytes):
        return ""
    return content[: 4 * EXCERPT_CHARACTERS].decode(errors="backslashreplace")[:EXCERPT_CHARACTERS]


def _records(file: IO[bytes], form: Format, layout: Layout) -> Iterator[Record | Fault]:
    if form.kind == "txt" and layout.txt != "line":
        yield from _documents(file, form, layout)
        return
    for ordinal, raw in enumerate(_raws(file, form, layout), start=1):
        if not (layout.skip_blank_lines and isinstance(raw, bytes) and not raw.strip()):
            yield parse(raw, form.kind, ordinal, layout)


def _raws(file: IO[bytes], form: Format, layout: Layout) -> Iterator[bytes | Row]:
    if form.kind == "parquet":
        return rows(file, form.compression, layout.text_key, layout.id_key, id_wanted=layout.id_wanted)
    return streams.lines(streams.text(file, form.compression))


def _documents(file: IO[bytes], form: Format, layout: Layout) -> Iterator[Record]:
    """A file of text, whole or by its paragraphs: what is wrong with one part of it is wrong with the file."""
    try:
        text = text_of(streams.text(file, form.compression).read(), "text")
    except BadRecordError as error:
        raise UnreadableFileError(error.reason, error.detail) from error
    if layout.txt == "file":
        yield Record(None, None, text)
        return
    paragraphs = (part for part in BLANK_LINES.split(text.replace("\r\n", "\n")) if part.strip())
    yield from (Record(ordinal, None, part) for ordinal, part in enumerate(paragraphs, start=1))


def _row(raw: bytes | Row, kind: str, layout: Layout) -> Row:
    if isinstance(raw, Row):
        return raw
    if len(raw) >= streams.LINE_BYTES:
        raise BadRecordError("too_long", f"a line of {streams.LINE_BYTES} bytes or more")
    if kind == "jsonl":
        return from_json(raw, layout.text_key, layout.id_key, id_wanted=layout.id_wanted)
    return Row(None, raw)


def _check(file: IO[bytes], form: Format, layout: Layout) -> None:
    """Read a file to its end without taking anything from it. Raises UnreadableFileError."""
    if form.kind == "parquet":
        for _ in _raws(file, form, layout):
            pass
        return
    stream = streams.text(file, form.compression)
    while stream.read(streams.BLOCK_BYTES):
        pass
    if form.kind == "jsonl":
        _require_keys(streams.lines(streams.text(file, form.compression)), layout)


def _require_keys(lines: Iterator[bytes], layout: Layout) -> None:
    """A key that no line has is the setting's fault, not the lines': said once. Parquet says so by its columns."""
    missing: MissingKeyError | None = None
    for line in lines:
        try:
            _row(line, "jsonl", layout)
        except MissingKeyError as error:
            missing = missing or error
        except BadRecordError:
            continue
        else:
            return
    if missing is not None:
        key = "text_key" if missing.reason == "no_text" else "id_key"
        raise UnreadableFileError(missing.reason, f"no line serves; the first: {missing.detail}. Set {key}")
