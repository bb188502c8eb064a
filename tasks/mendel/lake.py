"""The lake: every byte a stage reads or writes lies under one URI, reached through fsspec (`file://`, `s3://`, …)."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import fsspec
from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem

# By default s3fs remembers what it has listed, so a process that goes on would never see what others write: the ledger's
# next decision, say.
fsspec.config.conf.setdefault("s3", {})["use_listings_cache"] = False


def normalise(uri: str) -> str:
    """An absolute URI without a trailing slash; a plain path becomes `file://…`."""
    if "://" not in uri:
        return "file://" + os.path.abspath(uri)
    scheme, rest = uri.split("://", 1)
    if scheme == "file":
        rest = os.path.abspath(rest)
    return f"{scheme}://{rest.rstrip('/') or rest[:1]}"


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


def exists(uri: str) -> bool:
    fs, path = url_to_fs(uri)
    return bool(fs.exists(path))


def size(uri: str) -> int:
    fs, path = url_to_fs(uri)
    return int(fs.size(path))


def read_bytes(uri: str) -> bytes:
    fs, path = url_to_fs(uri)
    return bytes(fs.cat_file(path))


def read_text(uri: str) -> str:
    return read_bytes(uri).decode()


def sha256(uri: str) -> str:
    """Hex digest of a file's bytes, read in blocks so that memory stays flat."""
    with open_uri(uri) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def list_files(uri: str) -> list[str]:
    """URIs of all files below a folder, sorted; an absent folder has none. They start as the folder's own URI does."""
    uri = normalise(uri)
    fs, path = url_to_fs(uri)
    if not fs.exists(path):
        return []
    return sorted(join(uri, str(found).removeprefix(path)) for found in fs.find(path))


def list_folders(uri: str) -> list[str]:
    """Names of the folders directly below a folder, sorted; an absent folder has none."""
    fs, path = url_to_fs(uri)
    if not fs.exists(path):
        return []
    return sorted(Path(entry["name"]).name for entry in fs.ls(path, detail=True) if entry["type"] == "directory")


def write(uri: str, data: bytes) -> None:
    """Write or replace a file; readers see the old bytes or the new ones, never a part."""
    fs, path = url_to_fs(uri)
    if not isinstance(fs, LocalFileSystem):
        fs.pipe_file(path, data)  # an object store's put is atomic
        return
    with _temporary_beside(path, data) as temporary:
        Path(temporary).replace(path)


def create(uri: str, data: bytes) -> bool:
    """Write a file only if it is absent, in one step; False when another writer was first.

    On an object store this is a conditional put. On a disk a finished file is linked into place: an exclusive open
    alone would leave an empty file behind when the process is killed before its write.
    """
    fs, path = url_to_fs(uri)
    try:
        if not isinstance(fs, LocalFileSystem):
            fs.pipe_file(path, data, mode="create")
            return True
        with _temporary_beside(path, data) as temporary:
            os.link(temporary, path)
        return True
    except FileExistsError:
        return False


def remove(uri: str) -> None:
    """Remove a file; an absent one is no error."""
    fs, path = url_to_fs(uri)
    with suppress(FileNotFoundError):
        fs.rm_file(path)


@contextmanager
def _temporary_beside(path: str, data: bytes) -> Iterator[str]:
    folder = os.path.dirname(path)
    Path(folder).mkdir(parents=True, exist_ok=True)
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
    fs.put(f"{folder}/", path, recursive=True)


def download(uri: str, target: Path) -> None:
    fs, path = url_to_fs(uri)
    target.parent.mkdir(parents=True, exist_ok=True)
    fs.get_file(path, str(target))


def open_uri(uri: str, mode: str = "rb", **options: Any) -> Any:
    """`fsspec.open` opened at once; compression is inferred from the name when asked with `compression="infer"`."""
    return fsspec.open(uri, mode, **options).open()
