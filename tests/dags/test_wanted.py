"""A training that production asks for goes on once; a day that asks for none ends skipped, and says why."""

from __future__ import annotations

import re
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from mendel_airflow.wanted import WantedCheck

from .conftest import MONDAY, Lake, Run

CHECK = WantedCheck(partition=MONDAY)
REASONS = ["drift: an alarm, by ks_edits", "feedback: 12 judged changes"]


def test_a_training_that_is_wanted_goes_on(lake: Lake) -> None:
    lake.commit("retraining", wanted=True, reasons=REASONS)
    CHECK.execute(Run().context)


@pytest.mark.parametrize(
    ("version", "said"),
    [
        ({"wanted": False}, f"no training is wanted: {'; '.join(REASONS)}"),
        (
            {"wanted": True, "run_id": "another-run"},
            f"{MONDAY} has asked already, in the run another-run: {'; '.join(REASONS)}",
        ),
    ],
    ids=["not wanted", "started already"],
)
def test_all_else_is_skipped_with_the_reasons(lake: Lake, version: dict[str, Any], said: str) -> None:
    # Given what the stage has committed
    lake.commit("retraining", reasons=REASONS, **version)
    # When the run asks, then the rest is skipped, and the log says why
    with pytest.raises(AirflowSkipException, match=f"^{re.escape(said)}$"):
        CHECK.execute(Run().context)


def test_without_a_verdict_the_run_fails(lake: Lake) -> None:
    with pytest.raises(AirflowFailException, match="retraining has no version"):
        CHECK.execute(Run().context)
