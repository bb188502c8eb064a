"""What lies in a lake: versions with their attempts, as one listing of the store shows them."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from mendel.core import lake, manifest
from mendel.core.errors import InputError
from mendel.core.log import log
from mendel.core.manifest import FileEntry, Manifest
from mendel.inference import parts

PARTITION = r"(?P<dataset>[^/_][^/]*)/(?P<folder>[^/_][^/]*)"
VERSION = re.compile(
    rf"(?P<version>{PARTITION}/[0-9a-f]{{16}})/(?:(?P<attempt>attempt=[0-9a-f]{{12}})/.+|(?P<file>[^/]+))"
)
POINTER = re.compile(rf"{PARTITION}/_current\.json")
PART = re.compile(r"_part-(\d+)\.json")
EVER = datetime.min.replace(tzinfo=UTC)
UNFINISHED = ".tmp-"
"""How files begin that were to be renamed or linked into place (`lake.write`)."""


@dataclass
class FileGroup:
    """Some files together."""

    bytes: int = 0
    modified: datetime = EVER
    """When the newest of them was written."""

    def add(self, size: int, modified: datetime) -> None:
        self.bytes += size
        self.modified = max(self.modified, modified)


@dataclass
class VersionFiles:
    """A version's folder, whether or not a manifest makes it a version."""

    path: str
    attempts: dict[str, FileGroup] = field(default_factory=lambda: defaultdict(FileGroup))
    files: dict[str, FileGroup] = field(default_factory=lambda: defaultdict(FileGroup))
    """Those beside the attempts, by name."""
    manifest: Manifest | None = None
    readable: bool = True
    """Whether it is known what the version lists: where it is not, nothing of it is garbage."""
    parts: dict[str, frozenset[str]] = field(default_factory=dict)
    """For each `_part-….json`, the attempts whose files it names."""

    @property
    def dataset(self) -> str:
        return self.path.split("/")[0]

    @property
    def partition(self) -> str:
        return self.path.rsplit("/", 1)[0]


@dataclass
class LakeSurvey:
    """All of a lake that garbage may be in. Paths are relative to the lake."""

    versions: dict[str, VersionFiles]
    pointers: dict[str, datetime]
    """Partitions that have a version in force, and since when."""
    unfinished: dict[str, FileGroup]
    """Files of writes that did not end."""


def survey(root: str, moment: datetime) -> LakeSurvey:
    """Look at every dataset: one listing each, and the manifests. `moment` stands for times that a store does not tell."""
    root = lake.normalise(root)
    versions: dict[str, VersionFiles] = {}
    lake_survey = LakeSurvey(versions, {}, defaultdict(FileGroup))
    for name in lake.list_folders(root):
        for uri, entry in lake.entries(lake.join(root, name)).items():
            path, size, modified = uri.removeprefix(root).strip("/"), int(entry["size"]), lake.modified(entry) or moment
            if path.rsplit("/", 1)[1].startswith(UNFINISHED):
                lake_survey.unfinished[path].add(size, modified)
            elif POINTER.fullmatch(path):
                lake_survey.pointers[path.rsplit("/", 1)[0]] = modified
            elif match := VERSION.fullmatch(path):
                version = versions.setdefault(match["version"], VersionFiles(match["version"]))
                if match["attempt"]:
                    version.attempts[f"{version.path}/{match['attempt']}"].add(size, modified)
                else:
                    version.files[match["file"]].add(size, modified)
    for path, modified in _empty_attempts(root):
        version = versions.setdefault(path.rsplit("/", 1)[0], VersionFiles(path.rsplit("/", 1)[0]))
        version.attempts[path].add(0, modified)
    for version in versions.values():
        _read(root, version)
    return lake_survey


def _empty_attempts(root: str) -> Iterator[tuple[str, datetime]]:
    """Attempts that wrote nothing, and since when: only a disk has folders without files."""
    if (disk := lake.local_path(root)) is None:
        return
    for folder in disk.glob("[!_]*/*/*/attempt=*"):
        path = str(folder.relative_to(disk))
        if VERSION.fullmatch(f"{path}/-") and not any(folder.iterdir()):
            yield path, datetime.fromtimestamp(folder.stat().st_mtime, UTC)


def attempts_of(*files: FileEntry) -> frozenset[str]:
    """The attempts, as paths relative to the lake, that files lie in."""
    return frozenset("/".join(file.path.split("/")[:4]) for file in files)


def _read(root: str, version: VersionFiles) -> None:
    try:
        version.manifest = manifest.at(root, version.path)
        for name in version.files:
            if match := PART.fullmatch(name):
                part = parts.read(root, version.path, int(match[1]))
                version.parts[name] = attempts_of(*part.files) if part else frozenset()
    except InputError as error:
        version.readable = False
        log.warning("kept, since it cannot be read", version=version.path, error=str(error))
