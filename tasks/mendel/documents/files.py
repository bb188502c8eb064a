"""Which files are read, where their restored versions go, and how those are written."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mendel.core.errors import InputError
from mendel.documents.reading import format_of

RESTORED = ".restored"


@dataclass(frozen=True, slots=True)
class InputFile:
    """A file that was named, or is in a folder that was."""

    path: Path
    relative: Path
    """To the folder that was named; of a file its name."""
    form: str | None
    """The name of its format; None: it is no document that is known."""
    named: bool
    """Somebody asked for this file."""


@dataclass(frozen=True, slots=True)
class Destination:
    """Where restored documents go: into a folder, into their own place, or beside the input."""

    folder: Path | None = None
    in_place: bool = False
    backup: str = ".orig"
    """What is put behind the name of the original where its place is taken."""
    force: bool = False
    """Take the place of results and backups that are there."""

    def of(self, file: InputFile) -> Path:
        if self.folder is not None:
            return self.folder / file.relative
        if self.in_place:
            return file.path.resolve()  # a link goes on being one
        return file.path.with_name(f"{file.path.stem}{RESTORED}{file.path.suffix}")

    def require_free(self, file: InputFile) -> None:
        """Raises InputError where something is lost by writing this file."""
        place = self._backup(file) if self.in_place else self.of(file)
        if place.exists() and not self.force:
            option = "--backup SUFFIX" if self.in_place else "--output FOLDER"
            raise InputError(
                f"{place} is there already; move it away, choose another {option}, or overwrite it with --force"
            )

    def write(self, file: InputFile, data: bytes) -> Path:
        """Write a restored document, all of it or nothing; the original's rights are its own. Where it was written."""
        self.require_free(file)
        target = self.of(file)
        if self.in_place:
            shutil.copy2(target, self._backup(file))
        target.parent.mkdir(parents=True, exist_ok=True)
        replace(target, data, like=file.path)
        return target

    def _backup(self, file: InputFile) -> Path:
        target = self.of(file)
        return target.with_name(target.name + self.backup)


def replace(path: Path, data: bytes, like: Path | None = None) -> None:
    """Write a file in one step: readers see the old one or the new one. It gets the rights of the file `like`."""
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".tmp-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if like is not None:
            shutil.copymode(like, temporary)
        else:
            Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    finally:
        Path(temporary).unlink(missing_ok=True)


def inputs(paths: Sequence[str], form: str | None, destination: Destination) -> Iterator[InputFile]:
    """The files of paths, folders with all that is below them, in order; `form` is the format of files that are named.

    What begins with a dot, earlier results and backups are left alone. Raises InputError where there is no such path, or
    a file that was named has a suffix that says nothing.
    """
    for name in paths:
        path = Path(name)
        if path.is_dir():
            yield from _below(path, destination)
        elif not path.exists():
            raise InputError(f"{name}: there is no such file or folder")
        elif (kind := form or format_of(path)) is None:
            raise InputError(f"{name}: its suffix tells no format; say it, as in --format text")
        else:
            yield InputFile(path, Path(path.name), kind, named=True)


def _below(folder: Path, destination: Destination) -> Iterator[InputFile]:
    target = destination.folder.resolve() if destination.folder else None
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(
            name for name in folders if not name.startswith(".") and (Path(place) / name).resolve() != target
        )
        for name in sorted(names):
            path = Path(place) / name
            result = path.stem.endswith(RESTORED) or name.endswith(destination.backup)
            if not name.startswith(".") and not result and path.is_file():
                yield InputFile(path, path.relative_to(folder), format_of(path), named=False)
