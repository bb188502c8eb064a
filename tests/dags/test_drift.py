"""An event of drift is emitted for an alarm, and for nothing less."""

from __future__ import annotations

import pytest
from airflow.sdk.exceptions import AirflowSkipException

from mendel_airflow import assets
from mendel_airflow.drift import no_alarm
from mendel_airflow.emission import EmitAsset

from .conftest import MONDAY, Lake, Run


def test_an_alarm_is_emitted(lake: Lake) -> None:
    lake.commit("drift", alarm=True, verdict="over", tests_over="ks_edits")
    run = Run()

    EmitAsset(asset=assets.drift, unless=no_alarm, partition=MONDAY).execute(run.context)

    assert run.events["drift"].extra["metrics"] == {"alarm": True, "verdict": "over", "tests_over": "ks_edits"}


@pytest.mark.parametrize(
    ("verdict", "over", "reason"),
    [
        ("quiet", "", "no alarm; the day: quiet"),
        ("over", "ks_edits", "no alarm; the day: over, in ks_edits"),
        ("too few records", "", "no alarm; the day: too few records"),
    ],
)
def test_less_than_an_alarm_is_skipped_and_says_why(lake: Lake, verdict: str, over: str, reason: str) -> None:
    lake.commit("drift", alarm=False, verdict=verdict, tests_over=over)
    run = Run()

    with pytest.raises(AirflowSkipException, match=f"^{reason}$"):
        EmitAsset(asset=assets.drift, unless=no_alarm, partition=MONDAY).execute(run.context)

    assert not run.events
