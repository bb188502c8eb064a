"""A person between the gate and the promotion."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import Context
from airflow.sdk.exceptions import ParamValidationError, TaskAwaitingInput

from mendel_airflow.promotion import ANSWER_WITHIN, Approval, approval_param

from .conftest import MONDAY, Lake, Run

NOW = datetime(2026, 11, 26, tzinfo=UTC)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What would be put before a person: in a test there is no Airflow to keep the question."""
    questions: list[dict[str, Any]] = []
    monkeypatch.setattr(
        "airflow.providers.standard.operators.hitl.upsert_hitl_detail", lambda **detail: questions.append(detail)
    )
    return questions


def approval_run(on: bool) -> Context:
    from types import SimpleNamespace

    return cast(Context, {**Run(params={"approval": on}).context, "task_instance": SimpleNamespace(id="ti")})


def handed_on(context: Context) -> object:
    """What the task returns, which is what the next one takes for a person's no."""
    execute: Callable[[Context], object] = Approval(partition=MONDAY).execute
    return execute(context)


def test_is_airflows_own_approval() -> None:
    task = Approval(partition=MONDAY)
    assert isinstance(task, ApprovalOperator)
    assert task.defaults == ["Reject"], "no answer is a no"
    assert task.response_timeout == ANSWER_WITHIN == timedelta(days=3)


def test_asks_nobody_where_it_is_off(lake: Lake, asked: list[dict[str, Any]]) -> None:
    lake.commit("evaluation", decision={"promote": True, "reasons": ["better"]})
    assert handed_on(approval_run(on=False)) is None
    assert asked == []


def test_asks_nobody_where_the_gate_says_no(lake: Lake, asked: list[dict[str, Any]]) -> None:
    lake.commit("evaluation", decision={"promote": False, "reasons": ["worse"]})
    assert handed_on(approval_run(on=True)) is None
    assert asked == []


def test_a_run_cannot_switch_off_the_deployments_approval(
    lake: Lake, asked: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a deployment that asks a person before every promotion
    monkeypatch.setenv("MENDEL_APPROVAL", "on")
    param = approval_param()
    assert param.value is True
    # When a run says not to, then neither the form takes it
    with pytest.raises(ParamValidationError):
        param.resolve(False)
    # nor the task
    lake.commit("evaluation", decision={"promote": True, "reasons": ["better"]})
    with pytest.raises(TaskAwaitingInput):
        Approval(partition=MONDAY).execute(approval_run(on=False))
    assert len(asked) == 1


@pytest.mark.parametrize("said", [None, "", "off"])
def test_a_run_can_ask_though_the_deployment_does_not(said: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    if said is not None:
        monkeypatch.setenv("MENDEL_APPROVAL", said)
    param = approval_param()
    assert (param.value, param.resolve(True), param.resolve(False)) == (False, True, False)


@pytest.mark.parametrize("said", ["true", "ON", "yes", "1"])
def test_a_deployment_that_says_neither_is_an_error(said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MENDEL_APPROVAL", said)
    with pytest.raises(ValueError, match="set it to on or off"):
        approval_param()


def test_asks_with_the_gates_reasons(
    lake: Lake, asked: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    lake.commit("evaluation", decision={"promote": True, "reasons": ["better than SymSpell", "fast"]})
    with pytest.raises(TaskAwaitingInput):
        Approval(partition=MONDAY).execute(approval_run(on=True))
    (question,) = asked
    assert question["body"] == "The gate says yes:\n\n- better than SymSpell\n- fast"
    assert question["defaults"] == ["Reject"]
    assert question["body"] in capsys.readouterr().out, "the log has the present question, whatever Airflow shows"


@pytest.mark.parametrize(
    ("option", "person", "rejected_by"),
    [
        ("Approve", {"id": "1", "name": "ada"}, None),
        ("Reject", {"id": "1", "name": "ada"}, "ada"),
        ("Reject", None, "nobody's answer within 3 days, 0:00:00"),
    ],
)
def test_hands_on_who_said_no(option: str, person: dict[str, str] | None, rejected_by: str | None) -> None:
    event = {"chosen_options": [option], "params_input": {}, "responded_at": NOW, "responded_by_user": person}
    assert Approval(partition=MONDAY).execute_complete(approval_run(on=True), event) == rejected_by
