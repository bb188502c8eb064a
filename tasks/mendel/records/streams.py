"""The bytes of a file: decompressed, and its text as UTF-8, in whichever form of Unicode it was saved."""

from __future__ import annotations

import bz2
import codecs
import io
import lzma
import zlib
from collections.abc import Callable, Iterator
from typing import IO, Any

from mendel.records.problems import UnreadableFileError

LINE_BYTES = 64 << 20
"""Of a line that is longer only this much is read, so that a file without line ends cannot fill the memory."""
BLOCK_BYTES = 1 << 20
COMPRESSED_BYTES = 4 << 10
"""Given to a decompressor at once: what it makes of them is held in memory, under 100 MB in a file made to harm."""
UTF8_BOM, UTF16_BOMS = codecs.BOM_UTF8, (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def plain(file: IO[bytes], compression: str | None) -> IO[bytes]:
    """A file from its beginning, without its compression; reading raises UnreadableFileError where that is damaged."""
    file.seek(0)
    return file if compression is None else _buffered(_decompressed(file, compression))


def text(file: IO[bytes], compression: str | None) -> IO[bytes]:
    """The same for a file of text, without its byte order mark. UTF-16 with a mark comes as UTF-8, all other bytes as
    they are: whether they are UTF-8 is asked record by record.
    """
    mark = plain(file, compression).read(len(UTF8_BOM))
    stream = plain(file, compression)
    if mark.startswith(UTF16_BOMS):
        return _buffered(_as_utf8(stream))
    if mark == UTF8_BOM:
        stream.read(len(UTF8_BOM))
    return stream


def lines(stream: IO[bytes]) -> Iterator[bytes]:
    """Lines without their ends; of a line that is too long, its first LINE_BYTES bytes."""
    while line := stream.readline(LINE_BYTES):
        piece = line
        while len(piece) == LINE_BYTES and not piece.endswith(b"\n"):
            piece = stream.readline(LINE_BYTES)
        yield line.removesuffix(b"\n").removesuffix(b"\r") if piece is line else line


def _decompressed(file: IO[bytes], compression: str) -> Iterator[bytes]:
    """What follows one another in a compressed file (members, frames, streams), padded with zeros or not.

    Python's own readers of .bz2 and .xz take a damaged part after the first for the end of the file.
    """
    new, error_type = _codec(compression)
    chunk = file.read(COMPRESSED_BYTES)
    if not chunk:
        raise UnreadableFileError("damaged", f"an empty file is no {compression}")
    while chunk:
        part = new()
        while not part.eof:
            if not chunk:
                raise UnreadableFileError("damaged", f"the {compression} ends too early")
            try:
                yield part.decompress(chunk)
            except error_type as error:
                raise UnreadableFileError("damaged", f"not {compression}, or damaged: {error}") from error
            chunk = part.unused_data if part.eof else file.read(COMPRESSED_BYTES)
        chunk = chunk or file.read(COMPRESSED_BYTES)
        while chunk and not (chunk := chunk.lstrip(b"\0")):
            chunk = file.read(COMPRESSED_BYTES)


def _codec(compression: str) -> tuple[Callable[[], Any], type[Exception]]:
    """What makes a decompressor of one part, and the error that it raises."""
    if compression == ".gz":
        return lambda: zlib.decompressobj(wbits=zlib.MAX_WBITS | 16), zlib.error
    if compression == ".bz2":
        return bz2.BZ2Decompressor, OSError
    if compression == ".xz":
        return lzma.LZMADecompressor, lzma.LZMAError
    import zstandard

    return lambda: zstandard.ZstdDecompressor().decompressobj(), zstandard.ZstdError


def _as_utf8(stream: IO[bytes]) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder("utf-16")()
    try:
        while block := stream.read(BLOCK_BYTES):
            yield decoder.decode(block).encode()
        yield decoder.decode(b"", final=True).encode()
    except UnicodeDecodeError as error:
        raise UnreadableFileError("not_utf16", f"it begins as UTF-16 and is not: {error.reason}") from error


def _buffered(pieces: Iterator[bytes]) -> IO[bytes]:
    return io.BufferedReader(_Flow(pieces), BLOCK_BYTES)


class _Flow(io.RawIOBase):
    """What an iterator gives, as a stream."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._remainder = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._remainder and (piece := next(self._pieces, None)) is not None:
            self._remainder = memoryview(piece)
        size = min(len(buffer), len(self._remainder))
        buffer[:size] = self._remainder[:size]
        self._remainder = self._remainder[size:]
        return size
