"""The file formats of an inbox: from bytes to the id and the text of each line or row, both as they were found."""

from __future__ import annotations

import io
import json
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import pyarrow as pa

FORMATS = (".jsonl", ".txt", ".parquet")
COMPRESSIONS = {".gz": "gzip", ".zst": "zstd"}
ID = "id"

LINE_BYTES = 16 << 20
"""Of a line that is longer only this much is read, so that a file without line ends cannot fill the memory."""
BLOCK_BYTES = 1 << 20
ROWS = 1024
UTF8_BOM = b"\xef\xbb\xbf"


class ProblemError(Exception):
    """What is wrong with some input: a word for counting, a sentence for reading."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


class UnreadableFileError(ProblemError):
    """A file that cannot be read to its end. None of it is used: a half would be taken for the whole."""


class BadRecordError(ProblemError):
    """A record that cannot be restored."""


class Found(NamedTuple):
    """What a line or row holds. Strings may still be bytes: whether they are UTF-8 is asked record by record."""

    id: Any
    text: Any


class Format(NamedTuple):
    suffix: str
    compression: str | None


def format_of(name: str) -> Format:
    """The format that a file's name tells. Raises UnreadableFileError."""
    *others, last = ["", *(suffix.lower() for suffix in Path(name).suffixes)]
    compression = COMPRESSIONS.get(last)
    suffix = others[-1] if compression else last
    if suffix not in FORMATS:
        wanted = f"{', '.join(FORMATS)}, plain or with {' or '.join(COMPRESSIONS)}"
        raise UnreadableFileError("unknown_format", f"the name ends in {last or 'no suffix'}; it must end in {wanted}")
    return Format(suffix, compression)


def check(path: Path, text_key: str) -> None:
    """Read a file to its end without taking anything from it. Raises UnreadableFileError."""
    import pyarrow as pa

    suffix, compression = format_of(path.name)
    try:
        if suffix == ".parquet":
            for _ in _batches(path, compression, text_key):
                pass
        else:
            with _stream(path, compression) as stream:
                while stream.read(BLOCK_BYTES):
                    pass
    except PermissionError as error:
        raise UnreadableFileError("unreadable", "no permission to read it") from error
    except (OSError, pa.ArrowException, UnicodeDecodeError) as error:
        raise UnreadableFileError("damaged", str(error).replace(str(path), path.name)) from error


def lines(path: Path) -> Iterator[bytes]:
    """Lines without their ends; of a line that is too long, its first LINE_BYTES bytes."""
    with _stream(path, format_of(path.name).compression) as stream:
        first = True
        while line := stream.readline(LINE_BYTES):
            piece = line
            while len(piece) == LINE_BYTES and not piece.endswith(b"\n"):
                piece = stream.readline(LINE_BYTES)
            if piece is line:
                line = line.removeprefix(UTF8_BOM if first else b"").removesuffix(b"\n").removesuffix(b"\r")
            yield line
            first = False


def rows(path: Path, text_key: str) -> Iterator[Found]:
    """The rows of a Parquet file that passed `check`."""
    for batch in _batches(path, format_of(path.name).compression, text_key):
        texts = _values(batch.column(text_key))
        ids = _values(batch.column(ID)) if ID in batch.schema.names else [None] * len(texts)
        yield from map(Found, ids, texts)


def from_json(line: bytes, text_key: str) -> Found:
    """The fields of a line of JSON Lines. Raises BadRecordError."""
    if not line.strip():
        raise BadRecordError("empty", "the line is blank")
    try:
        data = json.loads(decoded(line))
    except RecursionError as error:
        raise BadRecordError("not_json", "the line is nested too deeply") from error
    except ValueError as error:
        raise BadRecordError("not_json", f"the line is not JSON: {error}") from error
    if not isinstance(data, dict):
        raise BadRecordError("not_json", f"the line is not a JSON object, it is {kind_of(data)}")
    if text_key not in data:
        keys = ", ".join(sorted(data)[:10]).encode(errors="backslashreplace").decode()
        raise BadRecordError("no_text", f"no key {text_key!r}; there is: {keys or 'nothing'}")
    return Found(data.get(ID), data[text_key])


def decoded(raw: bytes) -> str:
    """Text from UTF-8. Raises BadRecordError."""
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise BadRecordError("not_utf8", f"byte {error.start + 1} is not UTF-8: {error.reason}") from error


def kind_of(value: Any) -> str:
    """What a value is, in the words of JSON, or of Arrow where it stands for a value of that type."""
    names = {list: "a list", dict: "an object", bool: "a boolean", int: "a number", float: "a number", str: "a string"}
    return "null" if value is None else names.get(type(value), str(value))


def _stream(path: Path, compression: str | None) -> IO[bytes]:
    file = path.open("rb")
    if compression is None:
        return file
    # pyarrow's streams say so when a compressed file ends early; Python's zstandard takes the part for the whole.
    import pyarrow as pa

    return io.BufferedReader(pa.input_stream(file, compression=compression), BLOCK_BYTES)


def _batches(path: Path, compression: str | None, text_key: str) -> Iterator[pa.RecordBatch]:
    import pyarrow.parquet as pq

    with _seekable(path, compression) as source, pq.ParquetFile(source) as file:
        names = file.schema_arrow.names
        if names.count(text_key) != 1 or names.count(ID) > 1:
            there = f"there is: {', '.join(names) or 'none'}"
            raise UnreadableFileError("no_text", f"one column {text_key!r} and at most one {ID!r} are wanted; {there}")
        yield from file.iter_batches(ROWS, columns=[text_key, *({ID} & set(names) - {text_key})])


@contextmanager
def _seekable(path: Path, compression: str | None) -> Iterator[Any]:
    """The file itself, or what it decompresses to: Parquet is read from its end."""
    with _stream(path, compression) as stream:
        if compression is None:
            yield stream
            return
        with tempfile.TemporaryFile() as plain:
            shutil.copyfileobj(stream, plain, BLOCK_BYTES)
            yield plain


def _values(column: pa.Array) -> list[Any]:
    """Python values. Of a column that is neither text nor whole numbers only the type, not every value has a form."""
    import pyarrow as pa
    import pyarrow.types as types

    kind = column.type
    if types.is_dictionary(kind):
        column, kind = column.dictionary_decode(), kind.value_type
    if types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind):
        column = column.cast(pa.large_binary())
        kind = column.type
    if types.is_binary(kind) or types.is_large_binary(kind) or types.is_binary_view(kind) or types.is_integer(kind):
        return list(column.to_pylist())
    return [None if missing else kind for missing in column.is_null().to_pylist()]
