"""Small stages that make datasets of the lake; and a program that makes days, for tests that need a second process.

    python writer.py LAKE WHO REPETITIONS DAY…

says `ready`, waits for a line, and then makes each day with rows of its own.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.parquet as pq

from mendel.core import digest, log
from mendel.core.manifest import InputEntry, Manifest
from mendel.core.stage import Context, Draft, Outcome, Stage, execute
from mendel.lakehouse import following

Rows = Sequence[Mapping[str, Any]]


class Days(Stage):
    """A day of `restored`: a file for each shard, and files that are no rows."""

    name: ClassVar[str] = "restore collect"
    stage_version: ClassVar[int] = 1
    dataset: ClassVar[str] = "restored"

    shards: tuple[tuple[dict[str, Any], ...], ...]

    def inputs(self, context: Context) -> Sequence[InputEntry]:
        return []

    def run(self, inputs: Mapping[str, InputEntry], draft: Draft) -> Outcome:
        (draft.folder / "rejected").mkdir()
        (draft.folder / "rejected" / "part-00000.jsonl").write_text(
            '{"file": "inbox/a.jsonl", "ordinal": 9, "reason": "empty", "detail": "no text", "excerpt": ""}\n'
        )
        (draft.folder / "files").mkdir()
        _write([{"anything": 1}], draft.folder / "files" / "part-00000.parquet")
        for number, rows in enumerate(self.shards):
            _write(rows, draft.folder / f"part-{number:05d}.parquet")
        names = [str(row) for shard in self.shards for row in shard]
        return Outcome(rows=len(names), digest=digest.of_digests(names))


class Snapshot(Stage):
    """A corpus, all of it of one split."""

    name: ClassVar[str] = "ingest"
    stage_version: ClassVar[int] = 1
    dataset: ClassVar[str] = "corpus"

    texts: tuple[str, ...]

    def inputs(self, context: Context) -> Sequence[InputEntry]:
        return []

    def run(self, inputs: Mapping[str, InputEntry], draft: Draft) -> Outcome:
        (draft.folder / "split=train").mkdir()
        rows = [{"id": text, "text": text, "split": "train"} for text in self.texts]
        _write(rows, draft.folder / "split=train" / "part-00000.parquet")
        _write([{"text": "dropped", "reason": "short"}], draft.folder / "dropped.parquet")
        return Outcome(rows=len(rows), digest=digest.of_digests(self.texts))


def day(root: str, key: str, *shards: Rows, force: bool = False) -> Manifest:
    """Commit a day, its table being left behind."""
    made = Days(shards=tuple(tuple(dict(row) for row in rows) for rows in shards))
    return execute(made, Context(root, key, force=force))


def rows(*ids: str) -> Rows:
    return [{"id": name, "text": f"text of {name}", "confidence": 0.5} for name in ids]


def snapshot(root: str, key: str, *texts: str, force: bool = False) -> Manifest:
    """Commit a corpus, its table being left behind."""
    return execute(Snapshot(texts=texts), Context(root, key, force=force))


def _write(some: Rows, path: Path) -> None:
    pq.write_table(pa.Table.from_pylist([dict(row) for row in some]), path)


def main(root: str, who: str, repetitions: str, *keys: str) -> None:
    log.configure()
    print("ready", flush=True)
    sys.stdin.readline()
    for repetition in range(int(repetitions)):
        for key in keys:
            following.follow(root, day(root, key, rows(f"{who}-{key}-{repetition}"), rows(f"{who}-{key}-second")))


if __name__ == "__main__":
    main(*sys.argv[1:])
