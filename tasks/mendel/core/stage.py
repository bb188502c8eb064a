"""Stages: a stage is a frozen configuration that can make one dataset version from others.

`execute` is the same for all: find and verify the inputs, name the version by its fingerprint, stop if it exists (in
this partition, or in an earlier one, whose files then serve both), run, commit. A stage therefore holds only what is its own:

    class Corrupt(Stage):
        name: ClassVar = "corrupt"      # the CLI command
        stage_version: ClassVar = 1     # raise it when the code makes other data from the same inputs and configuration
        dataset: ClassVar = "pairs"     # what it makes
        noise: NoiseProfile             # fields are the configuration, and (by `identity`) part of the fingerprint

        def inputs(self, context): return [context.require("corpus", validated=True)]
        def run(self, inputs, draft): ...; return Outcome(rows=…, digest=…, metrics={…})
"""

from __future__ import annotations

import dataclasses
import os
import shutil
import tempfile
import uuid
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar, Self

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from mendel.core import cache, lake, manifest, usage
from mendel.core.code_version import code_version
from mendel.core.errors import InputError
from mendel.core.frozen import Frozen
from mendel.core.lineage import run as lineage
from mendel.core.lineage.run import RunReport
from mendel.core.log import log
from mendel.core.manifest import FileEntry, InputEntry, Manifest
from mendel.core.usage import Usage


@dataclass(frozen=True)
class Outcome:
    """What a run leaves besides its files."""

    rows: int
    digest: str
    metrics: Mapping[str, Any] = field(default_factory=dict)
    parameters: Mapping[str, Any] = field(default_factory=dict)
    files: Sequence[FileEntry] = ()
    """Files of the version. Of a stage's run: those that attempts of their own wrote before it; the draft's are added."""
    revision: str | None = None
    usage: Usage = usage.NONE
    """Of other processes that took part."""


@dataclass(frozen=True)
class Context:
    """Where and when a stage runs. Nothing in here changes what it makes, but for the partition it reads."""

    root: str
    partition: str
    run_id: str = field(default_factory=lambda: os.environ.get("MENDEL_RUN_ID") or f"cli-{uuid.uuid4().hex[:8]}")
    force: bool = False

    def require(self, dataset: str, partition: str | None = None, *, validated: bool = False) -> InputEntry:
        """The version in force of a dataset, its files checked, as an input.

        With `validated`, a validation of this very version must have passed. Raises InputError saying what to run.
        """
        partition = partition or self.partition
        version = manifest.current(self.root, dataset, partition)
        if version is None:
            there = manifest.partitions(self.root, dataset)
            raise InputError(
                f"{dataset} has no version in partition {partition} of {self.root}. Make it first"
                + (f", or choose one of: {', '.join(there)}." if there else ".")
            )
        if validated and self._about(version, f"{dataset}_validation") is None:
            raise InputError(
                f"{version.path} has not passed validation. Run: mendel validate {dataset} --partition {partition}"
            )
        return self.as_input(version)

    def as_input(self, version: Manifest) -> InputEntry:
        """A version, its files checked, as an input; with its Git revision where it has one."""
        manifest.verify(self.root, version)
        versioned = self._about(version, f"{version.dataset}_version")
        return version.as_input(versioned.revision if versioned else None)

    def _about(self, subject: Manifest, dataset: str) -> Manifest | None:
        """The manifest in force in `dataset` that was made from exactly this subject."""
        version = manifest.current(self.root, dataset, subject.partition)
        return version if version and version.made_from(subject.as_input()) else None

    def manifest_of(self, entry: InputEntry) -> Manifest:
        """The manifest of an input that lies in the lake."""
        if (version := manifest.at(self.root, entry.uri)) is None:
            raise InputError(f"{entry.uri} has no manifest in {self.root}")
        return version

    def uris(self, entry: InputEntry, suffix: str = "") -> list[str]:
        """URIs of an input's files whose names end in `suffix`: only what its manifest lists."""
        paths = (file.path for file in self.manifest_of(entry).files)
        return [lake.join(self.root, path) for path in paths if path.endswith(suffix)]

    def local_folder(self, entry: InputEntry) -> Path:
        """A local folder with an input's files as its stage wrote them; of a remote lake, a checked copy."""
        version = self.manifest_of(entry)
        return cache.local(lake.join(self.root, version.folder), version.own_files)


