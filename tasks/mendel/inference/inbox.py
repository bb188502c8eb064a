"""The inbox: `inbox/dt=DATE/` in the lake, where others leave files to be restored. Never written here.

Files lie directly in the day's folder. Names that begin with `.` or `_` are left alone (markers, unfinished uploads).
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from fsspec import AbstractFileSystem
from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem

from mendel.core import lake, manifest
from mendel.core.errors import InputError
from mendel.inference.records import InboxRecord, RecordRules, Rejection, read
from mendel.records.problems import UnreadableFileError

DATASET = "inbox"
UNREADABLE = "unreadable"
NO_PERMISSION = "no permission to read it"


@dataclass(frozen=True)
class InboxFile:
    """One entry of a day's folder. `name` is its path relative to the lake."""

    name: str
    bytes: int
    regular: bool
    path: str
    fs: AbstractFileSystem

    @contextmanager
    def local(self) -> Iterator[Path]:
        """The file on this machine, a copy where the lake is remote. Raises UnreadableFileError."""
        if not self.regular:
            raise UnreadableFileError(UNREADABLE, "not a file; files lie directly in the day's folder")
        if isinstance(self.fs, LocalFileSystem):
            yield Path(self.path)
            return
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / PurePosixPath(self.path).name
            try:
                self.fs.get_file(self.path, str(copy))
            except PermissionError as error:
                raise UnreadableFileError(UNREADABLE, NO_PERMISSION) from error
            yield copy

    def sha256(self) -> str:
        """Of the bytes; of a file that cannot be read, the reason in its place, so that a repair makes another day."""
        try:
            with self.local() as path, path.open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        except PermissionError:
            return UNREADABLE
        except UnreadableFileError as error:
            return error.reason


def is_readable(sha256: str) -> bool:
    """Whether a file could be read, by what stands for its checksum."""
    return sha256 != UNREADABLE


def files(root: str, day: str) -> list[InboxFile]:
    """The entries of a day's folder, by name; an absent folder has none. Raises InputError where it may not be read."""
    fs, folder = url_to_fs(lake.join(root, manifest.partition_path(DATASET, day)))
    if not fs.exists(folder):
        return []
    try:
        entries = fs.ls(folder, detail=True)
    except PermissionError as error:
        raise InputError(f"{folder} may not be listed: give this user permission to read it") from error
    files_of_day = []
    for entry in entries:
        path = entry["name"].rstrip("/")
        name = PurePosixPath(path).name
        if name.startswith((".", "_")) or path == folder.rstrip("/"):
            continue
        # A disk may hold names that are not UTF-8; here they are spelled out.
        name = name.encode(errors="surrogateescape").decode(errors="backslashreplace")
        place = f"{manifest.partition_path(DATASET, day)}/{name}"
        files_of_day.append(InboxFile(place, entry["size"] or 0, entry["type"] == "file", path, fs))
    return sorted(files_of_day, key=lambda file: file.name)


def digest(day: str, listed: Sequence[tuple[str, str]]) -> str:
    """Of a day's names and checksums, and of the day itself, since ids derive from it: no two days are the same."""
    lines = [manifest.partition_path(DATASET, day), *(f"{name} {checksum}" for name, checksum in listed)]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def records(file: InboxFile, rules: RecordRules) -> Iterator[InboxRecord | Rejection]:
    """All that a file holds, in order: records and rejections, or the one rejection of the file as a whole."""
    try:
        with file.local() as path:
            yield from read(path, file.name, rules)
    except UnreadableFileError as error:
        yield Rejection(file.name, None, error.reason, error.detail)
    except PermissionError:
        yield Rejection(file.name, None, UNREADABLE, NO_PERMISSION)
