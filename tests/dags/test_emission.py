"""The event at the end of a DAG: what it says, and when there is none."""

from __future__ import annotations

from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from mendel_airflow import assets
from mendel_airflow.emission import EmitAsset, nothing_new
from mendel_airflow.promotion import declined
from mendel_airflow.shards import ListShards

from .conftest import MONDAY, Lake, Run


def test_an_event_says_what_the_version_holds(lake: Lake) -> None:
    # Given a version that this run has made, validated
    corpus = lake.commit("corpus", cer=0.047, rows_of={"train": 2}, suite="corpus")
    lake.commit("corpus_validation", of=corpus)
    run = Run(partition=None)
    # When its event is emitted
    EmitAsset(asset=assets.corpus, covered_by=["corpus_validation"], partition=MONDAY).execute(run.context)
    # Then it carries the partition, though the run has no key, and what is plain in the metrics
    assert run.events["corpus"].keys == [MONDAY]
    assert run.events["corpus"].extra == {
        "version": corpus.path,
        "rows": 3,
        "digest": "d1",
        "revision": None,
        "unchanged": False,
        "same_as": None,
        "metrics": {"cer": 0.047, "suite": "corpus"},
        "retrain": True,
    }


@pytest.mark.parametrize(
    ("made", "unchanged"), [({}, False), ({"run_id": "before"}, True), ({"same_as": "corpus/x"}, True)]
)
def test_an_event_says_that_nothing_changed(lake: Lake, made: dict[str, Any], unchanged: bool) -> None:
    lake.commit("corpus", **made)
    run = Run()
    EmitAsset(asset=assets.corpus, partition=MONDAY).execute(run.context)
    assert run.events["corpus"].extra["unchanged"] is unchanged


def test_without_a_version_there_is_no_event(lake: Lake) -> None:
    run = Run()
    with pytest.raises(AirflowFailException, match=f"corpus has no version in partition {MONDAY}"):
        EmitAsset(asset=assets.corpus, partition=MONDAY).execute(run.context)
    assert not run.events


def test_a_validation_of_another_version_does_not_count(lake: Lake) -> None:
    # Given a validation of the version that was in force before this one
    lake.commit("corpus_validation", of=lake.commit("corpus", digest="before"))
    lake.commit("corpus", digest="after")
    run = Run()
    # When the event is to be emitted, then it is not
    with pytest.raises(AirflowFailException, match="is of another version than"):
        EmitAsset(asset=assets.corpus, covered_by=["corpus_validation"], partition=MONDAY).execute(run.context)
    assert not run.events


@pytest.mark.parametrize(
    ("action", "run_id", "reason"),
    [
        ("promoted", "this-run", None),
        ("promoted", "before", "unchanged: this candidate has been version 4 since 2026-11-26 12:00"),
        ("declined", "this-run", "declined: not shown to be better; too slow"),
    ],
)
def test_a_champion_is_announced_only_when_there_is_a_new_one(
    lake: Lake, action: str, run_id: str, reason: str | None
) -> None:
    lake.commit("promotion", run_id=run_id, action=action, version=4, reasons=["not shown to be better", "too slow"])
    run = Run()
    task = EmitAsset(asset=assets.champion, dataset="promotion", unless=declined, partition=MONDAY)
    if reason is None:
        task.execute(run.context)
        assert run.events["champion"].extra["metrics"] == {"action": "promoted", "version": 4}
    else:
        with pytest.raises(AirflowSkipException, match=reason):
            task.execute(run.context)
        assert not run.events


@pytest.mark.parametrize("records", [0, 3])
def test_a_stream_is_announced_only_when_something_has_arrived(lake: Lake, records: int) -> None:
    # Given a run of the stream that read this many records
    lake.commit("stream_run", records=records)
    run = Run()
    task = EmitAsset(asset=assets.restored_stream, dataset="stream_run", unless=nothing_new, partition=MONDAY)
    # When it is to be announced
    if records:
        task.execute(run.context)
    else:
        with pytest.raises(AirflowSkipException, match="nothing new has arrived"):
            task.execute(run.context)
    # Then there is an event only where there is something to know
    assert set(run.events) == ({"restored_stream"} if records else set())


@pytest.mark.parametrize("shards", [0, 1, 3])
def test_a_task_for_each_shard_of_the_plan(lake: Lake, shards: int) -> None:
    lake.commit("restore_plan", shards=shards, files_in=1)
    assert ListShards(partition=MONDAY).execute(Run().context) == [{"shard": shard} for shard in range(shards)]


def test_a_day_without_files_is_skipped_with_the_reason(lake: Lake) -> None:
    lake.commit("restore_plan", shards=0, files_in=0)
    with pytest.raises(
        AirflowSkipException, match=f"nothing to restore: inbox/dt={MONDAY} of {lake.root} holds no files"
    ):
        ListShards(partition=MONDAY).execute(Run().context)
