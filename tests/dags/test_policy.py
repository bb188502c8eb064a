"""What people are told of runs."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest
from airflow.sdk import Context

from mendel_airflow import policy

from .receivers import PATH, Webhook

RUN = SimpleNamespace(partition_key="2026-11-23", logical_date=None, run_after=datetime(2026, 11, 23, tzinfo=UTC))


def of_task(exception: object, map_index: int = -1, run: Any = RUN) -> Context:
    """The context of Airflow's callback for a task that has failed for good."""
    ti = SimpleNamespace(
        dag_id="restore_batches",
        task_id="restore_shard",
        run_id="monday",
        map_index=map_index,
        try_number=3,
        log_url="http://localhost:8080/dags/restore_batches/runs/monday/tasks/restore_shard?try_number=3",
    )
    return cast(Context, {"task_instance": ti, "exception": exception, "dag_run": run})


def test_people_are_told_which_task_failed_why_and_where_its_log_is(
    webhook: Webhook, caplog: pytest.LogCaptureFixture
) -> None:
    # When a shard has failed for good, with an error of two lines
    with caplog.at_level(logging.ERROR, policy.log.name):
        policy.report_failure(of_task(RuntimeError("no room on the disk\nTraceback …"), map_index=4))
    # Then the message has the first, and all by which the run is found
    assert webhook.posts == [
        (
            PATH,
            {
                "text": "restore_batches: restore_shard[4] failed\n"
                "run: monday\n"
                "day: 2026-11-23\n"
                "error: no room on the disk\n"
                "log: http://localhost:8080/dags/restore_batches/runs/monday/tasks/restore_shard?try_number=3"
            },
        )
    ]
    # and the log has the whole error as before
    assert "event=task_failed dag=restore_batches run=monday task=restore_shard map_index=4 try=3" in caplog.text
    assert "Traceback" in caplog.text


@pytest.mark.parametrize(
    ("exception", "said"),
    [
        (None, "none of its own: it was ended from outside"),
        (KeyError(), "KeyError()"),
        ("of the DAG processor", "of the DAG processor"),
    ],
)
def test_an_error_without_words_is_told_too(webhook: Webhook, exception: object, said: str) -> None:
    policy.report_failure(of_task(exception))
    ((_, body),) = webhook.posts
    assert f"\nerror: {said}\n" in body["text"]


def test_a_long_error_is_cut(webhook: Webhook) -> None:
    policy.report_failure(of_task(ValueError("word " * 1000)))
    ((_, body),) = webhook.posts
    assert len(body["text"]) < policy.ERROR_CHARACTERS + 250


@pytest.mark.parametrize(
    ("run", "day"),
    [
        (SimpleNamespace(partition_key=None, logical_date="2026-11-22", run_after="2026-11-23"), "2026-11-22"),
        (SimpleNamespace(partition_key=None, logical_date=None, run_after="2026-11-23"), "2026-11-23"),
        (None, "unknown"),
    ],
)
def test_a_run_without_a_partition_is_known_by_its_date(webhook: Webhook, run: Any, day: str) -> None:
    policy.report_failure(of_task(ValueError("x"), run=run))
    ((_, body),) = webhook.posts
    assert f"\nday: {day}\n" in body["text"]


@pytest.mark.parametrize(("reason", "told"), [("timed_out", True), ("task_failure", False)])
def test_a_run_whose_task_has_failed_is_not_told_of_twice(
    reason: str, told: bool, webhook: Webhook, caplog: pytest.LogCaptureFixture
) -> None:
    # Given the context of Airflow's callback for a DAG's run, which comes after that of its task
    context = {"dag": SimpleNamespace(dag_id="corrupt_corpus"), "run_id": "mon day", "dag_run": RUN, "reason": reason}
    with caplog.at_level(logging.ERROR, policy.log.name):
        policy.report_ended_run(cast(Context, context))
    text = (
        "corrupt_corpus: the run failed\nrun: mon day\nday: 2026-11-23\nerror: timed_out\n"
        "log: http://localhost:8080/dags/corrupt_corpus/runs/mon%20day"
    )
    assert webhook.posts == ([(PATH, {"text": text})] if told else [])
    assert ("event=run_failed dag=corrupt_corpus run=mon day reason=timed_out" in caplog.text) is told


@pytest.mark.parametrize(("state", "told"), [("running", True), ("queued", True), ("failed", False)])
def test_a_run_that_has_failed_is_not_late_too(
    state: str, told: bool, webhook: Webhook, caplog: pytest.LogCaptureFixture
) -> None:
    # Given the context of Airflow's callback, which comes for failed runs as well
    run = {"dag_run_id": "monday", "state": state, "partition_key": "2026-11-23"}
    with caplog.at_level(logging.ERROR, policy.log.name):
        policy.report_missed_deadline({"dag_run": run}, dag_id="corrupt_corpus", hours=4.0)
    assert ("event=deadline_missed dag=corrupt_corpus run=monday" in caplog.text) is told, f"a {state} run"
    text = (
        "corrupt_corpus: late, not finished 4 h after it was queued\nrun: monday\nday: 2026-11-23\n"
        "log: http://localhost:8080/dags/corrupt_corpus/runs/monday"
    )
    assert webhook.posts == ([(PATH, {"text": text})] if told else []), f"a {state} run"
