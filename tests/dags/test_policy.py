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

LOG = "http://localhost:8080/dags/restore_batches/runs/monday/tasks/restore_shard?try_number=3"
NIGHT = datetime(2026, 11, 22, 0, 30, tzinfo=UTC)
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
RUN = SimpleNamespace(partition_key="2026-11-23", logical_date=None, run_after=NOON)


class Told(dict[str, dict[str, Any]]):
    """The XComs of a run: task → key → value."""

    def pull(self, task_ids: list[str], key: str) -> list[Any]:
        """As a task instance does it: None for each task that has none."""
        return [self.get(task_id, {}).get(key) for task_id in task_ids]


def of_task(exception: object, map_index: int = -1, run: Any = RUN, told: Told | None = None) -> Context:
    """The context of Airflow's callback for a task that has failed for good."""
    ti = SimpleNamespace(
        dag_id="restore_batches",
        task_id="restore_shard",
        run_id="monday",
        map_index=map_index,
        try_number=3,
        log_url=LOG,
        xcom_push=lambda key, value: (
            (Told() if told is None else told).setdefault("restore_shard", {}).update({key: value})
        ),
    )
    return cast(Context, {"task_instance": ti, "exception": exception, "dag_run": run})


def of_run(reason: str, told: Told) -> Context:
    """The context of Airflow's callback for a run that has failed, with its last task instance."""
    ti = SimpleNamespace(task_id="restore_shard", map_index=4, log_url=LOG, xcom_pull=told.pull)
    dag = SimpleNamespace(dag_id="restore_batches", task_ids=["restore_plan", "restore_shard"])
    return cast(Context, {"dag": dag, "run_id": "mon day", "dag_run": RUN, "reason": reason, "ti": ti})


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
                f"log: {LOG}"
            },
        )
    ]
    # and the log has the whole error as before
    assert "event=task_failed dag=restore_batches run=monday task=restore_shard map_index=4 try=3" in caplog.text
    assert "Traceback" in caplog.text


@pytest.mark.parametrize(
    ("exception", "said"),
    [(KeyError(), "KeyError()"), ("an error in words", "an error in words")],
)
def test_an_error_is_told_by_its_words_else_by_its_kind(webhook: Webhook, exception: object, said: str) -> None:
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
        (SimpleNamespace(partition_key=None, logical_date=NIGHT, run_after=NOON), "2026-11-22 00:30 UTC"),
        (SimpleNamespace(partition_key=None, logical_date=None, run_after=NOON), "2026-11-23 12:00 UTC"),
        (SimpleNamespace(logical_date="2026-11-22T00:30:00Z"), "2026-11-22 00:30 UTC"),  # JSON, as of a deadline
        (None, "unknown"),
    ],
)
def test_a_run_without_a_partition_is_known_by_its_date(webhook: Webhook, run: Any, day: str) -> None:
    policy.report_failure(of_task(ValueError("x"), run=run))
    ((_, body),) = webhook.posts
    assert f"\nday: {day}\n" in body["text"]


def test_a_run_whose_task_has_told_why_it_failed_is_not_told_of_again(webhook: Webhook) -> None:
    # Given a task that has told people, and Airflow's callback for its run, which comes after
    told = Told()
    policy.report_failure(of_task(RuntimeError("no room"), told=told))
    policy.report_failed_run(of_run("task_failure", told))
    assert len(webhook.posts) == 1


def test_a_run_whose_task_was_killed_tells_which(webhook: Webhook, caplog: pytest.LogCaptureFixture) -> None:
    # Given a task that could tell nothing; where the DAG processor calls for it, that is without an error
    told = Told()
    with caplog.at_level(logging.ERROR, policy.log.name):
        policy.report_failure(of_task(None, told=told))
        assert webhook.posts == []
        policy.report_failed_run(of_run("task_failure", told))
    # Then the run tells, with the task's log
    text = (
        "restore_batches: the run failed\nrun: mon day\nday: 2026-11-23\n"
        f"error: restore_shard[4] was ended from outside, as for want of memory\nlog: {LOG}"
    )
    assert webhook.posts == [(PATH, {"text": text})]
    assert "event=run_failed dag=restore_batches run=mon day" in caplog.text


def test_a_run_that_took_too_long_is_told_of(webhook: Webhook) -> None:
    policy.report_failed_run(of_run("timed_out", Told()))
    text = (
        "restore_batches: the run failed\nrun: mon day\nday: 2026-11-23\nerror: timed_out\n"
        "log: http://localhost:8080/dags/restore_batches/runs/mon%20day"
    )
    assert webhook.posts == [(PATH, {"text": text})]


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
