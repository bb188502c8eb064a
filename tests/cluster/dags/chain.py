"""Stages that end in every way there is, made by the factory that Mendel's own DAGs use."""

from datetime import datetime, timedelta
from typing import Any

from airflow.sdk import DAG, Param, chain

from mendel_airflow.partitions import ResolvePartition
from mendel_airflow.policy import GPU
from mendel_airflow.stage import stage

SMOKE, DEMO = (f"include/pipelines/{name}.yaml" for name in ("smoke", "demo"))
AGAIN: dict[str, Any] = {"retries": 1, "retry_delay": timedelta(seconds=1)}
NEVER: dict[str, Any] = {"retries": 2, "retry_delay": timedelta(seconds=1)}  # and yet there must be no second try

RECIPE = "{kind: channel-llm, calibration: {sentences: 20}, lora: {budget_steps: 40, tokens_per_batch: 128}}"


def a_monday(_: datetime) -> str:
    return "2026-11-23"


def a_tuesday(_: datetime) -> str:
    """A partition that `chain` does not read, for stages that run beside it."""
    return "2026-11-24"


def dag(name: str, config: str = SMOKE) -> DAG:
    return DAG(
        dag_id=name, schedule=None, params={"config": Param(config, type="string")}, is_paused_upon_creation=False
    )


with dag("chain"):
    chain(
        ResolvePartition(default=a_monday),
        stage("ingest", doc="Succeeds.", **AGAIN),
        stage("validate corpus", doc="Succeeds.", **AGAIN),
        stage("corrupt", doc="Succeeds: a driver and its executors.", **AGAIN),
        stage("validate pairs", "--set=length=[1,2]", doc="The gate says no: exit code 3.", **NEVER),
    )

with dag("bad_input"):
    chain(ResolvePartition(default=a_monday), stage("ingest", "--set=sauce=1", doc="Exit code 2.", **NEVER))

with dag("unexpected"):
    chain(ResolvePartition(default=a_monday), stage("promote", doc="Exit code 1: its store does not answer.", **AGAIN))

with dag("out_of_memory"):
    chain(ResolvePartition(default=a_monday), stage("restore collect", doc="Has 64 MB.", retries=0))

with dag("no_node"):
    chain(
        ResolvePartition(default=a_monday),
        stage("restore shard", "--shard=0", doc="Asks for a node that there is not.", retries=0),
    )

with dag("training"):
    chain(
        ResolvePartition(default=a_monday),
        stage("ingest", doc="Is done, where `chain` has run.", **AGAIN),
        stage("validate corpus", doc="Is done.", **AGAIN),
        stage("corrupt", doc="Is done.", **AGAIN),
        stage("validate pairs", doc="Succeeds.", **AGAIN),
        stage("finetune", f"--set=recipe={RECIPE}", doc="Is killed in the middle, and goes on.", pool=GPU, **AGAIN),
    )

for name in ("deleted", "restarted"):
    with dag(name, DEMO):
        chain(ResolvePartition(default=a_tuesday), stage("ingest", "--force", doc="Takes a while.", **AGAIN))
