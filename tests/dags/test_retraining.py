"""Backfills start no training unless they ask for it, however far down the chain."""

from __future__ import annotations

from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowSkipException

from mendel_airflow import assets
from mendel_airflow.emission import EmitAsset
from mendel_airflow.retraining import RetrainCheck, leads_to_training

from .conftest import MONDAY, Lake, Run


@pytest.mark.parametrize(
    ("run_type", "retrain", "upstream", "expected"),
    [
        ("manual", False, [], True),
        ("scheduled", False, [], True),
        ("backfill", False, [], False),
        ("backfill", True, [], True),
        ("asset_triggered", False, [{"retrain": True}], True),
        ("asset_triggered", False, [{"retrain": False}], False),
        ("asset_triggered", False, [{"retrain": False}, {"retrain": True}], True),
        ("asset_triggered", True, [{"retrain": False}], True),
        ("asset_triggered", False, [{}], True),  # an event made by hand, in the UI
    ],
)
def test_whether_a_run_leads_to_training(
    run_type: str, retrain: bool, upstream: list[dict[str, Any]], expected: bool
) -> None:
    assert leads_to_training(run_type, retrain, upstream) is expected


def emitted(lake: Lake, run: Run) -> dict[str, Any]:
    lake.commit("corpus")
    EmitAsset(asset=assets.corpus, partition=MONDAY).execute(run.context)
    return dict(run.events["corpus"].extra)


@pytest.mark.parametrize(("asked", "trains"), [(False, False), (True, True)])
def test_a_backfill_of_the_first_dag_reaches_the_third(lake: Lake, asked: bool, trains: bool) -> None:
    # Given a backfill of the first DAG, and the second one that its event starts
    first = emitted(lake, Run(run_type="backfill", params={"retrain": asked}))
    second = emitted(lake, Run(run_type="asset_triggered", params={"retrain": False}, upstream=[first]))
    # When the third asks, then it hears what the first was told
    third = Run(run_type="asset_triggered", params={"retrain": False}, upstream=[second])
    if trains:
        RetrainCheck().execute(third.context)
    else:
        with pytest.raises(AirflowSkipException, match="the chain began with a backfill"):
            RetrainCheck().execute(third.context)


def test_a_run_by_hand_trains() -> None:
    RetrainCheck().execute(Run(run_type="manual", params={"retrain": False}).context)
