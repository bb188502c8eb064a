"""A lake with dataset versions made by real stages, and a registry beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import pytest

from mendel.core import digest
from mendel.core.manifest import InputEntry, Manifest
from mendel.core.stage import Context, Draft, Outcome, Stage, execute
from mendel.stages.version import Version


class MakeCorpus(Stage):
    """Writes two files whose bytes follow from `text`."""

    name: ClassVar[str] = "ingest"
    stage_version: ClassVar[int] = 1
    dataset: ClassVar[str] = "corpus"

    text: str = "four score"

    def inputs(self, context: Context) -> Sequence[InputEntry]:
        return []

    def run(self, inputs: Mapping[str, InputEntry], draft: Draft) -> Outcome:
        for split in ("train", "test"):
            path = draft.folder / f"split={split}" / "part-0.parquet"
            path.parent.mkdir()
            path.write_bytes(f"{split}: {self.text}".encode() * 100 + bytes(range(256)))
        return Outcome(rows=2, digest=digest.of_files(draft.folder))


class Pass(Stage):
    """The validation that `version` asks for."""

    name: ClassVar[str] = "validate corpus"
    stage_version: ClassVar[int] = 1
    dataset: ClassVar[str] = "corpus_validation"

    def inputs(self, context: Context) -> Sequence[InputEntry]:
        return [context.require("corpus")]

    def run(self, inputs: Mapping[str, InputEntry], draft: Draft) -> Outcome:
        return Outcome(rows=2, digest=inputs["corpus"].digest)


@pytest.fixture
def root(tmp_path: Path) -> str:
    return f"file://{tmp_path}/lake"


@pytest.fixture
def make_corpus(root: str) -> Callable[..., Manifest]:
    """Makes a corpus version that passed validation; returns its manifest."""

    def make(partition: str = "2026-11-23", **fields: str) -> Manifest:
        context = Context(root=root, partition=partition)
        made = execute(MakeCorpus(**fields), context)
        execute(Pass(), context)
        return made

    return make


@pytest.fixture
def version(root: str) -> Callable[..., Manifest]:
    """Runs the stage `version`; returns its manifest."""

    def run(partition: str = "2026-11-23", force: bool = False, **fields: object) -> Manifest:
        return execute(Version(**fields), Context(root=root, partition=partition, force=force))

    return run
