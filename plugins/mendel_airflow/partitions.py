"""Partition keys: one format everywhere, and a default for the run that was started without one."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator, CronPartitionTimetable
from airflow.sdk.exceptions import AirflowFailException

from mendel.core import manifest

if TYPE_CHECKING:
    from airflow.sdk import Context

KEY_FORMAT = "%Y-%m-%d"

PARTITION = "{{ ti.xcom_pull(task_ids='resolve_partition') }}"
"""The run's partition in a template, for the tasks after `resolve_partition`."""

Default = Callable[[datetime], str]
"""From the moment a run was asked for to the key it means."""


def this_week(moment: datetime) -> str:
    """The key of the weekly tick that came last: the Monday of the moment's week."""
    return (moment - timedelta(days=moment.weekday())).strftime(KEY_FORMAT)


def today(moment: datetime) -> str:
    """The day that a run was asked for in."""
    return moment.strftime(KEY_FORMAT)


def yesterday(moment: datetime) -> str:
    """The day that has finished."""
    return (moment - timedelta(days=1)).strftime(KEY_FORMAT)


def of_finished_days(cron: str) -> CronPartitionTimetable:
    """Runs at `cron`, in UTC, each for the day before."""
    return CronPartitionTimetable(
        cron, timezone="UTC", run_offset=-1, key_format=KEY_FORMAT, run_immediately=timedelta(0)
    )


def newest(dataset: str) -> Default:
    """The newest partition that the lake holds of a dataset."""

    def find(_: datetime) -> str:
        key = manifest.newest(lake_root(), dataset)
        if key is None:
            raise AirflowFailException(
                f"there is no {dataset} in {lake_root()} yet, so there is no partition to work on"
            )
        return key

    return find


class ResolvePartition(BaseOperator):
    """The run's partition key, or where it has none the one it means; the rest of the run reads it from here.

    :param default: the key of a run that was started without one.
    """

    ui_color = "#e8f0fb"

    def __init__(self, *, default: Default, task_id: str = "resolve_partition", **kwargs: Any) -> None:
        super().__init__(task_id=task_id, **kwargs)
        self.default = default

    def execute(self, context: Context) -> str:
        run = context["dag_run"]
        key = run.partition_key or self.default(run.run_after)
        if not manifest.PARTITION_KEY.fullmatch(key):
            raise AirflowFailException(f"partition key {key!r}: write a date as YYYY-MM-DD")
        self.log.info("partition %s (%s)", key, "given" if run.partition_key else "resolved: the run has no key")
        return key


def lake_root() -> str:
    """The lake's URI, from the deployment."""
    root = os.environ.get("MENDEL_LAKE")
    if not root:
        raise AirflowFailException("MENDEL_LAKE is not set: give Airflow's environment the URI of the lake")
    return root