class Draft:
    """Where one attempt at a version writes. Nothing in it exists for readers before the commit.

    Each attempt has a folder of its own, so that an attempt that was killed, or a second one beside it, is never mixed
    with the one that is committed.
    """

    def __init__(self, context: Context, version_folder: str) -> None:
        self.context = context
        self.fingerprint = version_folder.rsplit("/", 1)[1]
        self.uri = lake.join(context.root, version_folder, f"attempt={uuid.uuid4().hex[:12]}")
        """The attempt's folder in the lake, for what writes through URIs (Spark)."""
        local = lake.local_path(self.uri)
        self.folder = local or Path(tempfile.mkdtemp(prefix="mendel-"))
        """The attempt's folder on this machine; uploaded at the commit where the lake is remote."""
        self._remote = local is None
        if local:
            lake.make_folder(local)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, failure: type[BaseException] | None, *_: object) -> None:
        if self._remote:
            shutil.rmtree(self.folder, ignore_errors=True)
        if failure:
            self.discard()

    def files(self) -> tuple[FileEntry, ...]:
        """Upload what is only here, then list the attempt's files with sizes and checksums; on a disk they are safe now."""
        if self._remote and any(self.folder.iterdir()):
            lake.upload(self.folder, self.uri)
        if not self._remote:
            lake.sync(self.folder)
        root = lake.normalise(self.context.root)
        return tuple(
            FileEntry(path=uri.removeprefix(root).strip("/"), bytes=entry["size"], sha256=lake.sha256(uri))
            for uri, entry in lake.entries(self.uri).items()
            if not Path(uri).name.startswith(("_SUCCESS", "."))
        )

    def discard(self) -> None:
        """Remove from the lake what no manifest will list. Where that fails too, `mendel gc` does it."""
        try:
            lake.remove_folder(self.uri)
        except Exception as error:  # what went wrong before says more
            log.warning("an attempt is left behind", uri=self.uri, error=str(error))


class Stage(Frozen, ABC):
    """A CLI command that makes one version of one dataset."""

    name: ClassVar[str]
    stage_version: ClassVar[int]
    dataset: ClassVar[str]
    every_partition: ClassVar[bool] = False
    """Run for each partition, though an earlier partition's version was made from the same inputs and configuration."""

    @abstractmethod
    def inputs(self, context: Context) -> Sequence[InputEntry]:
        """What the version is made from, verified. Raises InputError that says what to run or change."""

    @abstractmethod
    def run(self, inputs: Mapping[str, InputEntry], draft: Draft) -> Outcome:
        """Write the version's files into the draft."""

    def settle(self, context: Context) -> None:
        """Put right what must follow from the version, made now or before: a run that was stopped may not have."""

    def target(self) -> str:
        """The dataset's name; a stage that serves several datasets says which one its configuration means."""
        return self.dataset

    def identity(self) -> Any:
        """The part of the configuration that determines the result, for the fingerprint."""
        return self.model_dump(mode="json")


def fingerprint(stage: Stage, inputs: Sequence[InputEntry]) -> str:
    """The name of the version that a stage makes from these inputs."""
    return manifest.fingerprint(
        stage.name, stage.stage_version, {entry.name: entry.digest for entry in inputs}, stage.identity()
    )


@dataclass(frozen=True)
class VersionName:
    """What a version is called, and what makes it."""

    dataset: str
    partition: str
    fingerprint: str
    stage: str
    stage_version: int

    @property
    def path(self) -> str:
        """Its folder, relative to the lake."""
        return manifest.version_path(self.dataset, self.partition, self.fingerprint)


