"""The records of one inbox file: each line or row is either a record or a rejection, exactly once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mendel.frozen import Frozen
from mendel.inference import formats
from mendel.inference.formats import BadRecordError, Found

EXCERPT_CHARACTERS = 200


class Rules(Frozen):
    """Where a record's text lies, and how long it may be."""

    text_key: str
    max_characters: int


@dataclass(frozen=True, slots=True)
class Record:
    """A text to restore. `ordinal` is its line or row in `file`, from 1."""

    id: str
    text: str
    file: str
    ordinal: int


@dataclass(frozen=True, slots=True)
class Rejection:
    """What cannot be restored and why; `ordinal` is None when it is the whole file."""

    file: str
    ordinal: int | None
    reason: str
    detail: str
    excerpt: str = ""


def read(path: Path, name: str, rules: Rules) -> Iterator[Record | Rejection]:
    """The records and rejections of a file that passed `formats.check`, in order.

    `name` stands for the file in ids and results. A record without an id of its own gets one from `name` and its place.
    """
    suffix = formats.format_of(path.name).suffix
    raws: Iterator[Any] = formats.rows(path, rules.text_key) if suffix == ".parquet" else formats.lines(path)
    return (parse(raw, suffix, name, ordinal, rules) for ordinal, raw in enumerate(raws, start=1))


def parse(raw: bytes | Found, suffix: str, name: str, ordinal: int, rules: Rules) -> Record | Rejection:
    """One line (its `suffix` says how to read it) or row, as a record or a rejection; `name` and `ordinal` are its place."""
    try:
        found = _found(raw, suffix, rules)
        return Record(_id(found.id, name, ordinal), _text(found.text, rules), name, ordinal)
    except BadRecordError as error:
        return Rejection(name, ordinal, error.reason, error.detail, excerpt(raw))


def excerpt(raw: bytes | Found) -> str:
    """The beginning of what was found, readable whatever its bytes."""
    content = raw.text if isinstance(raw, Found) else raw
    if isinstance(content, str):
        content = content[:EXCERPT_CHARACTERS].encode()
    if not isinstance(content, bytes):
        return ""
    return content[: 4 * EXCERPT_CHARACTERS].decode(errors="backslashreplace")[:EXCERPT_CHARACTERS]


def _found(raw: bytes | Found, suffix: str, rules: Rules) -> Found:
    if isinstance(raw, Found):
        return raw
    if len(raw) >= formats.LINE_BYTES:
        raise BadRecordError("too_long", f"a line of {formats.LINE_BYTES} bytes or more")
    return formats.from_json(raw, rules.text_key) if suffix == ".jsonl" else Found(None, raw)


def _text(value: Any, rules: Rules) -> str:
    if isinstance(value, bytes):
        value = formats.decoded(value)
    if value is None:
        raise BadRecordError("no_text", f"{rules.text_key!r} is null")
    if not isinstance(value, str):
        raise BadRecordError("not_text", f"{rules.text_key!r} is not a string, it is {formats.kind_of(value)}")
    _check_unicode(value, rules.text_key)
    if not value.strip():
        raise BadRecordError("empty", "no text, or only white space")
    if len(value) > rules.max_characters:
        raise BadRecordError("too_long", f"{len(value)} characters; max_characters is {rules.max_characters}")
    return value


def _id(value: Any, name: str, ordinal: int) -> str:
    if isinstance(value, bytes):
        value = formats.decoded(value)
    if value is None or value == "":
        return hashlib.sha256(f"{name}\n{ordinal}".encode()).hexdigest()[:32]
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise BadRecordError("bad_id", f"'id' is neither a string nor a whole number, it is {formats.kind_of(value)}")
    own = str(value)
    _check_unicode(own, formats.ID)
    return own


def _check_unicode(value: str, key: str) -> None:
    """JSON can spell half of a surrogate pair, which no file of text can hold."""
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise BadRecordError("not_utf8", f"{key!r} has half a surrogate pair at character {error.start + 1}") from error
