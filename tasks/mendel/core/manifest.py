"""Manifests: a dataset version exists when, and only when, its `_manifest.json` does.

    <lake>/<dataset>/<partition folder>/<fingerprint>/_manifest.json   the commit: what it holds, made from what
    <lake>/<dataset>/<partition folder>/_current.json                  which version of the partition is in force
    <lake>/_index/<dataset>/<fingerprint>.json                         where a version of this fingerprint is (`twin`)

Needs only pydantic and fsspec, so that Airflow's own processes can read manifests.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

from pydantic import Field, ValidationError

from mendel.core import lake
from mendel.core.errors import InputError
from mendel.core.frozen import Frozen
from mendel.core.usage import Usage

log = logging.getLogger(__name__)

PARTITION_KEY = re.compile(r"\d{4}-\d{2}-\d{2}")
"""The one format of partition keys, `%Y-%m-%d`."""
INDEX = "_index"


class FileEntry(Frozen):
    """One file of a version. `path` is relative to the lake, so that a lake can be moved or copied whole."""

    path: str
    bytes: int
    sha256: str


class InputEntry(Frozen):
    """What a version was made from: another dataset's version, or a source outside the lake."""

    name: str
    uri: str
    digest: str
    rows: int
    revision: str | None = Field(None, description="Git revision of the data registry that holds this input")


class Manifest(Frozen):
    """All there is to know of one dataset version."""

    dataset: str
    partition: str
    fingerprint: str
    stage: str
    stage_version: int
    run_id: str
    inputs: tuple[InputEntry, ...]
    files: tuple[FileEntry, ...]
    rows: int
    digest: str = Field(description="over canonical rows ordered by record id: equal data, equal digest")
    parameters: dict[str, Any]
    metrics: dict[str, Any]
    revision: str | None = None
    same_as: str | None = Field(
        None, description="the earlier version whose files this one lists, when nothing changed"
    )
    usage: Usage | None = Field(None, description="of machines, by all processes that made it; None: not known")
    code_version: str
    started: datetime
    finished: datetime

    @property
    def path(self) -> str:
        """The version's folder, relative to the lake."""
        return version_path(self.dataset, self.partition, self.fingerprint)

    @property
    def folder(self) -> str:
        """The folder, relative to the lake, into which the attempt that was committed wrote the files."""
        return self._attempt(self.files[0])

    @property
    def folders(self) -> frozenset[str]:
        """All such folders, where several attempts made the version together."""
        return frozenset(map(self._attempt, self.files))

    def _attempt(self, file: FileEntry) -> str:
        return "/".join(file.path.split("/")[: self.path.count("/") + 2])

    @property
    def own_files(self) -> tuple[FileEntry, ...]:
        """The files, their paths relative to `folder`."""
        return tuple(file.model_copy(update={"path": file.path.removeprefix(f"{self.folder}/")}) for file in self.files)

    @property
    def seconds(self) -> float:
        return (self.finished - self.started).total_seconds()

    def input(self, name: str) -> InputEntry:
        return next(entry for entry in self.inputs if entry.name == name)

    def made_from(self, subject: InputEntry) -> bool:
        """Whether exactly this content was an input. Where it lay does not count: an equal version is the same subject."""
        return any((entry.name, entry.digest) == (subject.name, subject.digest) for entry in self.inputs)

    def as_input(self, revision: str | None = None) -> InputEntry:
        """This version as an input of the next stage."""
        return InputEntry(
            name=self.dataset, uri=self.path, digest=self.digest, rows=self.rows, revision=revision or self.revision
        )


class Pointer(Frozen):
    """What `_current.json` holds."""

    fingerprint: str = Field(pattern=r"^[0-9a-f]{16}$")


class Place(Frozen):
    """What an entry of the index holds."""

    path: str = Field(description="a version's folder, relative to the lake")


def fingerprint(stage: str, stage_version: int, inputs: Mapping[str, str], config: Any) -> str:
    """Names a version: 16 hex digits over what determines its content. No clock, no path, no machine."""
    named = {"stage": stage, "version": stage_version, "inputs": dict(inputs), "config": config}
    return hashlib.sha256(json.dumps(named, sort_keys=True, separators=(",", ":")).encode()).hexdigest()[:16]


def partition_path(dataset: str, partition: str) -> str:
    """`corpus/dt=2026-11-23`; what is not a date (a pinned test set, say) is its own folder name."""
    return f"{dataset}/dt={partition}" if PARTITION_KEY.fullmatch(partition) else f"{dataset}/{partition}"


