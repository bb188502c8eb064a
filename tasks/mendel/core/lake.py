"""The lake: every byte a stage reads or writes lies under one URI, reached through fsspec (`file://`, `s3://`, …)."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import fsspec
from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem

from mendel.core.errors import InputError

ELSEWHERE = "another lake: `lake:` in the configuration, or MENDEL_LAKE"

# By default s3fs remembers what it has listed, so a process that goes on would never see what others write: the ledger's
# next decision, say.
fsspec.config.conf.setdefault("s3", {})["use_listings_cache"] = False


def normalise(uri: str) -> str:
    """An absolute URI without a trailing slash; a plain path becomes `file://…`."""
    if "://" not in uri:
        return "file://" + os.path.abspath(uri)
    scheme, path = uri.split("://", 1)
    if scheme == "file":
        path = os.path.abspath(path)
    return f"{scheme}://{path.rstrip('/') or path[:1]}"


def join(uri: str, *parts: str) -> str:
    return "/".join([uri.rstrip("/"), *(part.strip("/") for part in parts)])


def spark_uri(uri: str) -> str:
    """The URI as Spark's Hadoop file systems call it: `s3://` is `s3a://` there."""
    return "s3a://" + uri[len("s3://") :] if uri.startswith("s3://") else uri


def from_spark(uri: str) -> str:
    """The URI, as here, of a path that Spark gives: `s3a://` is `s3://`, and `file:/` has three slashes."""
    return normalise(uri.replace("s3a://", "s3://", 1) if uri.startswith("s3a://") else uri.removeprefix("file:"))


def local_path(uri: str) -> Path | None:
    """The path of a `file://` URI, or None for a remote one."""
    fs, path = url_to_fs(uri)
    return Path(path) if isinstance(fs, LocalFileSystem) else None


def reach(root: str) -> None:
    """Come into contact with a lake. Raises InputError saying what to change where it cannot be one, or does not answer."""
    try:
        if (path := local_path(root)) is None:
            read_if_there(join(root, "_reached"))  # a file that never is; its folder's own name may be forbidden
        elif not (nearest := next(place for place in (path, *path.parents) if place.exists())).is_dir():
            raise InputError(f"the lake {root} cannot be: {nearest} is a file. Choose {ELSEWHERE}")
    except InputError:
        raise
    except Exception as error:  # each store's library has its own ways to say that it is not there
        raise InputError(
            f"the lake {root} cannot be reached: {error}. Check its address, the network and the credentials "
            "(for S3: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a profile or a role; AWS_ENDPOINT_URL for another "
            f"store than Amazon's), or choose {ELSEWHERE}"
        ) from error


def exists(uri: str) -> bool:
    fs, path = url_to_fs(uri)
    with _allowed("read", uri):
        return bool(fs.exists(path))


def size(uri: str) -> int:
    fs, path = url_to_fs(uri)
    with _allowed("read", uri):
        return int(fs.size(path))


def read_bytes(uri: str) -> bytes:
    fs, path = url_to_fs(uri)
    with _allowed("read", uri):
        return bytes(fs.cat_file(path))


def read_if_there(uri: str) -> bytes | None:
    """The bytes of a file, or None when there is none: one question to the store instead of two."""
    with suppress(FileNotFoundError, NotADirectoryError):
        return read_bytes(uri)
    return None


def read_text(uri: str) -> str:
    return read_bytes(uri).decode()


def sha256(uri: str) -> str:
    """Hex digest of a file's bytes, read in blocks so that memory stays flat."""
    with open_uri(uri) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def entries(uri: str) -> dict[str, Mapping[str, Any]]:
    """What a store says of each file below a folder, in order of their URIs; an absent folder has none.

    The URIs start as the folder's own does.
    """
    uri = normalise(uri)
    fs, path = url_to_fs(uri)
    with _allowed("read", uri):
        files = fs.find(path, detail=True) if fs.exists(path) else {}
    return {join(uri, str(name).removeprefix(path)): entry for name, entry in sorted(files.items())}


def modified(entry: Mapping[str, Any]) -> datetime | None:
    """When a file of `entries` was written; None where its store does not tell."""
    stamp = next(
        (entry[key] for key in ("mtime", "LastModified", "last_modified", "updated", "created") if key in entry), None
    )
    if isinstance(stamp, int | float):
        return datetime.fromtimestamp(stamp, UTC)
    moment = datetime.fromisoformat(stamp) if isinstance(stamp, str) else stamp
    return moment.replace(tzinfo=UTC) if isinstance(moment, datetime) and moment.tzinfo is None else moment


