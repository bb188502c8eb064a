from __future__ import annotations

from typing import Any

import pyarrow.parquet as pq
import pytest

from mendel.core import lake, manifest
from mendel.core.errors import GateError, InputError
from mendel.inference import parts
from mendel.inference.parts import ShardTotals
from mendel.inference.planned import restored_folder
from mendel.stages.restore_collect import signals

from ..inference.conftest import a_lake, new_lake

__all__ = ["a_lake", "new_lake"]

DAY = "2026-11-20"
LINES = b"".join(b"teh line number %d\n" % number for number in range(10))
NO_RECORDS = {
    "records_in": 0,
    "records_out": 0,
    "records_rejected": 0,
    "share_changed": None,
    "mean_confidence": None,
    "chars_per_second": None,
}


def test_every_record_comes_out_once_restored_or_rejected(a_lake: Any) -> None:
    a_lake.put("a.jsonl", b'{"id": "x", "text": "teh end"}\nnot json\n{"id": "x", "text": "twice"}\n')
    a_lake.put("b.txt", LINES)
    a_lake.put("c.parquet", [{"id": 1, "text": "from teh table"}, {"id": 2, "text": None}])
    a_lake.put("d.txt.zst", b"not zstd")

    found = a_lake.restore(records_per_shard=5)

    rows, rejected = a_lake.rows(found), a_lake.rejected(found)
    assert found.rows == len(rows) == 12
    assert {row["text"] for row in rows} >= {"the end", "the line number 3", "from the table"}
    reasons = {(row["file"].rsplit("/", 1)[1], row["ordinal"]): row["reason"] for row in rejected}
    assert reasons == {
        ("a.jsonl", 2): "not_json",
        ("a.jsonl", 3): "duplicate_id",
        ("c.parquet", 2): "no_text",
        ("d.txt.zst", None): "damaged",
    }
    metrics = found.metrics
    assert (metrics["records_in"], metrics["records_out"], metrics["records_rejected"]) == (15, 12, 3)
    assert (metrics["files_in"], metrics["files_rejected"]) == (4, 1)
    assert manifest.current(a_lake.root, "restored", DAY) == found, "the day is not in force"


def test_the_manifest_lists_what_readers_need_and_it_is_all_there(a_lake: Any) -> None:
    a_lake.put("a.txt", LINES)

    found = a_lake.restore(records_per_shard=4)

    manifest.verify(a_lake.root, found)
    assert [entry.name for entry in found.inputs] == ["restore_plan", "inbox", "candidate"]
    assert found.parameters["model_version"] == found.metrics["model_version"] == 1
    assert sorted(file.path.rsplit("/", 1)[1] for file in found.files) == [
        "part-00000.jsonl",
        "part-00000.parquet",
        "part-00001.parquet",
        "part-00002.parquet",
    ]


