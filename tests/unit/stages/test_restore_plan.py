from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mendel.core import lake
from mendel.core.errors import InputError, MendelError
from mendel.core.manifest import InputEntry, Manifest
from mendel.core.stage import Context, Draft
from mendel.inference import inbox
from mendel.promotion import ledger
from mendel.stages.restore_plan import Plan, Restore

from ..inference.conftest import a_lake, new_lake

__all__ = ["a_lake", "new_lake"]

DAY = "2026-11-20"


def planned(root: str, found: Manifest) -> list[list[str]]:
    """The ids of each shard."""
    uris = [lake.join(root, file.path) for file in found.files if "/shards/" in file.path]
    return [pq.read_table(uri, columns=["id"])["id"].to_pylist() for uri in uris]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(st.integers(0, 30) | st.none(), max_size=12), max_size=4), st.integers(1, 15))
def test_each_id_is_in_one_shard_or_rejected_for_any_size_of_shard(files: list[list[int | None]], size: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        # Given files whose records have ids that may repeat (None: no id)
        root = Path(folder).as_uri()
        day = Path(folder) / "inbox" / f"dt={DAY}"
        day.mkdir(parents=True)
        for number, ids in enumerate(files):
            lines = [json.dumps({"id": own, "text": "words"}) for own in ids]
            (day / f"{number}.jsonl").write_text("\n".join(lines))

        # When the day is planned
        context = Context(root=root, partition=DAY)
        draft = Draft(context, "restore_plan/test")
        listed = [(file.name, file.sha256()) for file in inbox.files(root, DAY)]
        entry = InputEntry(name="inbox", uri="inbox", digest=inbox.digest(DAY, listed), rows=0)
        plan = Plan(settings=Restore(records_per_shard=size), model_version=1)
        outcome = plan.run({"inbox": entry}, draft)

        # Then every record is in exactly one place
        shards = [
            pq.read_table(draft.folder / "shards" / f"shard-{shard:05d}.parquet")
            for shard in range(outcome.metrics["shards"])
        ]
        rejected = [json.loads(line) for line in (draft.folder / "rejected/part-00000.jsonl").read_text().splitlines()]
        places = [(row["file"], row["ordinal"]) for shard in shards for row in shard.to_pylist()]
        places += [(row["file"], row["ordinal"]) for row in rejected]
        every = [
            (f"inbox/dt={DAY}/{number}.jsonl", ordinal + 1)
            for number, ids in enumerate(files)
            for ordinal in range(len(ids))
        ]
        assert sorted(places) == sorted(every), "a record was lost or is in two places"
        own = [found for shard in shards for found in shard["id"].to_pylist()]
        assert len(set(own)) == len(own), "an id is in two places"
        named = {str(found) for ids in files for found in ids if found is not None}
        assert named <= set(own), "an id was rejected wherever it came"
        assert all(0 < shard.num_rows <= size for shard in shards), "a shard is empty or too large"


def test_of_one_id_in_two_files_the_first_counts(a_lake: Any) -> None:
    a_lake.put("b.jsonl", [{"id": "x", "text": "second"}])
    a_lake.put("a.jsonl", [{"id": "x", "text": "first"}, {"id": "x", "text": "first again"}])

    found = a_lake.plan()

    assert planned(a_lake.root, found) == [["x"]]
    rejected = [(row["file"], row["ordinal"], row["reason"]) for row in a_lake.rejected(found)]
    assert rejected == [
        (f"inbox/dt={DAY}/a.jsonl", 2, "duplicate_id"),
        (f"inbox/dt={DAY}/b.jsonl", 1, "duplicate_id"),
    ]


def test_the_metrics_say_what_came_of_each_file(a_lake: Any) -> None:
    a_lake.put("a.jsonl", b'{"text": "one"}\n{"text": 2}\nnot json\n')
    a_lake.put("b.txt", b"one\ntwo\n")
    a_lake.put("c.txt.gz", b"not gzip")
    a_lake.put("d.txt", b"")

    metrics = a_lake.plan().metrics

    assert (metrics["files_in"], metrics["files_rejected"]) == (4, 1)
    assert (metrics["records_in"], metrics["records_rejected"]) == (5, 2)
    assert metrics["reasons"] == {"damaged": 1, "not_json": 1, "not_text": 1}
    counts = {name.rsplit("/", 1)[1]: (file["records"], file["rejected"]) for name, file in metrics["files"].items()}
    assert counts == {"a.jsonl": (3, 2), "b.txt": (2, 0), "c.txt.gz": (0, 0), "d.txt": (0, 0)}
    assert "damaged" in metrics["files"][f"inbox/dt={DAY}/c.txt.gz"]["problem"]


def test_planning_again_is_the_same_plan(a_lake: Any) -> None:
    a_lake.put("a.txt", b"one\ntwo")

    first, again, forced = a_lake.plan(), a_lake.plan(), a_lake.plan(force=True)

    assert again == first, "the plan was made again though nothing changed"
    assert (forced.fingerprint, forced.digest) == (first.fingerprint, first.digest)


def test_another_threshold_makes_another_plan(a_lake: Any) -> None:
    a_lake.put("a.txt", b"one")

    without, strict, stricter = (a_lake.plan(threshold=threshold) for threshold in (None, 0.5, 0.9))

    assert len({plan.fingerprint for plan in (without, strict, stricter)}) == 3, "what differs has one name"


def test_a_shard_ends_where_it_has_enough_text(a_lake: Any) -> None:
    a_lake.put("a.jsonl", [{"id": str(number), "text": "x" * (25 if number == 2 else 4)} for number in range(6)])
    a_lake.put("b.md", b"Teh end of a document of many more than ten characters.")

    ids = planned(a_lake.root, a_lake.plan(characters_per_shard=10))

    assert [shard[:3] for shard in ids[:2]] == [["0", "1", "2"], ["3", "4", "5"]]
    assert list(map(len, ids)) == [3, 3, 1], "the document has no shard of its own"


def test_a_plan_of_another_release_says_what_to_run(a_lake: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    a_lake.put("a.txt", b"one")
    monkeypatch.setattr(Plan, "stage_version", 1)
    a_lake.plan()

    with pytest.raises(InputError, match=r"is of another release\. Run: mendel restore plan --partition 2026-11-20"):
        a_lake.shard(0)


def test_two_days_of_equal_content_have_plans_and_ids_of_their_own(a_lake: Any) -> None:
    for day in ("2026-11-20", "2026-11-21"):
        a_lake.put("a.txt", b"one", day)

    first, second = a_lake.plan("2026-11-20"), a_lake.plan("2026-11-21")

    assert second.same_as is None, "the second day uses the first day's files"
    assert planned(a_lake.root, first) != planned(a_lake.root, second), "records of two days have one id"


def test_a_day_keeps_its_model_when_the_champion_changes(a_lake: Any) -> None:
    # Given a day planned with version 1, and a new champion since
    a_lake.put("a.txt", b"one")
    before = a_lake.plan()
    assert a_lake.make_champion({"adn": "and"}) == 2

    # When a file comes late
    a_lake.put("late.txt", b"two")
    late = a_lake.plan()

    # Then the day is planned anew, with its own model; other days get the new champion
    assert late.fingerprint != before.fingerprint, "the late file was not seen"
    assert late.parameters["model_version"] == 1, "the day changed its model without being asked"
    assert a_lake.plan("2026-11-19").parameters["model_version"] == 2, "an old day's first run takes today's champion"


@pytest.mark.parametrize(("asked", "version"), [("champion", 3), ("previous", 2), ("2", 2), (None, 1), ("", 1)])
def test_a_day_moves_to_another_model_when_asked(a_lake: Any, asked: str | None, version: int) -> None:
    a_lake.put("a.txt", b"one")
    a_lake.plan()
    a_lake.make_champion({"adn": "and"})
    a_lake.make_champion({"fro": "for"})

    assert a_lake.plan(asked=asked).parameters["model_version"] == version
    assert a_lake.plan().parameters["model_version"] == version, (
        "the rerun does not keep the version that was asked for"
    )


def test_another_alias_in_the_settings_is_another_question(a_lake: Any) -> None:
    a_lake.make_champion({"adn": "and"})
    assert a_lake.plan().parameters["model_version"] == 2

    assert a_lake.plan(alias="previous").parameters["model_version"] == 1


def test_equal_models_of_different_versions_make_different_plans(a_lake: Any) -> None:
    a_lake.put("a.txt", b"one")
    first = a_lake.plan()
    a_lake.make_champion({"teh": "the"})

    assert a_lake.plan(asked="2").fingerprint != first.fingerprint


def test_an_unknown_model_says_which_there_are(a_lake: Any) -> None:
    with pytest.raises(InputError, match=r"there is no model '7'\. Choose one of: champion, 1"):
        a_lake.plan(asked="7")


def test_a_day_whose_model_the_ledger_has_lost_says_what_to_do(a_lake: Any) -> None:
    a_lake.plan()
    for uri in lake.list_files(lake.join(a_lake.root, "ledger")):
        lake.remove(uri)

    with pytest.raises(InputError, match=r"the ledger has lost ledger/000001\.json"):
        a_lake.plan()

    # and where the ledger was begun anew on purpose
    lake.remove(lake.join(a_lake.root, ledger.WITNESS))
    with pytest.raises(InputError, match=r"version 1, with which .* was planned, is not in the ledger"):
        a_lake.plan()


def test_a_file_that_grows_while_it_is_read_stops_the_plan(a_lake: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    path = a_lake.put("a.txt", b"one\ntwo\n")
    whole = inbox.records

    def grows(*arguments: Any) -> Any:
        for item in whole(*arguments):
            path.write_bytes(b"one\ntwo\nthree\n")
            yield item

    monkeypatch.setattr(inbox, "records", grows)

    with pytest.raises(MendelError, match=r"changed while it was read: run the plan again") as error:
        a_lake.plan()

    assert error.value.exit_code == 1, "the next attempt may find the file complete, so it is worth a retry"
