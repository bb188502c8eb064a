"""Which stage runs where."""

from __future__ import annotations

import pytest
from airflow.sdk import DAG
from airflow.sdk.definitions.mappedoperator import MappedOperator

from mendel_airflow.command import words
from mendel_airflow.targets import COMMANDS, operator


def name_of(command: str) -> str:
    return operator(command).__name__


@pytest.fixture(autouse=True)
def _no_target(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MENDEL_TARGET", raising=False)


def test_one_target_is_for_all_stages(monkeypatch: pytest.MonkeyPatch) -> None:
    assert {name_of(command) for command in COMMANDS} == {"LocalStage"}
    monkeypatch.setenv("MENDEL_TARGET", "kubernetes")
    assert {name_of(command) for command in COMMANDS} == {"KubernetesStage"}


def test_a_map_names_targets_by_stage_and_the_longer_name_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MENDEL_TARGET", "finetune=sagemaker, restore=kubernetes, restore shard=sagemaker, *=local")
    assert name_of("finetune") == name_of("restore shard") == "SageMakerStage"
    assert name_of("restore plan") == name_of("restore collect") == "KubernetesStage"
    assert name_of("ingest") == "LocalStage"


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("moon", "'moon' is not a target. Take one of: local, kubernetes, sagemaker"),
        ("finetune=moon,*=local", "'moon' is not a target"),
        ("finetun=sagemaker,*=local", "no stage is called 'finetun'. The stages are: corrupt, "),
        ("finetune=sagemaker", "a target for all others as `[*]=local`"),
        ("*=local,*=sagemaker", "name each stage once"),
        ("finetune,*=local", "'' is not a target"),
    ],
)
def test_a_setting_that_is_not_understood_says_what_to_change(
    setting: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MENDEL_TARGET", setting)
    with pytest.raises(ValueError, match=message):
        operator("ingest")


def test_the_names_are_those_of_the_dags_stages(dags: dict[str, DAG]) -> None:
    lines = []
    for dag in dags.values():
        for task in dag.tasks:
            given = task.partial_kwargs if isinstance(task, MappedOperator) else vars(task)
            lines.append(given.get("arguments"))
    assert {" ".join(words(line)) for line in lines if line} == {*COMMANDS}