def list_files(uri: str) -> list[str]:
    """URIs of all files below a folder, sorted; an absent folder has none. They start as the folder's own URI does."""
    return list(entries(uri))


def list_folders(uri: str) -> list[str]:
    """Names of the folders directly below a folder, sorted; an absent folder has none."""
    fs, path = url_to_fs(uri)
    with _allowed("read", uri):
        listing = fs.ls(path, detail=True) if fs.exists(path) else []
    return sorted(Path(entry["name"]).name for entry in listing if entry["type"] == "directory")


def write(uri: str, data: bytes) -> None:
    """Write or replace a file; readers see the old bytes or the new ones, never a part."""
    fs, path = url_to_fs(uri)
    with _allowed("written", uri):
        if not isinstance(fs, LocalFileSystem):
            fs.pipe_file(path, data)  # an object store's put is atomic
            return
        with _temporary_beside(path, data) as temporary:
            Path(temporary).replace(path)
        _sync(os.path.dirname(path))


def create(uri: str, data: bytes) -> bool:
    """Write a file only if it is absent, in one step; False when another writer was first.

    On an object store this is a conditional put. On a disk a finished file is linked into place: an exclusive open
    alone would leave an empty file behind when the process is killed before its write.
    """
    fs, path = url_to_fs(uri)
    with _allowed("written", uri):
        try:
            if not isinstance(fs, LocalFileSystem):
                fs.pipe_file(path, data, mode="create")
                return True
            with _temporary_beside(path, data) as temporary:
                os.link(temporary, path)
        except FileExistsError:
            return False
        _sync(os.path.dirname(path))
        return True


def remove(uri: str) -> None:
    """Remove a file; an absent one is no error."""
    fs, path = url_to_fs(uri)
    with suppress(FileNotFoundError), _allowed("removed", uri):
        fs.rm_file(path)


def remove_folder(uri: str) -> None:
    """Remove a folder with all that is in it; an absent one is no error."""
    fs, path = url_to_fs(uri)
    with suppress(FileNotFoundError), _allowed("removed", uri):
        if isinstance(fs, LocalFileSystem):
            shutil.rmtree(path)
        else:
            fs.rm(path, recursive=True)


def make_folder(path: str | Path) -> None:
    """Make a folder of a disk, and those above it, so that they outlast a loss of power."""
    absent = []
    folder = Path(path)
    while not folder.exists():
        absent.append(folder)
        folder = folder.parent
    with _allowed("written", str(path)):
        try:
            Path(path).mkdir(parents=True, exist_ok=True)
        except FileExistsError as error:
            raise NotADirectoryError(errno.ENOTDIR, "there is a file of that name", str(path)) from error
        for folder in absent:
            _sync(folder.parent)


def sync(folder: Path) -> None:
    """Bring all files and folders below a folder to the disk, the folder too: what is said to be there outlasts a crash."""
    for path in [*folder.rglob("*"), folder]:
        _sync(path)


def _sync(path: str | Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _allowed(what: str, uri: str) -> Iterator[None]:
    """Turns a store's refusal into an InputError that names what was refused."""
    try:
        yield
    except OSError as error:
        refused = isinstance(error, PermissionError) or error.errno == errno.EROFS
        misplaced = what == "written" and isinstance(error, NotADirectoryError | FileNotFoundError)
        if not (refused or misplaced):
            raise
        remedy = "Give this user the right to it" if refused else "Make the place above it a folder (or bucket)"
        raise InputError(
            f"{uri} cannot be {what}: {error.strerror or error}. {remedy}, or choose {ELSEWHERE}"
        ) from error


@contextmanager
def _temporary_beside(path: str, data: bytes) -> Iterator[str]:
    folder = os.path.dirname(path)
    make_folder(folder)
    descriptor, temporary = tempfile.mkstemp(dir=folder, prefix=".tmp-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o644)
        yield temporary
    finally:
        Path(temporary).unlink(missing_ok=True)


def upload(folder: Path, uri: str) -> None:
    fs, path = url_to_fs(uri)
    with _allowed("written", uri):
        fs.put(f"{folder}/", path, recursive=True)


def download(uri: str, target: Path) -> None:
    fs, path = url_to_fs(uri)
    target.parent.mkdir(parents=True, exist_ok=True)
    with _allowed("read", uri):
        fs.get_file(path, str(target))


def open_uri(uri: str, mode: str = "rb", **options: Any) -> Any:
    """`fsspec.open` opened at once; compression is inferred from the name when asked with `compression="infer"`."""
    with _allowed("read" if mode.startswith("r") else "written", uri):
        return fsspec.open(uri, mode, **options).open()
