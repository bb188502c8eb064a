import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import pyarrow as pa
import pyarrow.parquet as pq

from mendel.core import digest
from mendel.core.manifest import InputEntry
from mendel.core.stage import Context, Draft, Outcome, Stage, execute

PARTITION = "2026-11-23"
LOCAL = {"spark.master": "local[2]", "spark.default.parallelism": "1"}


def sentences(count: int, seed: int) -> list[str]:
    generator = random.Random(seed)
    words = "the state of our union is strong and café owners naïvely work for a better future 🧬".split()  # noqa: SIM905
    return [" ".join(generator.choices(words, k=generator.randint(5, 40))) + "." for _ in range(count)]


def corpus_table() -> pa.Table:
    """240 records: 200 train, 20 validation, 20 test."""
    splits = ["train"] * 200 + ["validation"] * 20 + ["test"] * 20
    return pa.table(
        {"id": [f"{n:03}" for n in range(240)], "text": sentences(240, seed=3), "split": splits, "year": [1961] * 240}
    )


def write_corpus(table: pa.Table, folder: Path, files: int = 1) -> list[str]:
    """Write a corpus as ingest lays it out, each split in so many files; gives the URIs."""
    uris = []
    for split in table["split"].unique().to_pylist():
        rows = table.filter(pa.array([value == split for value in table["split"].to_pylist()]))
        (folder / f"split={split}").mkdir(parents=True)
        for number in range(files):
            path = folder / f"split={split}" / f"part-{number}.parquet"
            pq.write_table(rows.take(list(range(number, len(rows), files))), path)
            uris.append(f"file://{path}")
    return uris


class MakeCorpus(Stage):
    """Stands at the place of ingest: writes `corpus_table` in one of its possible layouts."""

    name: ClassVar = "ingest"
    stage_version: ClassVar = 1
    dataset: ClassVar = "corpus"

    files: int = 1

    def inputs(self, context: Context) -> Sequence[InputEntry]:
        return []

    def run(self, inputs: Mapping[str, InputEntry], draft: Draft) -> Outcome:
        write_corpus(corpus_table(), draft.folder, self.files)
        pq.write_table(pa.table({"text": ["too short"], "reason": ["too_short"]}), draft.folder / "dropped.parquet")
        return Outcome(rows=240, digest=digest.of_table(corpus_table()))


class PassValidation(Stage):
    """The validation that `corrupt` asks for."""

    name: ClassVar = "validate corpus"
    stage_version: ClassVar = 1
    dataset: ClassVar = "corpus_validation"

    def inputs(self, context: Context) -> Sequence[InputEntry]:
        return [context.require("corpus")]

    def run(self, inputs: Mapping[str, InputEntry], draft: Draft) -> Outcome:
        return Outcome(rows=1, digest=inputs["corpus"].digest)


def make_lake(folder: Path, files: int = 1, validated: bool = True) -> Context:
    """A lake that holds a corpus, by default a validated one."""
    context = Context(root=f"file://{folder}", partition=PARTITION)
    execute(MakeCorpus(files=files), context)
    if validated:
        execute(PassValidation(), context)
    return context


def path_of(context: Context, relative: str) -> Path:
    return Path(context.root.removeprefix("file://")) / relative
