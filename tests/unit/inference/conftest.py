"""A lake with a ledger, a champion and days of an inbox."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mendel.core import digest, lake
from mendel.core.manifest import InputEntry, Manifest
from mendel.core.stage import Context, Draft, Outcome, Stage, execute
from mendel.inference.parts import ShardPart
from mendel.inference.planned import in_force
from mendel.promotion import ledger
from mendel.promotion.ledger import Decision
from mendel.restorers.restorer import READERS
from mendel.stages.restore_collect import Collect
from mendel.stages.restore_plan import Plan, Restore
from mendel.stages.restore_shard import restore_shard

DAY = "2026-11-20"


class MakeCandidate(Stage):
    """A candidate whose restorer knows these words."""

    name: ClassVar[str] = "finetune"
    stage_version: ClassVar[int] = 1
    dataset: ClassVar[str] = "candidate"

    words: dict[str, str]

    def inputs(self, context: Context) -> Sequence[InputEntry]:
        return []

    def run(self, inputs: Mapping[str, InputEntry], draft: Draft) -> Outcome:
        (draft.folder / "restorer.json").write_text(json.dumps({"kind": "spelling", "words": self.words}))
        return Outcome(rows=1, digest=digest.of_files(draft.folder))


@dataclass(frozen=True)
class Lake:
    root: str
    folder: Path

    def context(self, day: str = DAY, force: bool = False) -> Context:
        return Context(root=self.root, partition=day, force=force)

    def make_champion(self, words: dict[str, str]) -> int:
        """Make a new champion; its version."""
        candidate = execute(MakeCandidate(words=words), self.context("2026-11-01"))
        history = ledger.read(self.root)
        champion = ledger.state(history).champion
        decision = Decision(
            number=len(history) + 1,
            action="promoted",
            version=len(history) + 1,
            candidate=candidate,
            champion_before=champion.version if champion else None,
            reasons=("it is better",),
            run_id="test",
            decided=datetime.now(UTC),
        )
        return ledger.append(self.root, lambda _: decision).version

    def put(self, name: str, content: bytes | Sequence[Mapping[str, object]], day: str = DAY) -> Path:
        """Leave a file in the inbox: bytes as they are, or records as JSON Lines or Parquet."""
        path = self.folder / "inbox" / f"dt={day}" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
        elif name.endswith(".parquet"):
            pq.write_table(pa.Table.from_pylist([dict(record) for record in content]), path)
        else:
            path.write_text("".join(json.dumps(record) + "\n" for record in content))
        return path

    def plan(self, day: str = DAY, asked: str | None = None, *, force: bool = False, **settings: object) -> Manifest:
        context = self.context(day, force)
        return execute(Plan.of_day(Restore.model_validate(settings), context, asked), context)

    def shard(self, shard: int, day: str = DAY, *, force: bool = False) -> ShardPart:
        return restore_shard(self.context(day, force), shard)

    def collect(self, day: str = DAY, *, force: bool = False) -> Manifest:
        context = self.context(day, force)
        return execute(Collect(plan=in_force(context).fingerprint), context)

    def restore(self, day: str = DAY, asked: str | None = None, *, force: bool = False, **settings: object) -> Manifest:
        """The whole day, as Airflow runs it."""
        plan = self.plan(day, asked, force=force, **settings)
        for shard in range(plan.metrics["shards"]):
            self.shard(shard, day, force=force)
        return self.collect(day, force=force)

    def rows(self, found: Manifest) -> list[dict[str, object]]:
        """Rows of the version's Parquet files, in order of file and place."""
        tables = [
            pq.read_table(lake.join(self.root, file.path)) for file in found.files if file.path.endswith("parquet")
        ]
        return sorted(
            (row for table in tables for row in table.to_pylist()), key=lambda row: (row["file"], row["ordinal"])
        )

    def rejected(self, found: Manifest) -> list[dict[str, object]]:
        """Lines of the version's `rejected/`."""
        (uri,) = (lake.join(self.root, file.path) for file in found.files if "/rejected/part-" in file.path)
        return [json.loads(line) for line in lake.read_text(uri).splitlines()]


@pytest.fixture
def new_lake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Lake]:
    """Makes lakes whose champion, version 1, writes `the` for `teh`."""
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    monkeypatch.setitem(READERS, "spelling", "spelling:SpellingRestorer")

    def make(name: str) -> Lake:
        made = Lake(root=(tmp_path / name).as_uri(), folder=tmp_path / name)
        made.make_champion({"teh": "the"})
        return made

    return make


@pytest.fixture
def a_lake(new_lake: Callable[[str], Lake]) -> Lake:
    return new_lake("lake")


def slow_shard(root: str, shard: int) -> subprocess.Popen[bytes]:
    """Another process that restores a shard of DAY, and takes a minute for each batch: to be killed."""
    code = (
        f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "from mendel.restorers.restorer import READERS; READERS['spelling'] = 'spelling:SpellingRestorer'\n"
        "from mendel.stages.restore_shard import restore_shard; from mendel.core.stage import Context\n"
        f"restore_shard(Context(root={root!r}, partition={DAY!r}), {shard})"
    )
    environment = os.environ | {"SPELLING_SECONDS": "60"}
    return subprocess.Popen([sys.executable, "-c", code], env=environment, stderr=subprocess.PIPE)
