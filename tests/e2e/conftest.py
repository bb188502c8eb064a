"""One Airflow for all end-to-end tests: its own home, lake and registry, on a free port, gone afterwards."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import partial
from itertools import pairwise
from pathlib import Path
from statistics import median
from textwrap import dedent
from typing import Any

import psutil
import pytest
from airflow_stack import AirflowStack
from processes import MARK

from ..dags.receivers import Webhook, served

REPO = Path(__file__).resolve().parents[2]
CHAIN = ["ingest_corpus", "corrupt_corpus", "finetune_restorer", "promote_restorer"]
PATIENCE = 600.0  # seconds; minutes on a machine that has other things to do

THIS_WEEK = (datetime.now(UTC) - timedelta(days=datetime.now(UTC).weekday())).date()
TICKS = [(THIS_WEEK - timedelta(weeks=weeks)).isoformat() for weeks in (2, 1)]


@pytest.fixture(scope="session")
def webhook() -> Iterator[Webhook]:
    """The receiver of alerts."""
    with served(server := Webhook()):
        yield server


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory, webhook: Webhook) -> Iterator[AirflowStack]:
    """Airflow with all DAGs paused, its weekly DAG owing the two ticks before this week's."""
    folder = tmp_path_factory.mktemp("stack")
    _owe_ticks(folder / "home", date.fromisoformat(TICKS[0]), date.fromisoformat(TICKS[-1]))
    env = {
        "MENDEL_LAKE": (folder / "lake").as_uri(),
        "MENDEL_CONFIG": str(REPO / "include" / "pipelines" / "smoke.yaml"),
        "MLFLOW_TRACKING_URI": f"sqlite:///{folder}/mlflow.db",
        "MENDEL_DATA_DOCS_URL": "http://127.0.0.1:1/docs",
        "AIRFLOW_CONN_MENDEL_ALERTS": webhook.connection,
    }
    with AirflowStack(folder / "home", REPO, port=0, env=env) as stack:
        yield stack
        report(stack)
    assert marked(stack.home) == [], "stopping leaves no process behind"


def _owe_ticks(home: Path, first: date, last: date) -> None:
    """Let the scheduler make the weekly runs from `first` to `last` as though their time had just come.

    By Airflow's own means, a cluster policy: the DAG is the one that is shipped, but for when its schedule begins and ends.
    """
    policy = home / "config" / "airflow_local_settings.py"
    policy.parent.mkdir(parents=True)
    policy.write_text(
        dedent(
            f"""
            from datetime import UTC, datetime

            def dag_policy(dag):
                if dag.dag_id == "ingest_corpus":
                    dag.start_date = datetime({first.year}, {first.month}, {first.day}, tzinfo=UTC)
                    dag.end_date = datetime({last.year}, {last.month}, {last.day}, tzinfo=UTC)
                    dag.catchup = True
            """
        )
    )


def marked(home: Path) -> list[psutil.Process]:
    """All processes that belong to the stack of a home."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == str(home):
                found.append(process)
        except psutil.Error:
            continue
    return found


def report(stack: AirflowStack) -> None:
    """Print how long each task took, and what Airflow added."""
    waits: list[float] = []
    for run in stack.client.runs():
        tasks = [task for task in stack.client.tasks(run["dag_id"], run["dag_run_id"]) if task["end_date"]]
        tasks = sorted((task for task in tasks if task["start_date"]), key=lambda task: task["start_date"])
        print(f"\n{run['dag_id']} {run['partition_key'] or ''} {run['run_type']}: {run['state']}")
        for task in tasks:
            index = f"[{task['map_index']}]" if task["map_index"] >= 0 else ""
            print(f"  {task['duration'] or 0:7.1f} s  {task['task_id']}{index}: {task['state']}")
        for before, after in pairwise(tasks):
            if after["start_date"] > before["end_date"]:  # one after the other, not side by side
                waits.append(seconds(after["start_date"]) - seconds(before["end_date"]))
    print(f"\nfrom the end of a task to the start of the next: {median(waits):.2f} s (median of {len(waits)})")


def seconds(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()


@pytest.fixture(scope="session")
def ticks(stack: AirflowStack) -> dict[str, dict[str, dict[str, Any]]]:
    """Both weekly ticks run through, with nobody doing anything: partition → DAG → its run."""
    stack.client.unpause(*reversed(CHAIN))
    return {partition: chain_of(stack, partition, since="") for partition in TICKS}


def chain_of(stack: AirflowStack, partition: str, since: str) -> dict[str, dict[str, Any]]:
    """Wait for the four runs on a partition that were queued since a moment: DAG → its run. All have succeeded."""
    found = {}
    for dag_id in CHAIN:
        found[dag_id] = stack.client.wait(
            partial(ended, stack, dag_id, partition, since), PATIENCE, f"{dag_id} on {partition}"
        )
        assert found[dag_id]["state"] == "success", failure(stack, found[dag_id])
    return found


def ended(stack: AirflowStack, dag_id: str, partition: str, since: str) -> dict[str, Any] | None:
    """The run of a DAG on a partition, once it has ended."""
    for run in stack.client.runs(dag_id):
        # A run that was started without a key has none; its first task's answer is the partition.
        key = run["partition_key"] or stack.client.xcom(dag_id, run["dag_run_id"], "resolve_partition")
        if key == partition and run["queued_at"] >= since and run["state"] in ("success", "failed"):
            return run
    return None


def failure(stack: AirflowStack, run: dict[str, Any]) -> str:
    """Why a run failed: the logs of its failed tasks."""
    failed = [task for task in stack.client.tasks(run["dag_id"], run["dag_run_id"]) if task["state"] == "failed"]
    return "\n".join(
        f"{run['dag_id']}.{task['task_id']}:\n"
        + log_of(stack, run, task["task_id"], task["map_index"], task["try_number"])
        for task in failed
    )


def log_of(stack: AirflowStack, run: dict[str, Any], task_id: str, map_index: int = -1, try_number: int = 1) -> str:
    return stack.client.task_log(run["dag_id"], run["dag_run_id"], task_id, try_number, map_index)


def states(stack: AirflowStack, run: dict[str, Any]) -> dict[str, str]:
    """Task → state; of mapped tasks the last one's."""
    return {task["task_id"]: task["state"] for task in stack.client.tasks(run["dag_id"], run["dag_run_id"])}


def events_of(stack: AirflowStack, run: dict[str, Any]) -> list[dict[str, Any]]:
    """The asset events that a run emitted."""
    return [event for event in stack.client.asset_events() if event["source_run_id"] == run["dag_run_id"]]


def environment(stack: AirflowStack) -> dict[str, str]:
    return {**os.environ, **stack.env}
