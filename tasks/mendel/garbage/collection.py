"""What of a lake is garbage, and its removal.

Kept is each version in force, what the ledger names, the newest of each dataset, what is young, and whatever one of
those was made from. Of other versions nothing is left; of those that are kept, no attempt that nobody lists.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from operator import attrgetter

from mendel.core import lake, manifest
from mendel.core.errors import InputError
from mendel.core.log import log
from mendel.core.manifest import Manifest
from mendel.garbage.policy import Policy
from mendel.garbage.survey import FileGroup, LakeSurvey, VersionFiles, attempts_of, survey
from mendel.promotion import ledger
from mendel.restorers.candidate import CHECKPOINTS

MANIFEST = "_manifest.json"


@dataclass(frozen=True)
class Garbage:
    """Something to remove. Paths are relative to the lake."""

    path: str
    because: str
    bytes: int
    gone: tuple[str, ...]
    """Files, and folders with a slash behind, in this order: first what says that the rest counts."""
    version: Manifest | None = None
    partition: tuple[str, str] | None = None
    """Dataset and key of a partition that goes whole, in force or not."""


def find(root: str, policy: Policy, moment: datetime | None = None) -> list[Garbage]:
    """All garbage. Raises InputError where the ledger cannot be read: what it needs is then unknown."""
    moment = moment or datetime.now(UTC)
    before = moment - timedelta(days=policy.days)
    lake_survey, decided = survey(root, moment), [decision.candidate for decision in ledger.read(root)]
    kept_paths = _kept_paths(root, lake_survey, policy, before)
    listed = _listed(lake_survey, kept_paths, decided, before)
    return [
        *(
            item
            for version in lake_survey.versions.values()
            for item in _of_version(version, kept_paths, listed, before)
        ),
        *_old(lake_survey.unfinished, "a write that did not end", before, "{}"),
        *_old(_checkpoints(root, moment), "checkpoints of a training that nobody went on with", before, "{}/"),
    ]


def remove(root: str, items: Iterable[Garbage]) -> None:
    """Remove garbage. A version that was put in force meanwhile stays."""
    for item in items:
        if item.version and manifest.current(root, item.version.dataset, item.version.partition) == item.version:
            log.info("kept: it is in force again", path=item.path)
            continue
        try:
            for path in item.gone:
                (lake.remove_folder if path.endswith("/") else lake.remove)(lake.join(root, path))
            if item.version:
                manifest.unindex(root, item.version)
        except InputError as error:  # what this user may not remove keeps nothing else
            log.warning("kept", path=item.path, error=str(error))
            continue
        log.info("removed", path=item.path, because=item.because, bytes=item.bytes)


def _kept_paths(root: str, lake_survey: LakeSurvey, policy: Policy, before: datetime) -> frozenset[str]:
    """Paths of the versions that stay."""
    needed = [*_named_by_the_ledger(root)]
    of_dataset: dict[str, list[VersionFiles]] = defaultdict(list)
    for version in lake_survey.versions.values():
        if version.manifest:
            of_dataset[version.dataset].append(version)
        if _young(version, lake_survey, before) or not version.readable:
            needed.append(version.path)
    for versions in of_dataset.values():
        newest = sorted(versions, key=attrgetter("manifest.finished"))[-policy.newest :] if policy.newest else []
        needed += [version.path for version in newest]
    for partition in lake_survey.pointers:
        needed += _in_force(root, lake_survey, partition)
    kept_paths: set[str] = set()
    while needed:
        path = needed.pop()
        if path not in kept_paths:
            kept_paths.add(path)
            version_manifest = lake_survey.versions[path].manifest if path in lake_survey.versions else None
            needed += _made_from(version_manifest) if version_manifest else []
    return frozenset(kept_paths)


def _named_by_the_ledger(root: str) -> Iterator[str]:
    for decision in ledger.read(root):
        yield decision.candidate.path
        yield from _made_from(decision.candidate)
        if decision.evaluation:
            yield decision.evaluation.uri


def _made_from(version: Manifest) -> list[str]:
    """What a version refers to: its inputs, and the one whose files it lists."""
    return [*(entry.uri for entry in version.inputs), *([version.same_as] if version.same_as else [])]


def _in_force(root: str, lake_survey: LakeSurvey, partition: str) -> list[str]:
    """The version that a partition's pointer names; all versions where that cannot be read."""
    dataset, folder = partition.split("/")
    try:
        named = manifest.pointer(root, dataset, folder.removeprefix("dt="))
    except InputError as error:
        log.warning("kept with all its versions", partition=partition, error=str(error))
        return [version.path for version in lake_survey.versions.values() if version.partition == partition]
    return [f"{partition}/{named}"]


def _young(version: VersionFiles, lake_survey: LakeSurvey, before: datetime) -> bool:
    """Whether a version was made, or another put in force in its place, too short a time ago."""
    since = lake_survey.pointers.get(version.partition)
    return version.manifest is not None and (version.manifest.finished >= before or bool(since and since >= before))


def _listed(
    lake_survey: LakeSurvey, kept_paths: frozenset[str], decided: Iterable[Manifest], before: datetime
) -> frozenset[str]:
    """Attempts whose files somebody needs. A day that is not collected yet needs its parts."""
    listed = {attempt for candidate in decided for attempt in attempts_of(*candidate.files)}
    for version in lake_survey.versions.values():
        if version.manifest and version.path in kept_paths:
            listed |= attempts_of(*version.manifest.files)
        for name, attempts in version.parts.items():
            if version.path in kept_paths or version.files[name].modified >= before:
                listed |= attempts
    return frozenset(listed)


def _of_version(
    version: VersionFiles, kept_paths: frozenset[str], listed: frozenset[str], before: datetime
) -> Iterator[Garbage]:
    free = {path: files for path, files in version.attempts.items() if path not in listed}
    if version.manifest and version.path not in kept_paths:
        size = sum(files.bytes for files in [*free.values(), *version.files.values()])
        paths = [*(f"{version.path}/{name}" for name in version.parts), *(f"{path}/" for path in free)]
        gone = (f"{version.path}/{MANIFEST}", *([f"{version.path}/"] if free == version.attempts else paths))
        yield Garbage(version.path, "nothing refers to it", size, gone, version.manifest)
    elif version.readable and not (version.manifest and version.files[MANIFEST].modified >= before):
        if not version.manifest:
            parts = {f"{version.path}/{name}": version.files[name] for name in version.parts}
            yield from _old(parts, "a part of a day that was never collected", before, "{}")
        yield from _old(free, "an attempt that no manifest lists", before, "{}/")


def _old(groups: dict[str, FileGroup], because: str, before: datetime, form: str) -> list[Garbage]:
    return [
        Garbage(path, because, files.bytes, (form.format(path),))
        for path, files in groups.items()
        if files.modified < before
    ]


def _checkpoints(root: str, moment: datetime) -> dict[str, FileGroup]:
    groups: dict[str, FileGroup] = defaultdict(FileGroup)
    folder = lake.normalise(lake.join(root, CHECKPOINTS))
    for uri, entry in lake.entries(folder).items():
        name = uri.removeprefix(folder).strip("/").split("/")[0]
        groups[f"{CHECKPOINTS}/{name}"].add(int(entry["size"]), lake.modified(entry) or moment)
    return groups
