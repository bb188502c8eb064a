"""What the page of Airflow's UI shows, and what it offers to start."""

from __future__ import annotations

from datetime import timedelta

import pytest
from airflow.sdk import DAG
from fastapi.testclient import TestClient

from mendel.core.manifest import Manifest
from mendel.promotion import ledger
from mendel.promotion.ledger import Decision
from mendel_airflow.page import actions, state

from .conftest import MONDAY, NOON, Lake


def decide(root: str, candidate: Manifest, number: int, action: str) -> None:
    values = {"number": number, "action": action, "version": number, "candidate": candidate, "reasons": ("it is",)}
    made = {"champion_before": 1 if number > 1 else None, "run_id": "r", "decided": NOON + timedelta(days=number)}
    ledger.append(root, lambda _: Decision.model_validate(values | made))


def test_an_empty_lake_has_nothing_to_show(lake: Lake) -> None:
    assert state.read(lake.root) == state.PageState(champion=None, decisions=(), days=())


def test_it_shows_the_promotion_of_the_champion_and_the_newest_decision_first(lake: Lake) -> None:
    # Given a champion, and a candidate that was declined after it
    candidate = lake.commit("candidate")
    decide(lake.root, candidate, 1, "promoted")
    decide(lake.root, candidate, 2, "declined")

    # When the page is read
    shown = state.read(lake.root)

    # Then
    assert shown.champion is not None
    assert (shown.champion.version, shown.champion.number) == (1, 1)
    assert [(entry.number, entry.action, entry.champion) for entry in shown.decisions] == [
        (2, "declined", 1),
        (1, "promoted", 1),
    ]


def test_a_day_has_what_each_dataset_says_of_it(lake: Lake) -> None:
    # Given a day that was restored, compared and judged, and one that was judged alone
    lake.commit("restored", model_version=1, records_out=5, records_rejected=2, share_changed=0.4)
    lake.commit("drift", verdict="over", alarm=True)
    lake.commit("feedback", changes=4, accepted=3)
    lake.commit("feedback", partition="2026-11-24", changes=1, accepted=0)
    lake.commit("restored", partition="batch=1")  # no day

    # When the page is read
    later, monday = state.read(lake.root).days

    # Then what is not known is left out
    assert later == state.RestoredDay(day="2026-11-24", judged_changes=1, accepted=0)
    assert monday == state.RestoredDay(
        day=MONDAY,
        model_version=1,
        records=5,
        rejected=2,
        changed=0.4,
        drift="over",
        alarm=True,
        judged_changes=4,
        accepted=3,
    )


def test_only_the_newest_days_are_read(lake: Lake) -> None:
    for day in range(1, 21):
        lake.commit("feedback", partition=f"2026-11-{day:02}", changes=1, accepted=0)
    days = [day.day for day in state.read(lake.root).days]
    assert days == [f"2026-11-{day:02}" for day in range(20, 20 - state.DAYS, -1)]


def test_every_action_is_a_dag_and_every_choice_one_that_its_params_take(dags: dict[str, DAG]) -> None:
    offered = actions.actions()
    assert len(offered) > 3
    for action in offered:
        assert action.dag_id in dags, action.title
        for choice in action.choices:
            param = dags[action.dag_id].params.get_param(choice.param)
            assert set(choice.options) <= set(param.schema["enum"]), f"{action.dag_id}: {choice.param}"
            assert choice.options, f"{action.dag_id}: {choice.param} offers nothing"


def test_a_lake_that_does_not_answer_is_told_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    from mendel_airflow.page import api

    monkeypatch.setitem(api.app.dependency_overrides, api.may_see, lambda: None)
    monkeypatch.setenv("MENDEL_LAKE", "s3://no-such-bucket/lake")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")

    answer = TestClient(api.app).get("/state")

    assert answer.status_code == 503
    assert "the lake s3://no-such-bucket/lake cannot be reached" in answer.json()["detail"]


@pytest.mark.parametrize(("path", "status"), [("/state", 401), ("/static/restorer.js", 200)])
def test_who_is_not_signed_in_sees_the_code_and_no_content(path: str, status: int) -> None:
    from mendel_airflow.page.api import app

    assert TestClient(app).get(path).status_code == status
