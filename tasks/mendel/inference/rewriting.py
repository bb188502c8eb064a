"""Files of records written again: the texts that were restored in their places, all else as it was."""

from __future__ import annotations

import bz2
import codecs
import gzip
import lzma
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import IO, Any

from mendel.documents.formats import jsonl, parquet
from mendel.records import formats, streams
from mendel.records.streams import UTF8_BOM, UTF16_BOMS


def rewrite(source: Path, target: Path, texts: Mapping[int, str], text_key: str) -> None:
    """Write a file again with other texts, by line or row, from 1; its name tells the format.

    Without any it is copied. `text_key` is the key or column that holds the text.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    if not texts:
        shutil.copyfile(source, target)
        return
    form = formats.format_of(source.name)
    with source.open("rb") as before, target.open("wb") as file, _compressed(file, form.compression) as after:
        if form.kind == "parquet":
            _parquet(streams.plain(before, form.compression), after, texts, text_key)
        else:
            _lines(before, form, after, texts, text_key)


def blank(source: Path, target: Path, ordinals: Collection[int]) -> None:
    """Write a file again without what stands on some lines, or in some rows: they are empty, the others keep their numbers."""
    form = formats.format_of(source.name)
    with source.open("rb") as before, target.open("wb") as file, _compressed(file, form.compression) as after:
        if form.kind == "parquet":
            _blank_rows(streams.plain(before, form.compression), after, ordinals)
            return
        encode, mark = _encoding(streams.plain(before, form.compression).read(len(UTF8_BOM)))
        after.write(mark)
        for ordinal, raw in _numbered(streams.text(before, form.compression)):
            kept = _end_of(raw) if ordinal in ordinals else raw
            after.write(encode(kept))


def _end_of(line: bytes) -> bytes:
    return line[len(line.removesuffix(b"\n").removesuffix(b"\r")) :]


def _blank_rows(source: IO[bytes], target: IO[bytes], ordinals: Collection[int]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    with tempfile.TemporaryFile() as copy:
        shutil.copyfileobj(source, copy, streams.BLOCK_BYTES)  # Parquet is read from its end
        copy.seek(0)
        table = pq.read_table(copy)
    rows = [None if row + 1 in ordinals else row for row in range(table.num_rows)]
    emptied = table.take(pa.array(rows, pa.int64()))
    schema = pa.schema([field.with_nullable(True) for field in table.schema], table.schema.metadata)
    pq.write_table(emptied.cast(schema), target)


def _parquet(source: IO[bytes], target: IO[bytes], texts: Mapping[int, str], text_key: str) -> None:
    import pyarrow.parquet as pq

    with tempfile.TemporaryFile() as copy:
        shutil.copyfileobj(source, copy, streams.BLOCK_BYTES)  # Parquet is read from its end
        copy.seek(0)
        column = pq.read_schema(copy).names.index(text_key)
        parquet.rewrite(copy, target, {column: {ordinal - 1: text for ordinal, text in texts.items()}})


def _lines(source: IO[bytes], form: formats.Format, target: IO[bytes], texts: Mapping[int, str], text_key: str) -> None:
    encode, mark = _encoding(streams.plain(source, form.compression).read(len(UTF8_BOM)))
    target.write(mark)
    for ordinal, raw in _numbered(streams.text(source, form.compression)):
        if (text := texts.get(ordinal)) is not None:
            content = raw.removesuffix(b"\n").removesuffix(b"\r")
            one_line = " ".join(text.splitlines())
            line = jsonl.with_value(content.decode(), text_key, text) if form.kind == "jsonl" else one_line
            raw = line.encode() + raw[len(content) :]
        target.write(encode(raw))


def _numbered(stream: IO[bytes]) -> Iterator[tuple[int, bytes]]:
    """Lines with their ends and numbers, from 1; one that is too long in parts."""
    ordinal = 1
    while part := stream.readline(streams.LINE_BYTES):
        yield ordinal, part
        ordinal += part.endswith(b"\n")


def _encoding(begin: bytes) -> tuple[Callable[[bytes], bytes], bytes]:
    """What makes of UTF-8 the file's own form of Unicode, and the file's byte order mark."""
    if begin.startswith(UTF16_BOMS):
        name = "utf-16-le" if begin.startswith(codecs.BOM_UTF16_LE) else "utf-16-be"
        decoder = codecs.getincrementaldecoder("utf-8")()  # a part of a line may end within a character
        return lambda raw: decoder.decode(raw).encode(name), begin[:2]
    return bytes, UTF8_BOM if begin == UTF8_BOM else b""


def _compressed(file: IO[bytes], compression: str | None) -> AbstractContextManager[Any]:
    """A file to write into what is to be compressed; the same content gives the same bytes."""
    if compression is None:
        return nullcontext(file)
    if compression == ".gz":
        return gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0)
    if compression == ".bz2":
        return bz2.open(file, "wb")
    if compression == ".xz":
        return lzma.open(file, "wb")
    import zstandard

    return zstandard.ZstdCompressor().stream_writer(file, closefd=False)
