"""Which partition a run works on."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from airflow.sdk.exceptions import AirflowFailException
from airflow.sdk.timezone import coerce_datetime
from airflow.timetables.base import TimeRestriction
from airflow.timetables.trigger import CronPartitionTimetable

from mendel_airflow.partitions import KEY_FORMAT, ResolvePartition, newest, this_week, yesterday

from .conftest import MONDAY, Lake, Run

MOMENTS = [
    datetime(2026, 11, 23, 0, 0, tzinfo=UTC),
    datetime(2026, 11, 26, 12, 0, tzinfo=UTC),
    datetime(2026, 11, 29, 23, 59, tzinfo=UTC),
    datetime(2027, 1, 1, 6, 0, tzinfo=UTC),
]


@pytest.mark.parametrize(
    ("default", "cron", "offset"), [(this_week, "0 0 * * 1", 0), (yesterday, "0 0 * * *", -1)], ids=["weekly", "daily"]
)
@pytest.mark.parametrize("moment", MOMENTS, ids=str)
def test_defaults_are_the_keys_of_the_tick_before(
    moment: datetime, default: Callable[[datetime], str], cron: str, offset: int
) -> None:
    # Given the timetable that the DAG has
    timetable = CronPartitionTimetable(cron, timezone="UTC", run_offset=offset, key_format=KEY_FORMAT)
    # When its ticks up to a moment are listed, by Airflow's own account
    moment = coerce_datetime(moment)
    restriction = TimeRestriction(earliest=moment - timedelta(days=14), latest=moment, catchup=True)
    ticks, tick = [], timetable.next_dagrun_info_v2(last_dagrun_info=None, restriction=restriction)
    while tick is not None:
        ticks.append(tick.partition_key)
        tick = timetable.next_dagrun_info_v2(last_dagrun_info=tick, restriction=restriction)
    # Then the key of a run without one is the last tick's
    assert ticks
    assert default(moment) == ticks[-1]


def test_a_key_that_was_given_is_kept() -> None:
    assert ResolvePartition(default=this_week).execute(Run(partition="2020-02-29").context) == "2020-02-29"


@pytest.mark.parametrize("empty", [None, ""])
def test_an_empty_key_is_resolved(empty: str | None) -> None:
    assert ResolvePartition(default=this_week).execute(Run(partition=empty).context) == MONDAY


@pytest.mark.parametrize("key", ["2026/11/23", "2026-11-23T00:00:00", "today", "20261123"])
def test_a_key_of_another_format_is_an_error(key: str) -> None:
    with pytest.raises(AirflowFailException, match="write a date as YYYY-MM-DD"):
        ResolvePartition(default=this_week).execute(Run(partition=key).context)


def test_the_newest_partition_of_a_dataset(lake: Lake) -> None:
    for partition in ("2026-11-09", MONDAY, "2026-11-16"):
        lake.commit("pairs", partition=partition)
    assert ResolvePartition(default=newest("pairs")).execute(Run(partition=None).context) == MONDAY


def test_no_partition_at_all_is_an_error(lake: Lake) -> None:
    with pytest.raises(AirflowFailException, match="there is no pairs in"):
        ResolvePartition(default=newest("pairs")).execute(Run(partition=None).context)


def test_a_deployment_without_a_lake_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MENDEL_LAKE", raising=False)
    with pytest.raises(AirflowFailException, match="MENDEL_LAKE is not set"):
        ResolvePartition(default=newest("pairs")).execute(Run(partition=None).context)