def commit(
    version: VersionName,
    context: Context,
    inputs: Sequence[InputEntry],
    outcome: Outcome,
    started: datetime,
    *,
    draft: Draft | None = None,
    replace: bool = False,
) -> Manifest:
    """Make a version exist, of the files and figures of an outcome: the one way to do so, for stages and streams.

    Of two writers the first wins; the draft of the other is discarded. To be called when the draft is closed: a fault in here
    may come after the manifest was written, and must not take its files away.
    """
    finished = datetime.now(UTC)
    version_manifest = Manifest(
        dataset=version.dataset,
        partition=version.partition,
        fingerprint=version.fingerprint,
        stage=version.stage,
        stage_version=version.stage_version,
        run_id=context.run_id,
        inputs=tuple(inputs),
        files=tuple(outcome.files),
        rows=outcome.rows,
        digest=outcome.digest,
        parameters=dict(outcome.parameters),
        metrics=dict(outcome.metrics),
        revision=outcome.revision,
        usage=outcome.usage + Usage.of((finished - started).total_seconds()),
        code_version=code_version(),
        started=started,
        finished=finished,
    )
    committed = manifest.commit(lake.normalise(context.root), version_manifest, replace=replace)
    if draft is not None and committed is not version_manifest:
        draft.discard()
    return committed


def execute(stage: Stage, context: Context) -> Manifest:
    """Make the version that a stage's configuration and inputs name, or find that it is there already; then settle."""
    with lineage.told(stage.name, context.root) as report:
        report.output = version = _make(stage, context, report)
        stage.settle(context)
    return version


def _make(stage: Stage, context: Context, report: RunReport) -> Manifest:
    started = datetime.now(UTC)
    report.inputs = inputs = stage.inputs(context)
    key = fingerprint(stage, inputs)
    existing = manifest.read(context.root, stage.target(), context.partition, key)
    amiss = manifest.missing(context.root, existing) if existing else None
    if existing is not None and not context.force:
        if amiss is None:
            manifest.set_current(context.root, existing)
            log.info("unchanged", stage=stage.name, version=existing.path, rows=existing.rows)
            return existing
        log.warning("made again", stage=stage.name, version=existing.path, because=amiss)
    replace = context.force or amiss is not None
    reusable = not (context.force or stage.every_partition)
    if reusable and (earlier := manifest.twin(context.root, stage.target(), key)) is not None:
        log.info("unchanged", stage=stage.name, same_as=earlier.path, rows=earlier.rows)
        return manifest.commit(context.root, _repeated(earlier, context, started), replace=replace)
    log.info("start", stage=stage.name, partition=context.partition, fingerprint=key, run_id=context.run_id)
    version = VersionName(stage.target(), context.partition, key, stage.name, stage.stage_version)
    with Draft(context, version.path) as draft:
        outcome = stage.run({entry.name: entry for entry in inputs}, draft)
        outcome = dataclasses.replace(
            outcome,
            files=(*draft.files(), *outcome.files),
            parameters={**stage.model_dump(mode="json"), **outcome.parameters},
        )
    committed = commit(version, context, inputs, outcome, started, draft=draft, replace=replace)
    if not stage.every_partition:
        manifest.index(context.root, committed)
    log.info("done", stage=stage.name, version=committed.path, rows=committed.rows, seconds=round(committed.seconds, 1))
    return committed


def _repeated(earlier: Manifest, context: Context, started: datetime) -> Manifest:
    """An earlier partition's version as this partition's: same inputs and configuration, so the same files."""
    return earlier.model_copy(
        update={
            "partition": context.partition,
            "run_id": context.run_id,
            "usage": usage.NONE,
            "same_as": earlier.same_as or earlier.path,
            "started": started,
            "finished": datetime.now(UTC),
        }
    )


MAPPING = "expected a mapping of keys to values, or @FILE for what a YAML file holds"
PLAINLY = {
    "extra_forbidden": "there is no such key here",
    "model_type": MAPPING,
    "model_attributes_type": MAPPING,
    "union_tag_invalid": "{discriminator} must be one of {expected_tags}",
}
"""Some of pydantic's messages, by their type, for those who do not know pydantic, and without the value that was found."""


def explain(error: ValidationError, where: str) -> InputError:
    """A validation error as one line per key, the keys as a user writes them."""
    lines = (f"  {'.'.join(map(str, item['loc'])) or '(whole)'}: {_plainly(item)}" for item in error.errors())
    return InputError(f"{where} is not valid:\n" + "\n".join(lines))


def _plainly(item: ErrorDetails) -> str:
    message = PLAINLY.get(item["type"])
    return message.format(**item.get("ctx", {})) if message else item["msg"]
