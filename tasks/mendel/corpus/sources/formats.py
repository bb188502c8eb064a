"""Bytes into records: .txt, .jsonl and .parquet, plain or compressed. Bad bytes are reported, never guessed at."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from mendel.corpus.sources.base import text_hash
from mendel.frozen import Frozen

BLANK_LINES = re.compile(r"\n[^\S\n]*\n\s*")


class UnreadableError(Exception):
    """The file as a whole cannot be used; the message is the reason."""


@dataclass(frozen=True, slots=True)
class Record:
    """One text of a file. `id` names it within the file; None: it is the whole file."""

    text: str
    id: str | None


@dataclass(frozen=True, slots=True)
class Fault:
    """One record of a file that cannot be used. `number` counts lines or rows from 1."""

    number: int
    reason: str


class Layout(Frozen):
    """Where the texts are in a file, and what they are called: by `id_key`, else by a hash of the text."""

    text_key: str = "text"
    id_key: str | None = None
    txt_documents: Literal["file", "paragraph"] = "file"


def parse(name: str, data: bytes, layout: Layout) -> Iterator[Record | Fault]:
    """The records of a file, its format and compression told by its name. Raises UnreadableError."""
    stem, data = _decompress(name, data)
    suffix = stem.rpartition(".")[2].lower()
    if suffix not in _PARSERS:
        raise UnreadableError(
            f"unknown format .{suffix}; expected {', '.join(f'.{known}' for known in _PARSERS)}, "
            f"alone or followed by {', '.join(f'.{known}' for known in _DECOMPRESSORS)}"
        )
    if not data:
        raise UnreadableError("empty")
    yield from _PARSERS[suffix](data, layout)


def _decompress(name: str, data: bytes) -> tuple[str, bytes]:
    stem, _, suffix = name.rpartition(".")
    if suffix.lower() not in _DECOMPRESSORS:
        return name, data
    if not data:
        raise UnreadableError("empty")
    try:
        return stem, _DECOMPRESSORS[suffix.lower()](data)
    except (EOFError, OSError, ValueError, lzma.LZMAError, zlib.error) as error:
        raise UnreadableError(f"damaged or truncated .{suffix}: {error}") from error


def _zst(data: bytes) -> bytes:
    import pyarrow as pa

    # zstandard's own stream reader takes a truncated frame for the end of the file.
    return bytes(pa.input_stream(pa.py_buffer(data), compression="zstd").read())


def _txt(data: bytes, layout: Layout) -> Iterator[Record | Fault]:
    text = _decode(data)
    if not text.strip():
        raise UnreadableError("empty: only white space")
    if layout.txt_documents == "file":
        yield Record(text, None)
        return
    for paragraph in BLANK_LINES.split(text.replace("\r\n", "\n")):
        if paragraph.strip():
            yield Record(paragraph, text_hash(paragraph))


def _jsonl(data: bytes, layout: Layout) -> Iterator[Record | Fault]:
    _refuse_binary(data)
    if not data.strip():
        raise UnreadableError("empty: only white space")
    for number, line in enumerate(data.removeprefix(b"\xef\xbb\xbf").split(b"\n"), start=1):
        if line.strip():
            yield _json_record(number, line, layout)


def _json_record(number: int, line: bytes, layout: Layout) -> Record | Fault:
    try:
        item = json.loads(_decode(line))
    except UnreadableError as error:
        return Fault(number, str(error))
    except (ValueError, RecursionError) as error:
        return Fault(number, f"not JSON: {error}")
    if not isinstance(item, dict):
        return Fault(number, f"expected an object with a key {layout.text_key!r}, found {_kind(item)}")
    missing = [key for key in (layout.text_key, layout.id_key) if key is not None and key not in item]
    if missing:
        return Fault(number, f"no key {missing[0]!r}; it has {', '.join(map(repr, item)) or 'none'}")
    return _record(number, item[layout.text_key], item[layout.id_key] if layout.id_key else None, layout)


def _parquet(data: bytes, layout: Layout) -> Iterator[Record | Fault]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    keys = [layout.text_key, *([layout.id_key] if layout.id_key else [])]
    try:
        file = pq.ParquetFile(pa.BufferReader(data))
        names = file.schema_arrow.names
        if missing := [key for key in keys if key not in names]:
            raise UnreadableError(f"no column {missing[0]!r}; it has {', '.join(map(repr, names)) or 'none'}")
        table = file.read(columns=keys)
        table.validate(full=True)  # strings that are not UTF-8 show only here
        texts, ids = table[keys[0]].to_pylist(), table[keys[-1]].to_pylist()
    except (pa.ArrowException, OSError, ValueError) as error:
        raise UnreadableError(f"damaged or not Parquet: {error}") from error
    if not texts:
        raise UnreadableError("empty: no rows")
    for number, (text, own) in enumerate(zip(texts, ids, strict=True), start=1):
        yield _record(number, text, own if layout.id_key else None, layout)


def _record(number: int, text: Any, own: Any, layout: Layout) -> Record | Fault:
    if not isinstance(text, str):
        return Fault(number, f"{layout.text_key!r} is {_kind(text)}, expected a string")
    if not text.strip():
        return Fault(number, f"{layout.text_key!r} is empty")
    if layout.id_key is None:
        return Record(text, text_hash(text))
    if isinstance(own, bool) or not isinstance(own, str | int) or own == "":
        return Fault(number, f"{layout.id_key!r} is {_kind(own)}, expected a string or a whole number")
    if not str(own).isprintable():  # so is a lone surrogate, which no file could hold
        return Fault(number, f"{layout.id_key!r} holds characters that cannot be printed: {own!r}")
    return Record(text, str(own))


def _decode(data: bytes) -> str:
    _refuse_binary(data)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableError(
            f"not UTF-8: byte 0x{data[error.start]:02x} at offset {error.start}; convert it, as in "
            "iconv -f WINDOWS-1252 -t UTF-8"
        ) from error


def _refuse_binary(data: bytes) -> None:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise UnreadableError("UTF-16, not UTF-8; convert it: iconv -f UTF-16 -t UTF-8")
    if (offset := data.find(b"\0")) >= 0:
        raise UnreadableError(f"binary: a zero byte at offset {offset}")


def _kind(value: Any) -> str:
    names = {
        type(None): "null",
        bool: "a boolean",
        int: "a number",
        float: "a number",
        list: "a list",
        dict: "an object",
    }
    return "an empty string" if value == "" else names.get(type(value), f"a {type(value).__name__}")


_DECOMPRESSORS: dict[str, Callable[[bytes], bytes]] = {
    "gz": gzip.decompress,
    "bz2": bz2.decompress,
    "xz": lzma.decompress,
    "zst": _zst,
}
_PARSERS: dict[str, Callable[[bytes, Layout], Iterator[Record | Fault]]] = {
    "txt": _txt,
    "jsonl": _jsonl,
    "parquet": _parquet,
}
