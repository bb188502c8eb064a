"""One's own text: files of any fsspec file system, chosen by a pattern."""

from __future__ import annotations

import hashlib
import io
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple

from fsspec import AbstractFileSystem
from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem
from pydantic import Field

from mendel.core import digest, lake
from mendel.core.errors import InputError
from mendel.core.manifest import InputEntry
from mendel.corpus.sources.base import Document, HashSplit, Rejected, Source, text_hash
from mendel.records import reader
from mendel.records.problems import UnreadableFileError
from mendel.records.reader import Fault, Layout, Record

ITS_OWN_FAULT = (PermissionError, FileNotFoundError, IsADirectoryError)
"""Errors that stay however often one tries. Others (a connection lost, say) end the run, which is then retried: a
corpus must not shrink because a store was down for a moment."""


class Found(NamedTuple):
    fs: AbstractFileSystem
    path: str
    name: str
    """Relative to the folder where the pattern's wildcards start, so that a folder can be moved."""

    @property
    def uri(self) -> str:
        return str(self.fs.unstrip_protocol(self.path))


class FileSource(Source):
    """Text files (.txt: a document each), JSON Lines (.jsonl, .ndjson) and Parquet (a document per record), plain or
    .gz, .bz2, .xz or .zst.

    A record is called by its own id where `id_key` is set, else by a hash of its text. A file is read whole.
    """

    kind: Literal["files"]
    glob: str = Field(description="path or URI with wildcards: data/**/*.txt, s3://bucket/news/*.jsonl.gz")
    text_key: str = Field("text", description="key or column that holds the text")
    id_key: str | None = Field(None, description="key or column that names the record")
    txt_documents: Literal["file", "paragraph"] = Field(
        "file", description="what a document is in .txt: the file, or (for a few long files) what blank lines separate"
    )
    split: HashSplit = HashSplit()

    def entry(self) -> InputEntry:
        files, _ = self._find()
        return InputEntry(
            name="source",
            uri=lake.normalise(self.glob),
            digest=digest.of_digests(f"{file.name}:{_sha256(file)}" for file in files),
            rows=len(files),
        )

    def read(self) -> Iterator[Document | Rejected]:
        files, refused = self._find()
        yield from refused
        for file in files:
            yield from self._documents(file)

    def identity(self) -> dict[str, Any]:
        return self.model_dump(mode="json", exclude={"glob"})

    def _find(self) -> tuple[list[Found], list[Rejected]]:
        """The files that the pattern matches, by name, and what it may match and cannot be looked into."""
        fs, pattern = url_to_fs(lake.normalise(self.glob))
        paths = sorted(path for path, info in fs.glob(pattern, detail=True).items() if info.get("type") != "directory")
        start = re.split(r"[*?\[]", pattern, maxsplit=1)[0].rpartition("/")[0]
        refused: list[Rejected] = []
        if isinstance(fs, LocalFileSystem):
            refused += _closed_folders(start, pattern[len(start) :].strip("/"))
            # Opening a pipe or a device would wait for ever. A dangling link is left to fail by name.
            odd = {path for path in paths if Path(path).exists() and not Path(path).is_file()}
            refused += [Rejected(f"file://{path}", "unreadable", "not a regular file") for path in sorted(odd)]
            paths = [path for path in paths if path not in odd]
        if not paths and not refused:
            folder = f"; it is a folder: write {self.glob.rstrip('/')}/**/*.txt" if fs.isdir(pattern) else ""
            raise InputError(f"source.glob {self.glob} matches no file{folder}")
        return [Found(fs, path, _printable(path[len(start) :].strip("/"))) for path in paths], refused

    @property
    def _layout(self) -> Layout:
        return Layout(
            text_key=self.text_key,
            id_key=self.id_key,
            id_wanted=self.id_key is not None,
            txt=self.txt_documents,
            skip_blank_lines=True,
        )

    def _documents(self, file: Found) -> Iterator[Document | Rejected]:
        try:
            content = io.BytesIO(file.fs.cat_file(file.path))
        except ITS_OWN_FAULT as error:
            yield Rejected(file.uri, "unreadable", f"cannot be opened: {error.strerror or error}")
            return
        try:
            item = None
            for item in reader.read(content, file.name, self._layout):
                yield self._document(file, item)
            if item is None:
                yield Rejected(file.uri, "empty", "the file holds no record")
        except UnreadableFileError as error:
            yield Rejected(file.uri, error.reason, error.detail)

    def _document(self, file: Found, item: Record | Fault) -> Document | Rejected:
        if isinstance(item, Fault):
            return Rejected(f"{file.uri}:{item.ordinal}", item.reason, item.detail)
        if item.id is not None and not item.id.isprintable():
            detail = f"{self.id_key!r} holds characters that cannot be printed: {item.id!r}"
            return Rejected(f"{file.uri}:{item.ordinal}", "bad_id", detail)
        name = file.name if item.ordinal is None else f"{file.name}#{item.id or text_hash(item.text)}"
        return Document(name, item.text, self.split.of(name))


def _sha256(file: Found) -> str:
    try:
        return hashlib.sha256(file.fs.cat_file(file.path)).hexdigest()
    except ITS_OWN_FAULT as error:
        return type(error).__name__


def _closed_folders(start: str, pattern: str) -> list[Rejected]:
    """Local folders below `start` that the pattern reaches and that may not be listed: fsspec passes over them."""
    closed: list[Rejected] = []

    def refuse(error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):
            closed.append(Rejected(f"file://{error.filename}", "unreadable", f"cannot be listed: {error.strerror}"))

    for folder, folders, _ in os.walk(start or "/", onerror=refuse):
        below = folder[len(start) :].strip("/")
        if "**" not in pattern and (below.count("/") + 1 if below else 0) >= pattern.count("/"):
            folders.clear()
    return sorted(closed, key=lambda item: item.uri)


def _printable(name: str) -> str:
    """A file name as text: bytes in it that are not UTF-8 are shown as escapes."""
    return name.encode(errors="surrogateescape").decode(errors="backslashreplace")
