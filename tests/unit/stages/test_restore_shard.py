from __future__ import annotations

import signal
import threading
import time
from collections.abc import Sequence
from typing import Any

import pytest

from mendel.core import lake
from mendel.core.errors import InputError
from mendel.inference import parts
from mendel.inference.planned import in_force, restored_folder
from mendel.restorers.restorer import Restoration, Restorer

from ..inference.conftest import a_lake, new_lake, slow_shard

__all__ = ["a_lake", "new_lake"]

LINES = b"".join(b"teh line number %d\n" % number for number in range(10))


def test_a_part_holds_the_restored_text_and_where_it_came_from(a_lake: Any) -> None:
    a_lake.put(
        "a.jsonl", [{"id": "x", "text": "teh end"}, {"id": "y", "text": "teh end?"}, {"id": "z", "text": "fine"}]
    )

    rows = a_lake.rows(a_lake.restore())

    assert rows == [
        {
            "id": own,
            "text": text,
            "original": original,
            "confidence": confidence,
            "changed": text != original,
            "fallback": fallback,
            "model_version": 1,
            "file": "inbox/dt=2026-11-20/a.jsonl",
            "ordinal": ordinal,
            "extra": None,
        }
        for own, text, original, confidence, fallback, ordinal in [
            ("x", "the end", "teh end", 0.75, False, 1),
            ("y", "teh end?", "teh end?", 0.25, True, 2),
            ("z", "fine", "fine", 0.75, False, 3),
        ]
    ]


def test_changes_below_the_threshold_are_left_out_one_by_one(a_lake: Any) -> None:
    # given a model that is sure of one word, and less so of another
    a_lake.make_champion({"teh": "the", "Kign": "King"})
    texts = ["teh Kign and teh end", "Kign", "fine"]
    a_lake.put("a.jsonl", [{"id": str(number), "text": text} for number, text in enumerate(texts)])
    # when
    free, strict = a_lake.rows(a_lake.restore()), a_lake.rows(a_lake.restore(threshold=0.8))
    # then
    assert [row["text"] for row in free] == ["the King and the end", "King", "fine"]
    assert [row["text"] for row in strict] == ["the Kign and the end", "Kign", "fine"]
    assert [(row["changed"], row["fallback"]) for row in strict] == [(True, False), (False, True), (False, False)]


def test_the_restorer_never_gets_more_texts_than_a_batch(a_lake: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    load = Restorer.load

    def watched(uri: str) -> Restorer:
        restorer = load(uri)
        restore = restorer.restore

        def counted(texts: Sequence[str]) -> list[Restoration]:
            sizes.append(len(texts))
            return restore(texts)

        monkeypatch.setattr(restorer, "restore", counted)
        return restorer

    monkeypatch.setattr(Restorer, "load", watched)
    a_lake.put("a.txt", LINES)

    a_lake.restore(batch_records=4)

    assert sizes == [4, 4, 2]


def test_a_restored_shard_is_not_restored_again(a_lake: Any) -> None:
    a_lake.put("a.txt", LINES)
    a_lake.plan()

    first, again, forced = a_lake.shard(0), a_lake.shard(0), a_lake.shard(0, force=True)

    assert again == first, "the shard was restored twice"
    assert forced.file.path != first.file.path, "--force did nothing"
    assert forced.file.sha256 == first.file.sha256, "equal input gave another result"


def test_of_two_attempts_at_once_one_counts(a_lake: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given attempts that wait for each other before they commit
    a_lake.put("a.txt", LINES)
    a_lake.plan()
    barrier = threading.Barrier(2, timeout=60)
    commit = parts.commit

    def together(*arguments: Any, **options: Any) -> parts.ShardPart:
        barrier.wait()
        return commit(*arguments, **options)

    monkeypatch.setattr(parts, "commit", together)

    # When both restore one shard
    results: list[parts.ShardPart] = []
    threads = [threading.Thread(target=lambda: results.append(a_lake.shard(0))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    # Then both return the one that counts, and the day is whole
    assert len(results) == 2, "an attempt failed"
    assert results[0] == results[1], "each attempt took itself for the first"
    assert a_lake.collect().rows == 10


def test_killed_in_a_shard_the_rerun_gives_the_same_day(new_lake: Any) -> None:
    # Given a day restored without trouble
    calm, troubled = new_lake("calm"), new_lake("troubled")
    for each in (calm, troubled):
        each.put("a.txt", LINES)
    expected = calm.restore(records_per_shard=4)

    # When the second shard's process is killed while it restores
    troubled.plan(records_per_shard=4)
    troubled.shard(0)
    folder = troubled.folder / restored_folder(in_force(troubled.context()))
    before = set(folder.iterdir())
    process = slow_shard(troubled.root, 1)
    while set(folder.iterdir()) == before:
        assert process.poll() is None, f"the shard ended by itself: {process.communicate()[1]!r}"
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.communicate()

    # Then nothing of it counts, and the shards run again give the same day
    with pytest.raises(InputError, match=r"2 of 3 shards are not restored: 1, 2"):
        troubled.collect()
    for shard in range(3):
        troubled.shard(shard)
    found = troubled.collect()
    assert (found.fingerprint, found.digest) == (expected.fingerprint, expected.digest)
    assert len([file for file in found.files if file.path.endswith(".parquet")]) == 3, (
        "the killed attempt's file counts"
    )


@pytest.mark.parametrize("shard", [-1, 3])
def test_a_shard_that_the_plan_has_not_is_an_input_error(a_lake: Any, shard: int) -> None:
    a_lake.put("a.txt", LINES)
    a_lake.plan(records_per_shard=4)

    with pytest.raises(InputError, match=rf"--shard {shard}: .* has 3 shards, counted from 0"):
        a_lake.shard(shard)


def test_without_a_plan_the_message_says_what_to_run(a_lake: Any) -> None:
    with pytest.raises(InputError, match=r"has no plan in .*Run: mendel restore plan --partition 2026-11-20"):
        a_lake.shard(0)


def test_a_plan_changed_by_hand_is_not_restored(a_lake: Any) -> None:
    a_lake.put("a.txt", LINES)
    plan = a_lake.plan()
    (path,) = [file.path for file in plan.files if "/shards/" in file.path]
    (a_lake.folder / path).write_bytes(b"something else")

    with pytest.raises(InputError, match=r"shard-00000\.parquet: expected \d+ bytes, found 14.*restore plan"):
        a_lake.shard(0)


def test_a_part_manifest_that_is_cut_off_is_named(a_lake: Any) -> None:
    a_lake.put("a.txt", LINES)
    plan = a_lake.plan()
    a_lake.shard(0)
    lake.write(lake.join(a_lake.root, restored_folder(plan), "_part-00000.json"), b'{"shard": 0, ')

    with pytest.raises(InputError, match=r"_part-00000\.json is not a part's manifest"):
        a_lake.collect()
