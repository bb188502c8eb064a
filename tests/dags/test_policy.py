"""What people are told of runs."""

from __future__ import annotations

import logging

import pytest

from mendel_airflow import policy


@pytest.mark.parametrize(("state", "told"), [("running", True), ("queued", True), ("failed", False)])
def test_a_run_that_has_failed_is_not_late_too(state: str, told: bool, caplog: pytest.LogCaptureFixture) -> None:
    # Given the context of Airflow's callback, which comes for failed runs as well
    context = {"dag_run": {"dag_run_id": "monday", "state": state}}
    with caplog.at_level(logging.ERROR, policy.log.name):
        policy.log_missed_deadline(context, dag_id="corrupt_corpus", hours=4)
    assert ("event=deadline_missed dag=corrupt_corpus run=monday" in caplog.text) is told, f"a {state} run"
