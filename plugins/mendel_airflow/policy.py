"""What holds for every DAG: owner, retries, pools, what happens on failures and missed deadlines, common params."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import Param
from airflow.sdk.definitions.callback import SyncCallback
from airflow.sdk.definitions.deadline import DeadlineAlert, DeadlineReference

from mendel_airflow.pipelines import config_param

if TYPE_CHECKING:
    from airflow.sdk import Context

log = logging.getLogger(__name__)

GPU = "gpu"
"""Pool of what loads a language model: one at a time on one machine, however many runs and backfills wait."""

VERSIONING = "versioning"
"""Pool of what pushes to the data registry."""


def log_failure(context: Context) -> None:
    """Say which task failed and why, in one line that a log search finds."""
    ti = context["task_instance"]
    log.error(
        "event=task_failed dag=%s run=%s task=%s map_index=%s try=%s error=%r",
        *(ti.dag_id, ti.run_id, ti.task_id, ti.map_index, ti.try_number, str(context.get("exception"))),
    )


def log_missed_deadline(context: dict[str, Any], dag_id: str, hours: float) -> None:
    """Say which run is late. It goes on: a deadline is for people, `dagrun_timeout` is for machines.

    Airflow keeps the deadline of a run that has failed; `log_failure` has said so at the time, and there is nothing new.
    """
    run = context.get("dag_run") or {}
    if run.get("state") == "failed":
        return
    log.error("event=deadline_missed dag=%s run=%s hours=%s", dag_id, run.get("dag_run_id"), hours)


def deadline(dag_id: str, within: timedelta) -> DeadlineAlert:
    """An alert for a run that has not finished `within` this time of being queued."""
    hours = within.total_seconds() / 3600
    return DeadlineAlert(
        reference=DeadlineReference.DAGRUN_QUEUED_AT,
        interval=within,
        callback=SyncCallback(log_missed_deadline, kwargs={"dag_id": dag_id, "hours": hours}),
    )


DEFAULT_ARGS: dict[str, Any] = {
    "owner": "mendel",
    "retries": 2,
    "retry_delay": timedelta(seconds=30),
    "retry_exponential_backoff": 2.0,
    "max_retry_delay": timedelta(minutes=10),
    "on_failure_callback": log_failure,
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