def version_path(dataset: str, partition: str, fingerprint: str) -> str:
    return f"{partition_path(dataset, partition)}/{fingerprint}"


def read(root: str, dataset: str, partition: str, fingerprint: str) -> Manifest | None:
    """The manifest of one version, or None when the version does not exist."""
    return _load(lake.join(root, version_path(dataset, partition, fingerprint), "_manifest.json"))


def _load(uri: str) -> Manifest | None:
    if (data := lake.read_if_there(uri)) is None:
        return None
    try:
        return Manifest.model_validate_json(data)
    except ValidationError as error:
        raise InputError(f"{uri} is not a manifest: {error}. Restore it from a copy, or delete its folder.") from error


def at(root: str, path: str) -> Manifest | None:
    """The manifest of the version that an input names: `path` is its folder, relative to the lake."""
    dataset, folder, name = path.rsplit("/", 2)
    return read(root, dataset, folder.removeprefix("dt="), name)


def listed(uri: str) -> tuple[FileEntry, ...]:
    """What the manifest beside a version's folder lists in it, paths relative to it; nothing where none does."""
    version = uri.rsplit("/", 1)[0]
    version_manifest = _load(lake.join(version, "_manifest.json"))
    return (
        version_manifest.own_files
        if version_manifest is not None and uri.endswith(f"/{version_manifest.folder}")
        else ()
    )


def current(root: str, dataset: str, partition: str) -> Manifest | None:
    """The version in force in a partition, or None when there is none."""
    named = pointer(root, dataset, partition)
    return None if named is None else read(root, dataset, partition, named)


def set_current(root: str, manifest: Manifest) -> None:
    """Put a version in force. Where it is already nothing is written, so that a lake that may only be read does."""
    with suppress(InputError):  # one that is broken is mended
        if pointer(root, manifest.dataset, manifest.partition) == manifest.fingerprint:
            return
    named = Pointer(fingerprint=manifest.fingerprint)
    lake.write(_pointer_uri(root, manifest.dataset, manifest.partition), named.model_dump_json().encode())


def pointer(root: str, dataset: str, partition: str) -> str | None:
    """The fingerprint that a partition's `_current.json` names. Raises InputError naming the file where it does not."""
    uri = _pointer_uri(root, dataset, partition)
    if (data := lake.read_if_there(uri)) is None:
        return None
    try:
        return Pointer.model_validate_json(data).fingerprint
    except ValidationError as error:
        raise InputError(
            f"{uri} names no version: {error.errors()[0]['msg']}. Delete it, and run the stage again that makes "
            f"{dataset}: it finds its version and puts it in force"
        ) from error


def _pointer_uri(root: str, dataset: str, partition: str) -> str:
    return lake.join(root, partition_path(dataset, partition), "_current.json")


def withdraw(root: str, dataset: str, partition: str) -> None:
    """Put no version of a partition in force any more. The versions stay; a stage that finds its own puts it back."""
    lake.remove(_pointer_uri(root, dataset, partition))


def commit(root: str, manifest: Manifest, *, replace: bool = False) -> Manifest:
    """Make a version exist and put it in force.

    Of two writers of one fingerprint the first wins and the second returns the first's manifest. `replace` overwrites.
    """
    uri = lake.join(root, manifest.path, "_manifest.json")
    data = manifest.model_dump_json(indent=2).encode()
    if replace:
        lake.write(uri, data)
    elif not lake.create(uri, data):
        winner = read(root, manifest.dataset, manifest.partition, manifest.fingerprint)
        assert winner is not None, f"{uri} exists and cannot be read"
        manifest = winner
    set_current(root, manifest)
    return manifest


def rewrite(root: str, manifest: Manifest) -> None:
    """Write a version's manifest over the one that it has. Which version is in force does not change."""
    lake.write(lake.join(root, manifest.path, "_manifest.json"), manifest.model_dump_json(indent=2).encode())


def partitions(root: str, dataset: str) -> list[str]:
    """Partition keys of a dataset that have a version in force, oldest first."""
    return [key for key in keys(root, dataset) if is_in_force(root, dataset, key)]


def newest(root: str, dataset: str) -> str | None:
    """The latest day of a dataset that has a version in force, or None. Looks at no other day."""
    days = (key for key in reversed(keys(root, dataset)) if PARTITION_KEY.fullmatch(key))
    return next((key for key in days if is_in_force(root, dataset, key)), None)


