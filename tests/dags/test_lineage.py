"""Lineage through Airflow: the DAG's run, its task by Airflow's own provider, and the stage that the task starts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

from mendel_airflow import lineage

from .conftest import MONDAY, REPO, Run

DAG_FILE = f"""
    from datetime import timedelta
    from airflow.sdk import DAG, Param
    from mendel_airflow.stage import stage

    with DAG("lineage_of_a_corpus", params={{"config": Param("include/pipelines/smoke.yaml", type="string")}}) as dag:
        stage("ingest", "--partition", "{MONDAY}", partitioned=False, doc="A real stage.")
    if __name__ == "__main__":
        run = dag.test()
        assert run.state == "success", run.state
    """


def test_a_stage_is_the_child_of_its_task_and_the_task_of_its_dags_run(tmp_path: Path) -> None:
    # Given Airflow and its stages told to write lineage into one file
    home, events_file = tmp_path / "airflow", tmp_path / "events"
    dag_file = home / "dags" / "lineage.py"
    dag_file.parent.mkdir(parents=True)
    dag_file.write_text(textwrap.dedent(DAG_FILE))
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(REPO / "plugins"), str(REPO / "tasks"), os.environ.get("PYTHONPATH", "")]),
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(dag_file.parent),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db",
        "MENDEL_LAKE": (tmp_path / "lake").as_uri(),
        "OPENLINEAGE__TRANSPORT__TYPE": "file",
        "OPENLINEAGE__TRANSPORT__LOG_FILE_PATH": str(events_file),
        "OPENLINEAGE__TRANSPORT__APPEND": "true",
        "OPENLINEAGE_NAMESPACE": "tests",
    }
    run(["-m", "airflow", "db", "migrate"], environment)

    # When a DAG of one stage runs
    run([str(dag_file)], environment)

    # Then the stage's events name the task's run, and the DAG's run as the root of both
    events = [json.loads(line) for line in events_file.read_text().splitlines()]
    by_job = {event["job"]["name"]: event["run"] for event in events if event["eventType"] == "COMPLETE"}
    dag, task, stage = (
        by_job[name] for name in ("lineage_of_a_corpus", "lineage_of_a_corpus.ingest", "mendel.smoke.ingest")
    )
    assert {event["job"]["namespace"] for event in events} == {"tests"}
    parent = stage["facets"]["parent"]
    assert (parent["run"]["runId"], parent["job"]["name"]) == (task["runId"], "lineage_of_a_corpus.ingest")
    assert parent["root"]["run"]["runId"] == dag["runId"]
    assert task["facets"]["parent"]["run"]["runId"] == dag["runId"]


def test_where_airflow_tells_nothing_a_stage_has_no_parent() -> None:
    assert lineage.variables(Run().context) == {}


def run(arguments: list[str], environment: dict[str, Any]) -> None:
    done = subprocess.run(
        [sys.executable, *arguments], cwd=REPO, env=environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
