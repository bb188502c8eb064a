"""MLproject: a stage, and a stage that fails, by `mlflow run .`."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from mendel.core import manifest

REPO = Path(__file__).resolve().parents[2]
CONFIG, DAY = "include/pipelines/smoke.yaml", "2026-11-23"


@pytest.mark.parametrize(("stage", "ends"), [("ingest", 0), ("validate pairs", 1)])
def test_mlflow_runs_a_stage_and_says_how_it_ended(stage: str, ends: int, tmp_path: Path) -> None:
    import mlflow

    # given
    root, database = tmp_path.joinpath("lake").as_uri(), f"sqlite:///{tmp_path}/mlflow.db"
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")}
    environment = {**inherited, "PATH": path, "MENDEL_LAKE": root, "MLFLOW_TRACKING_URI": database}
    parameters = [f"name={stage}", f"config={CONFIG}", f"partition={DAY}"]
    command = ["mlflow", "run", ".", "-e", "stage", "--env-manager", "local"]
    # when
    done = subprocess.run(
        [*command, *(word for each in parameters for word in ("-P", each))],
        cwd=REPO,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    # then
    assert done.returncode == ends, done.stderr
    assert (manifest.current(root, "corpus", DAY) is not None) == (stage == "ingest")
    (run,) = mlflow.MlflowClient(tracking_uri=database).search_runs(["0"])
    quoted = shlex.quote(stage)  # MLflow notes a parameter as the shell was given it
    assert (run.info.status, run.data.params["name"]) == ("FAILED" if ends else "FINISHED", quoted)
