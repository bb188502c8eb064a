"""One cache for all that is copied to this machine or made on it: named by content, checked, bounded.

    $MENDEL_CACHE/entries/<key>/files/…        what was copied or made, whole
    $MENDEL_CACHE/entries/<key>/listing.json   sizes and times of those files; its own time is that of the last use
    $MENDEL_CACHE/entries/.new-…               an entry on its way in, renamed into place when it is whole

Files that come from a lake are checked against their SHA-256 before the entry exists. Later uses look at sizes and times
alone, and make an entry again that is not as it was. Beyond MENDEL_CACHE_GB the entries that were not used for longest
go; one that a process uses stays until that process ends.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from mendel.core import lake, manifest
from mendel.core.errors import InputError
from mendel.core.manifest import FileEntry

FILES, LISTING, NEW = "files", "listing.json", ".new-"
DEFAULT_GB = 10.0
ABANDONED_SECONDS = 24 * 3600.0
"""After this time an entry on its way in belongs to a process that was killed."""

_locks: dict[Path, int] = {}
"""Locks on the entries that this process uses."""


def folder() -> Path:
    """MENDEL_CACHE where set, else the user's cache."""
    if chosen := os.environ.get("MENDEL_CACHE"):
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mendel"


def local(uri: str, files: Sequence[FileEntry] | None = None) -> Path:
    """A local folder with the files of one in a lake: that folder itself where the lake is on this machine.

    `files` are the folder's, their paths relative to it; without them the manifest beside it says what it holds, and
    what no manifest lists is copied anew each time. Raises InputError naming a file that is not as it was listed.
    """
    uri = lake.normalise(uri)
    if (path := lake.local_path(uri)) is not None:
        return path
    listed = files or manifest.listed(uri)
    if listed:
        return entry(_key(listed), lambda target: bring(uri, listed, target))
    with _scratch(_home()) as scratch:
        copies = [_brought(uri, file.removeprefix(uri).strip("/"), scratch) for file in lake.list_files(uri)]
        return entry(_key(copies), lambda target: shutil.copytree(scratch, target, dirs_exist_ok=True))


def bring(uri: str, files: Sequence[FileEntry], target: Path) -> None:
    """Copy a folder's files, their paths relative to it. Raises InputError naming one that is not as it was listed."""
    for file in files:
        copy = _brought(uri, file.path, target)
        if copy != file:
            raise InputError(
                f"{lake.join(uri, file.path)}: expected {file.bytes} bytes with sha256 {file.sha256}, "
                f"found {copy.bytes} with {copy.sha256}. Bring it back (mendel data checkout), or make the version again"
            )


def entry(key: str, make: Callable[[Path], object]) -> Path:
    """The folder that `make` fills, or filled earlier. It stays as long as this process lives."""
    home = _home()
    place, added = home / key, False
    while not _take(place):
        _add(home, place, make)
        added = True
    if added:
        _make_room(home)
    return place / FILES


def _take(place: Path) -> bool:
    """Use an entry: hold it, and note the time. False where there is none, or none that is whole."""
    if place not in _locks:
        try:
            lock = os.open(place / LISTING, os.O_RDONLY)
        except OSError:
            return False
        fcntl.flock(lock, fcntl.LOCK_SH)  # waits for one who is removing it
        _locks[place] = lock
    if not _whole(place):
        os.close(_locks.pop(place))
        return False
    with suppress(OSError):  # a cache that may only be read does as well
        os.utime(place / LISTING)
    return True


def _add(home: Path, place: Path, make: Callable[[Path], object]) -> None:
    with _scratch(home) as scratch:
        (scratch / FILES).mkdir()
        make(scratch / FILES)
        (scratch / LISTING).write_text(json.dumps(_stats(scratch / FILES)))
        try:
            scratch.rename(place)
        except OSError:  # there is one already
            if not _whole(place):
                place.rename(scratch / "broken")


def _whole(place: Path) -> bool:
    """Whether all files are as they were when the entry was made, by size and time."""
    try:
        return bool(json.loads((place / LISTING).read_text()) == _stats(place / FILES))
    except (OSError, ValueError):
        return False


def _stats(files: Path) -> dict[str, list[int]]:
    stats = ((path, path.stat()) for path in sorted(files.rglob("*")) if path.is_file())
    return {str(path.relative_to(files)): [stat.st_size, stat.st_mtime_ns] for path, stat in stats}


def _make_room(home: Path) -> None:
    """Remove what killed processes left, then entries, those first that were not used for longest, down to the limit."""
    for path in home.glob(f"{NEW}*"):
        if time.time() - _used(path) > ABANDONED_SECONDS:
            shutil.rmtree(path, ignore_errors=True)
    places = sorted(home.glob(f"[!.]*/{LISTING}"), key=_used)
    sizes = {listing.parent: _bytes(listing.parent) for listing in places}
    excess = sum(sizes.values()) - _limit()
    for place, size in sizes.items():
        if excess > 0 and _remove(place):
            excess -= size


def _used(path: Path) -> float:
    """When a path was last used; now where another process has removed it."""
    return path.stat().st_mtime if path.exists() else time.time()


def _bytes(place: Path) -> int:
    return sum(size for size, _ in _stats(place / FILES).values())


def _limit() -> float:
    """Bytes that the entries may take."""
    text = os.environ.get("MENDEL_CACHE_GB") or str(DEFAULT_GB)
    try:
        return float(text) * 1e9
    except ValueError:
        raise InputError(f"MENDEL_CACHE_GB={text!r}: write gigabytes as a number, as in 10") from None


def _remove(place: Path) -> bool:
    """Remove an entry unless a process uses it."""
    with suppress(OSError), (place / LISTING).open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        (place / LISTING).unlink()  # from now on it is no entry
        shutil.rmtree(place)
        return True
    return False


def _brought(uri: str, path: str, target: Path) -> FileEntry:
    """Copy one file of a folder; what came."""
    place = target / path
    lake.download(lake.join(uri, path), place)
    return FileEntry(path=path, bytes=place.stat().st_size, sha256=lake.sha256(str(place)))


def _key(files: Sequence[FileEntry]) -> str:
    lines = sorted(f"{file.sha256} {file.path}" for file in files)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _home() -> Path:
    home = folder() / "entries"
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"the cache {home} cannot be made: {error.strerror}. Set MENDEL_CACHE to another folder"
        ) from error
    return home


@contextmanager
def _scratch(home: Path) -> Iterator[Path]:
    """A folder beside the entries; what is left in it goes at the end."""
    try:
        scratch = Path(tempfile.mkdtemp(prefix=NEW, dir=home))
    except OSError as error:
        raise InputError(
            f"the cache {home} cannot be written: {error.strerror}. Set MENDEL_CACHE to another folder"
        ) from error
    try:
        yield scratch
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
