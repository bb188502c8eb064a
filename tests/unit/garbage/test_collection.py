"""Garbage goes, and nothing else: tried on lakes that real stages wrote, on a disk and on a store."""

from __future__ import annotations

import json
import os
import sys
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar

import pytest
from fsspec.core import url_to_fs

from mendel.cli import main as cli
from mendel.core import digest, lake, manifest
from mendel.core.errors import InputError
from mendel.core.manifest import FileEntry, InputEntry, Manifest
from mendel.core.stage import Context, Draft, Outcome, Stage, execute
from mendel.garbage import collection
from mendel.garbage.policy import Policy
from mendel.inference import parts
from mendel.inference.parts import ShardPart, ShardTotals
from mendel.promotion import ledger
from mendel.promotion.ledger import Decision

DAY, WEEK_LATER = "2026-11-23", "2026-11-30"
NONE = Policy(newest=0)
LATER = datetime.now(UTC) + timedelta(days=30)
"""When all that a test wrote is old."""


class Source(Stage):
    name: ClassVar[str] = "ingest"
    stage_version: ClassVar[int] = 1
    dataset: ClassVar[str] = "corpus"

    text: str

    def inputs(self, context: Context) -> Sequence[InputEntry]:
        return []

    def run(self, inputs: Mapping[str, InputEntry], draft: Draft) -> Outcome:
        (draft.folder / "a.txt").write_text(self.text)
        return Outcome(rows=1, digest=digest.of_digests([self.text]))


class Train(Stage):
    name: ClassVar[str] = "finetune"
    stage_version: ClassVar[int] = 1
    dataset: ClassVar[str] = "candidate"

    def inputs(self, context: Context) -> Sequence[InputEntry]:
        return [context.require("corpus")]

    def run(self, inputs: Mapping[str, InputEntry], draft: Draft) -> Outcome:
        (draft.folder / "weights").write_text(uuid.uuid4().hex)
        return Outcome(rows=1, digest=digest.of_files(draft.folder))


