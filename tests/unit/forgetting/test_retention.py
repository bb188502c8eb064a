"""Texts go after the days that the deployment promises, and nothing else does."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from mendel.cli.main import app
from mendel.core import lake, manifest
from mendel.core.stage import Context, execute
from mendel.feedback import collected, inbox
from mendel.feedback.judged import Feedback, JudgedChange, JudgedText
from mendel.forgetting import retention
from mendel.forgetting.retention import Retention
from mendel.inference import planned, restored
from mendel.lakehouse import query
from mendel.lakehouse.query import NOW
from mendel.stages.feedback_collect import CollectFeedback
from mendel.streaming import batches

from ..inference.conftest import Lake

TODAY = datetime.now(UTC).date()
OLD, YOUNG = (str(TODAY - timedelta(days=days)) for days in (31, 30))


def gc(a_lake: Lake, *arguments: str, **days: int) -> str:
    config = a_lake.folder.parent / "pipeline.yaml"
    config.write_text(yaml.safe_dump({"name": "letters", "lake": a_lake.root, "retention": days}))
    result = CliRunner().invoke(app, ["gc", "--config", str(config), *arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def days_of_rows(a_lake: Lake) -> list[str]:
    with query.answer(a_lake.root, "SELECT DISTINCT dt FROM restored ORDER BY dt", NOW) as answer:
        return [str(row[0]) for row in answer.rows]


def said(root: str, day: str) -> None:
    change = JudgedChange(start=0, end=3, original="teh", replacement="the", confidence=0.9, accepted=True)
    at = datetime.fromisoformat(f"{day}T12:00:00+00:00")
    text = JudgedText(text="teh", changes=(change,))
    inbox.put(root, Feedback(request_id="r", at=at, caller=None, model_version=1, texts=(text,)))
    execute(CollectFeedback(), Context(root=root, partition=day))


@pytest.fixture
def two_days(a_lake: Lake) -> Lake:
    """A day that is 31 days old and one that is 30, restored and with feedback."""
    for day in (OLD, YOUNG):
        a_lake.put("a.jsonl", [{"id": "a", "text": f"teh letter of {day}"}], day)
        a_lake.restore(day)
        said(a_lake.root, day)
    assert days_of_rows(a_lake) == [OLD, YOUNG]
    return a_lake


def test_without_a_promise_nothing_goes(two_days: Lake) -> None:
    before = lake.list_files(two_days.root)
    assert "0 items" in gc(two_days, "--delete")
    assert lake.list_files(two_days.root) == before


def test_it_is_listed_and_only_delete_removes_it(two_days: Lake) -> None:
    shown = gc(two_days, restored=30)

    assert f"restored/dt={OLD}: texts like these are kept for 30 days" in shown
    assert YOUNG not in shown
    assert days_of_rows(two_days) == [OLD, YOUNG]


@pytest.mark.parametrize(
    ("promise", "datasets"),
    [
        ("inbox", ["inbox"]),
        ("restored", [restored.DATASET, planned.DATASET]),
        ("feedback", [inbox.DATASET, collected.DATASET]),
    ],
)
def test_days_that_are_over_their_time_go_whole(two_days: Lake, promise: str, datasets: list[str]) -> None:
    others = {"inbox", restored.DATASET, planned.DATASET, inbox.DATASET, collected.DATASET} - set(datasets)

    gc(two_days, "--delete", **{promise: 30})

    for dataset in datasets:
        assert manifest.keys(two_days.root, dataset) == [YOUNG], dataset
    for dataset in others:
        assert manifest.keys(two_days.root, dataset) == [OLD, YOUNG], dataset
    assert days_of_rows(two_days) == ([YOUNG] if promise == "restored" else [OLD, YOUNG])
    assert "0 items" in gc(two_days, "--delete", **{promise: 30}), "nothing is left to do"


def test_a_micro_batch_goes_with_the_files_of_its_folder(a_lake: Lake) -> None:
    # Given a micro-batch and a file of the stream's folder, and a file that came later
    version = a_lake.restore()
    of_stream = version.model_copy(update={"dataset": batches.DATASET, "partition": "batch=0-00000001", "files": ()})
    manifest.commit(a_lake.root, of_stream)
    for name, days in (("old.jsonl", 40), ("new.jsonl", 1)):
        path = Path(a_lake.folder) / "inbox_stream" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text('{"text": "teh"}\n')
        moment = (datetime.now(UTC) - timedelta(days=days)).timestamp()
        os.utime(path, (moment, moment))

    # When 30 days are promised, today and in 31 days
    today = {item.path for item in retention.find(a_lake.root, Retention(stream=30))}
    later = {item.path for item in retention.find(a_lake.root, Retention(stream=30), datetime.now(UTC) + timedelta(31))}

    # Then each goes in its time
    assert today == {"inbox_stream/old.jsonl"}
    assert later == {"inbox_stream/old.jsonl", "inbox_stream/new.jsonl", f"{batches.DATASET}/batch=0-00000001"}
