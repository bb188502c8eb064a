"""What holds for every DAG: owner, retries, pools, what happens on failures and missed deadlines, common params."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from textwrap import shorten
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from airflow.sdk import Param
from airflow.sdk.configuration import conf
from airflow.sdk.definitions.callback import SyncCallback
from airflow.sdk.definitions.deadline import DeadlineAlert, DeadlineReference

from mendel_airflow.alerts import alert
from mendel_airflow.pipelines import config_param

if TYPE_CHECKING:
    from airflow.sdk import Context

log = logging.getLogger(__name__)

GPU = "gpu"
"""Pool of what loads a language model: one at a time on one machine, however many runs and backfills wait."""

VERSIONING = "versioning"
"""Pool of what pushes to the data registry."""

ERROR_CHARACTERS = 300
"""What people are told of an error at most; the log has all of it."""

TOLD = "told"
"""XCom of a task that has told people why it failed: its run does not tell them again."""


def report_failure(context: Context) -> None:
    """Say which task has failed for good, and why: in one line that a log search finds, and to people.

    A task whose process was ended from outside has no error to tell. Where Airflow calls at all, it is from elsewhere, and
    `report_failed_run` tells people.
    """
    ti, exception = context["task_instance"], context.get("exception")
    log.error(
        "event=task_failed dag=%s run=%s task=%s map_index=%s try=%s error=%r",
        *(ti.dag_id, ti.run_id, ti.task_id, ti.map_index, ti.try_number, str(exception)),
    )
    if exception is None:
        return
    error = str(exception).strip() or repr(exception)
    alert(
        f"{ti.dag_id}: {_task(ti)} failed",
        run=ti.run_id,
        day=_day(context.get("dag_run")),
        error=shorten(error.partition("\n")[0], ERROR_CHARACTERS),
        log=ti.log_url,
    )
    ti.xcom_push(TOLD, True)


def report_failed_run(context: Context) -> None:
    """Say which run failed without a task that could say so: it took too long, or a task was killed."""
    dag, run_id, reason, ti = context["dag"], context["run_id"], context.get("reason"), context.get("ti")
    error, url = str(reason), _run_url(dag.dag_id, run_id)
    if reason == "task_failure" and ti is not None:
        if any(ti.xcom_pull(task_ids=list(dag.task_ids), key=TOLD)):
            return
        error, url = f"{_task(ti)} was ended from outside, as for want of memory", ti.log_url
    log.error("event=run_failed dag=%s run=%s error=%r", dag.dag_id, run_id, error)
    alert(f"{dag.dag_id}: the run failed", run=run_id, day=_day(context.get("dag_run")), error=error, log=url)


def report_missed_deadline(context: dict[str, Any], dag_id: str, hours: float) -> None:
    """Say which run is late. It goes on: a deadline is for people, `dagrun_timeout` is for machines.

    Airflow keeps the deadline of a run that has failed; people have heard of it at the time, and there is nothing new.
    """
    run = context.get("dag_run") or {}
    if run.get("state") == "failed":
        return
    run_id = str(run.get("dag_run_id"))
    log.error("event=deadline_missed dag=%s run=%s hours=%s", dag_id, run_id, hours)
    alert(
        f"{dag_id}: late, not finished {hours:g} h after it was queued",
        run=run_id,
        day=_day(SimpleNamespace(**run)),
        log=_run_url(dag_id, run_id),
    )


def deadline(dag_id: str, within: timedelta) -> DeadlineAlert:
    """An alert for a run that has not finished `within` this time of being queued."""
    hours = within.total_seconds() / 3600
    return DeadlineAlert(
        reference=DeadlineReference.DAGRUN_QUEUED_AT,
        interval=within,
        callback=SyncCallback(report_missed_deadline, kwargs={"dag_id": dag_id, "hours": hours}),
    )


def _task(ti: Any) -> str:
    return ti.task_id if ti.map_index is None or ti.map_index < 0 else f"{ti.task_id}[{ti.map_index}]"


def _day(run: Any) -> str:
    """What a run is for: its partition, else its logical date, else the moment that it was asked for in."""
    if key := getattr(run, "partition_key", None):
        return str(key)
    moment = getattr(run, "logical_date", None) or getattr(run, "run_after", None)
    return f"{datetime.fromisoformat(str(moment)):%Y-%m-%d %H:%M} UTC" if moment else "unknown"


def _run_url(dag_id: str, run_id: str) -> str:
    base = conf.get("api", "base_url", fallback="http://localhost:8080/")
    return f"{base.rstrip('/')}/dags/{dag_id}/runs/{quote(run_id)}"


DEFAULT_ARGS: dict[str, Any] = {
    "owner": "mendel",
    "retries": 2,
    "retry_delay": timedelta(seconds=30),
    "retry_exponential_backoff": 2.0,
    "max_retry_delay": timedelta(minutes=10),
    "on_failure_callback": report_failure,
}

COMMON_PARAMS: dict[str, Param] = {
    "config": config_param(),
    "force": Param(
        False,
        type="boolean",
        title="Make again",
        description="Make every version of this DAG again, though it exists.",
    ),
}
"""Params of the trigger form that all DAGs have."""

RETRAIN = Param(
    False,
    type="boolean",
    title="Train after a backfill",
    description="A backfill starts no training unless this is on. Other runs always go on to training.",
)