@pytest.fixture(params=["disk", "remote"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return lake.normalise(str(tmp_path / "lake")) if request.param == "disk" else f"memory://{uuid.uuid4().hex}"


def corpus(root: str, text: str, day: str = DAY, *, force: bool = False) -> Manifest:
    return execute(Source(text=text), Context(root, day, force=force))


def candidate(root: str, day: str = DAY, *, force: bool = False) -> Manifest:
    return execute(Train(), Context(root, day, force=force))


def decide(root: str, made: Manifest, evaluation: Manifest | None = None) -> None:
    values = {
        "number": len(ledger.read(root)) + 1,
        "action": "promoted",
        "version": 1,
        "candidate": made,
        "evaluation": evaluation and evaluation.as_input(),
        "reasons": ("it is better",),
        "run_id": "test",
        "decided": datetime.now(UTC),
    }
    ledger.append(root, lambda _: Decision.model_validate(values))


def attempt(root: str, version: str, name: str = "a.txt") -> str:
    """What a stage that was killed leaves; its path."""
    path = f"{version}/attempt={uuid.uuid4().hex[:12]}"
    lake.write(lake.join(root, path, name), b"x" * 100)
    return path


def garbage(root: str, policy: Policy = NONE, now: datetime = LATER) -> set[str]:
    return {item.path for item in collection.find(root, policy, now)}


def collect(root: str, policy: Policy = NONE, now: datetime = LATER) -> None:
    """Remove, and look that nothing is found again and all that is left is whole."""
    collection.remove(root, collection.find(root, policy, now))
    assert garbage(root, policy, now) == set(), "some garbage is found again"
    for dataset in ("corpus", "candidate"):
        for key in manifest.partitions(root, dataset):
            found = manifest.current(root, dataset, key)
            assert found is not None
            manifest.verify(root, found)
    for decision in ledger.read(root):
        manifest.verify(root, decision.candidate)


def test_a_lake_without_garbage_has_none(root: str) -> None:
    corpus(root, "one")
    candidate(root)
    before = lake.list_files(root)

    assert garbage(root) == set()
    collect(root)
    assert lake.list_files(root) == before


def test_a_killed_attempt_goes_when_it_is_old(root: str) -> None:
    # given one beside a version, and one of a version that never came to be
    made = corpus(root, "one")
    dead = {attempt(root, made.path), attempt(root, f"corpus/dt={DAY}/{'0' * 16}")}

    # when / then
    assert garbage(root, now=datetime.now(UTC)) == set(), "an attempt that may be at work is taken for dead"
    assert garbage(root) == dead
    collect(root)
    assert not [uri for uri in lake.list_files(root) for path in dead if path in uri], "a dead attempt is still there"


def test_an_attempt_that_wrote_nothing_goes_too(tmp_path: Path) -> None:
    made = corpus(str(tmp_path), "one")
    empty = tmp_path / made.path / "attempt=0123456789ab"
    empty.mkdir()

    collect(str(tmp_path))

    assert not empty.exists()


def test_the_files_that_force_replaced_go_unless_the_ledger_needs_them(root: str) -> None:
    # given
    corpus(root, "one")
    first, second = candidate(root), candidate(root, force=True)
    decide(root, second)
    third = candidate(root, force=True)
    assert len({made.path for made in (first, second, third)}) == 1

    # when / then
    assert garbage(root) == {first.folder}
    collect(root)


def test_what_force_replaced_just_now_may_still_be_read(root: str) -> None:
    corpus(root, "one")
    first = candidate(root)
    for uri in lake.list_files(lake.join(root, first.folder)):
        age(uri)

    candidate(root, force=True)

    assert garbage(root, now=datetime.now(UTC)) == set(), "a reader of the old files would lose them"


def age(uri: str) -> None:
    """Make a file look a month old."""
    month = datetime.now(UTC) - timedelta(days=30)
    if (path := lake.local_path(uri)) is not None:
        os.utime(path, (month.timestamp(),) * 2)
    else:
        fs, path_in_store = url_to_fs(uri)
        fs.store[path_in_store].created = month


def test_a_version_that_was_superseded_goes(root: str) -> None:
    first, second = corpus(root, "one"), corpus(root, "two")

    assert garbage(root, now=datetime.now(UTC)) == set(), "a run may still read what was replaced"
    assert garbage(root) == {first.path}
    collect(root)

    assert manifest.read(root, "corpus", DAY, first.fingerprint) is None
    assert manifest.current(root, "corpus", DAY) == second
    assert not [uri for uri in lake.list_files(root) if first.path in uri]
    assert corpus(root, "one").digest == first.digest, "what is gone cannot be made again"


def test_the_newest_stay(root: str) -> None:
    made = [corpus(root, text) for text in ("one", "two", "three", "four")]

    assert garbage(root, Policy(newest=2)) == {made[0].path, made[1].path}


def test_what_a_kept_version_was_made_from_stays(root: str) -> None:
    # given a candidate whose corpus has been replaced
    first = corpus(root, "one")
    made = candidate(root)
    corpus(root, "two")

    # when / then
    assert garbage(root) == set(), f"{made.path} is in force and was made from {first.path}"
    candidate(root)
    assert garbage(root) == {first.path, made.path}, "neither is needed any more"


def test_what_the_ledger_names_stays_with_all_it_was_made_from(root: str) -> None:
    # given a champion whose candidate, evaluation and corpus have all been replaced
    evaluation, first = corpus(root, "an evaluation", WEEK_LATER), corpus(root, "one")
    champion = candidate(root)
    decide(root, champion, evaluation)
    corpus(root, "another", WEEK_LATER)
    corpus(root, "two")
    candidate(root)

    # when / then
    assert garbage(root) == set(), f"the ledger needs {champion.path}, {first.path} and {evaluation.path}"


def test_files_that_a_later_partition_lists_stay(root: str) -> None:
    # given one version in two partitions, replaced in the first
    first = corpus(root, "one")
    later = corpus(root, "one", WEEK_LATER)
    corpus(root, "two")
    assert later.same_as == first.path

    # when / then
    assert garbage(root) == set()
    collect(root)


def test_parts_of_a_day_stay_until_it_is_old_and_not_collected(root: str) -> None:
    # given
    version = f"restored/dt={DAY}/{'a' * 16}"
    path = attempt(root, version, "part-00000.parquet")
    file = FileEntry(path=f"{path}/part-00000.parquet", bytes=100, sha256="0" * 64)
    parts.commit(root, version, ShardPart(shard=0, run_id="test", file=file, totals=ShardTotals()))
    age(lake.join(root, file.path))

    # when / then
    assert garbage(root, now=datetime.now(UTC)) == set(), "the day's other shards may be at work"
    assert garbage(root) == {path, f"{version}/_part-00000.json"}
    collect(root)


def test_a_write_that_did_not_end_and_an_abandoned_training_go(root: str) -> None:
    corpus(root, "one")
    for path in (
        f"corpus/dt={DAY}/.tmp-abc",
        "checkpoints/0123456789abcdef/step-1/state.json",
        "checkpoints/f/latest.json",
    ):
        lake.write(lake.join(root, path), b"x")

    assert garbage(root, now=datetime.now(UTC)) == set()
    assert garbage(root) == {f"corpus/dt={DAY}/.tmp-abc", "checkpoints/0123456789abcdef", "checkpoints/f"}
    collect(root)


def test_what_others_keep_in_the_lake_is_not_touched(root: str) -> None:
    corpus(root, "one")
    others = [
        f"inbox/dt={DAY}/a.jsonl",
        f"mlflow/1/{'0' * 32}/artifacts/a",
        f"mlflow/1/{'0' * 16}/artifacts/a",
        "data_docs/validations/corpus/2026/page.html",
        "streams/main/commits/0",
        "mine/of/my/own/attempt=1/a",
    ]
    for path in others:
        lake.write(lake.join(root, path), b"x")

    assert garbage(root) == set()


@pytest.mark.parametrize("broken", ["_manifest.json", "../_current.json"])
def test_what_cannot_be_read_keeps_all_that_it_may_name(root: str, broken: str) -> None:
    first = corpus(root, "one")
    corpus(root, "two")
    attempt(root, first.path)
    name = f"{first.path}/{broken}" if broken == "_manifest.json" else f"corpus/dt={DAY}/_current.json"
    lake.write(lake.join(root, name), b"{")

    assert not [path for path in garbage(root) if path == first.path], "nobody knows whether it is needed"


def test_a_broken_ledger_stops_it(root: str) -> None:
    corpus(root, "one")
    corpus(root, "two")
    lake.write(lake.join(root, "ledger", "000001.json"), b"{")

    with pytest.raises(InputError, match=r"000001\.json"):
        garbage(root)


def test_what_was_put_in_force_after_the_look_stays(root: str) -> None:
    first = corpus(root, "one")
    corpus(root, "two")
    found = collection.find(root, NONE, LATER)
    assert [item.path for item in found] == [first.path]

    corpus(root, "one")
    collection.remove(root, found)

    assert manifest.current(root, "corpus", DAY) == first
    manifest.verify(root, first)


def test_the_command_shows_first_and_removes_when_it_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # given
    monkeypatch.delenv("MENDEL_LAKE", raising=False)
    root = str(tmp_path / "lake")
    made = corpus(root, "one")
    dead = attempt(root, made.path)
    age(lake.join(root, dead, "a.txt"))
    age(lake.join(root, made.path, "_manifest.json"))
    pipeline = tmp_path / "pipeline.yaml"
    pipeline.write_text(json.dumps({"name": "test", "lake": root}))

    def gc(*options: str) -> str:
        monkeypatch.setattr(sys, "argv", ["mendel", "gc", "--config", str(pipeline), *options])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        assert ended.value.code == 0
        return capsys.readouterr().out

    # when / then
    shown = gc()
    assert f"0.0 MB  {dead}: an attempt that no manifest lists" in shown
    assert "1 items, 0.0 MB to be removed by --delete" in shown
    assert (tmp_path / "lake" / dead).exists(), "it was removed unasked"
    assert "1 items, 0.0 MB removed" in gc("--delete")
    assert not (tmp_path / "lake" / dead).exists()
    assert "0 items" in gc()


def test_what_may_not_be_removed_keeps_nothing_else(
    users_folder: Path, without_privileges: Callable[[], AbstractContextManager[None]]
) -> None:
    # given
    root = str(users_folder / "lake")
    made = corpus(root, "one")
    closed, open_to_all = attempt(root, made.path), attempt(root, f"corpus/dt={WEEK_LATER}/{'0' * 16}")
    for path in (users_folder / "lake" / f"corpus/dt={WEEK_LATER}").rglob("*"):
        path.chmod(0o777)

    # when
    found = collection.find(root, NONE, LATER)
    with without_privileges():
        collection.remove(root, found)

    # then
    assert garbage(root) == {closed}, f"{open_to_all} was kept with it"