@pytest.mark.parametrize("size", [1, 3, 10, 100])
def test_the_digest_is_of_the_rows_not_of_the_shards(a_lake: Any, size: int) -> None:
    a_lake.put("a.txt", LINES)

    whole, cut = a_lake.restore(), a_lake.restore(records_per_shard=size)

    assert cut.metrics["shards"] == -(-10 // size)
    assert cut.digest == whole.digest


def test_restoring_a_day_again_is_a_no_op_and_by_force_gives_the_same_digest(a_lake: Any) -> None:
    a_lake.put("a.txt", LINES)

    first, again, forced = a_lake.restore(), a_lake.restore(), a_lake.restore(force=True)

    assert again == first, "the day was restored again though nothing changed"
    assert forced.run_id != first.run_id, "--force did nothing"
    assert (forced.fingerprint, forced.digest) == (first.fingerprint, first.digest)


def test_a_late_file_makes_a_new_version_with_the_day_s_own_model(a_lake: Any) -> None:
    a_lake.put("a.txt", LINES)
    before = a_lake.restore()
    a_lake.make_champion({"teh": "THE"})

    a_lake.put("late.txt", b"teh last\n")
    after = a_lake.restore()

    assert (before.rows, after.rows) == (10, 11)
    assert "the last" in {row["text"] for row in a_lake.rows(after)}, "the late record was not restored by version 1"
    assert manifest.read(a_lake.root, "restored", DAY, before.fingerprint) == before, "the day's old version is gone"


def test_another_version_is_used_when_asked_and_kept(a_lake: Any) -> None:
    a_lake.put("a.txt", b"teh end")
    a_lake.restore()
    a_lake.make_champion({"teh": "THE"})

    asked, again = a_lake.restore(asked="2"), a_lake.restore()

    assert [row["text"] for row in a_lake.rows(asked)] == ["THE end"]
    assert [row["model_version"] for row in a_lake.rows(asked)] == [2]
    assert again == asked, "the rerun went back to another model"


@pytest.mark.parametrize("with_folder", [False, True])
def test_a_day_without_files_is_a_version_without_rows(a_lake: Any, with_folder: bool) -> None:
    if with_folder:
        (a_lake.folder / "inbox" / f"dt={DAY}").mkdir(parents=True)

    found = a_lake.restore()

    assert manifest.current(a_lake.root, "restored", DAY) == found, "the empty day has no version"
    assert (found.rows, found.metrics["shards"]) == (0, 0)
    assert NO_RECORDS.items() <= found.metrics.items()
    assert a_lake.rejected(found) == []


def test_a_day_whose_every_file_is_unreadable_names_them(a_lake: Any) -> None:
    a_lake.put("a.txt.gz", b"not gzip")

    found = a_lake.restore()

    assert (found.rows, found.metrics["files_rejected"]) == (0, 1)
    assert [row["file"] for row in a_lake.rejected(found)] == [f"inbox/dt={DAY}/a.txt.gz"]


def test_a_repaired_file_makes_a_new_version(a_lake: Any) -> None:
    a_lake.put("a.txt", b"\xff\n")
    assert a_lake.restore().rows == 0

    a_lake.put("a.txt", b"teh end\n")

    assert a_lake.restore().rows == 1


def test_missing_shards_are_named(a_lake: Any) -> None:
    a_lake.put("a.txt", LINES)
    a_lake.plan(records_per_shard=3)
    a_lake.shard(1)

    with pytest.raises(InputError, match=r"3 of 4 shards are not restored: 0, 2, 3.*--shard 0"):
        a_lake.collect()

    assert manifest.current(a_lake.root, "restored", DAY) is None, "an incomplete day was committed"


@pytest.mark.parametrize("change", ["gone", "changed"])
def test_a_part_that_is_not_what_its_shard_wrote_is_named(a_lake: Any, change: str) -> None:
    a_lake.put("a.txt", LINES)
    a_lake.plan(records_per_shard=5)
    a_lake.shard(0)
    path = a_lake.folder / a_lake.shard(1).file.path
    path.unlink() if change == "gone" else path.write_bytes(b"x")

    with pytest.raises(InputError, match=r"part-00001\.parquet: expected sha256 .*found .*--shard 1 --force"):
        a_lake.collect()

    a_lake.shard(1, force=True)
    assert a_lake.collect().rows == 10, "the advice in the message does not help"


@pytest.mark.parametrize(
    ("keep", "message"),
    [
        ([0, 1, 2], r"shard 0: lost records l3; records too many none"),
        ([0, 1, 2, 3, 3], r"shard 0: lost records none; records too many l3"),
    ],
)
def test_lost_and_doubled_records_stop_the_day(a_lake: Any, keep: list[int], message: str) -> None:
    # Given a part that a faulty restorer might have committed
    a_lake.put("a.jsonl", [{"id": f"l{number}", "text": "words"} for number in range(4)])
    plan = a_lake.plan()
    part = a_lake.shard(0)
    path = a_lake.folder / part.file.path
    pq.write_table(pq.read_table(path).take(keep), path)
    faulty = part.file.model_copy(update={"sha256": lake.sha256(str(path)), "bytes": path.stat().st_size})
    parts.commit(a_lake.root, restored_folder(plan), part.model_copy(update={"file": faulty}), replace=True)

    with pytest.raises(GateError, match=message):
        a_lake.collect()

    assert manifest.current(a_lake.root, "restored", DAY) is None, "a day with lost or doubled records was committed"


def test_signals_are_means_over_all_records() -> None:
    totals = ShardTotals(
        records=3, characters=30, changed=1, fallback=2, edits=2, confidence=2.4, seconds=1.0
    ) + ShardTotals(records=1, characters=10, non_ascii=4, changed=1, edits=2, confidence=0.8, seconds=1.0)

    assert signals(totals) == {
        "share_changed": 0.5,
        "share_fallback": 0.5,
        "mean_confidence": 0.8,
        "mean_edits": 1.0,
        "mean_characters": 10.0,
        "share_non_ascii": 0.1,
        "records_per_second": 2.0,
        "chars_per_second": 20.0,
    }