def keys(root: str, dataset: str) -> list[str]:
    """Partition keys of a dataset's folders, oldest first, whether or not a version is in force in them.

    A name that begins with _ is no partition's: `_delta_log`, say.
    """
    names = lake.list_folders(lake.join(root, dataset))
    return [name.removeprefix("dt=") for name in names if not name.startswith("_")]


def is_in_force(root: str, dataset: str, partition: str) -> bool:
    """Whether a partition has a version in force. One that is broken has none, which is logged: the others go on."""
    try:
        return current(root, dataset, partition) is not None
    except InputError as error:
        log.warning("%s", error)
        return False


def twin(root: str, dataset: str, fingerprint: str) -> Manifest | None:
    """A version of any partition that has this fingerprint, its files there, or None.

    The index knows it, so that the cost does not grow with the history. A lake of before there was one gets it here.
    """
    uri = _place_uri(root, dataset, fingerprint)
    data = lake.read_if_there(uri)
    if data is None and not lake.exists(built := lake.join(root, INDEX, dataset, "_built")):
        for version in _versions(root, dataset):
            _index(root, dataset, version)
        lake.write(built, b"")
        data = lake.read_if_there(uri)
    if data is None:
        return None
    try:
        earlier = at(root, Place.model_validate_json(data).path)
    except (ValidationError, InputError) as error:  # no reason to fail: the version is made once more
        log.warning("%s is passed over: %s", uri, error)
        return None
    return earlier if earlier is not None and not missing(root, earlier) else None


def index(root: str, manifest: Manifest) -> None:
    """Let later partitions find a version by its fingerprint."""
    _index(root, manifest.dataset, manifest.path)


def _index(root: str, dataset: str, path: str) -> None:
    place = Place(path=path)
    lake.write(_place_uri(root, dataset, path.rsplit("/", 1)[1]), place.model_dump_json().encode())


def unindex(root: str, manifest: Manifest) -> None:
    """Forget a version that is gone, where the index names it."""
    uri = _place_uri(root, manifest.dataset, manifest.fingerprint)
    if lake.read_if_there(uri) == Place(path=manifest.path).model_dump_json().encode():
        lake.remove(uri)


def _place_uri(root: str, dataset: str, fingerprint: str) -> str:
    return lake.join(root, INDEX, dataset, f"{fingerprint}.json")


def _versions(root: str, dataset: str) -> Iterator[str]:
    """Folders of all versions of a dataset, relative to the lake, by partition: the newest last."""
    for key in keys(root, dataset):
        partition = partition_path(dataset, key)
        for name in lake.list_folders(lake.join(root, partition)):
            if lake.exists(lake.join(root, partition, name, "_manifest.json")):
                yield f"{partition}/{name}"


def missing(root: str, manifest: Manifest) -> str | None:
    """What is amiss with a version's files, by presence and size alone: one listing, nothing is read. None: all are there."""
    sizes = {
        uri: entry["size"]
        for folder in manifest.folders
        for uri, entry in lake.entries(lake.join(root, folder)).items()
    }
    for file in manifest.files:
        if (size := sizes.get(lake.join(lake.normalise(root), file.path))) != file.bytes:
            return f"{file.path}: expected {file.bytes} bytes, found {'no file' if size is None else size}"
    return None


def verify(root: str, manifest: Manifest) -> None:
    """Check every file of a version against its manifest. Raises InputError naming the file, expected and found."""
    for file in manifest.files:
        uri = lake.join(root, file.path)
        if not lake.exists(uri):
            raise InputError(f"{uri} is listed by the manifest of {manifest.path} and is gone. {_repair(manifest)}")
        if (size := lake.size(uri)) != file.bytes:
            raise InputError(f"{uri}: expected {file.bytes} bytes, found {size}. {_repair(manifest)}")
        if (digest := lake.sha256(uri)) != file.sha256:
            raise InputError(f"{uri}: expected sha256 {file.sha256}, found {digest}. {_repair(manifest)}")


def _repair(manifest: Manifest) -> str:
    partition = f" --partition {manifest.partition}" if PARTITION_KEY.fullmatch(manifest.partition) else ""
    command = f"mendel {manifest.stage}{partition} --force"
    return f"Bring the file back (mendel data checkout), or make the version again: {command}"
