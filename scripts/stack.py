"""`make up`: Airflow, MLflow and Data Docs on this machine until Ctrl-C or `make down`. The demo runs on the same stack."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from airflow_client import StackError
from airflow_stack import AirflowStack
from processes import MARK

REPO = Path(__file__).resolve().parent.parent
STATE = REPO / ".mendel"
HOME = STATE / "airflow"
LAKE = STATE / "lake"
DATA_DOCS = LAKE / "data_docs"
PORTS = {"airflow": 8080, "mlflow": 5000, "docs": 8081}


def airflow(config: str, port: int) -> AirflowStack:
    """Airflow with the environment that its stages need. Everything lies under .mendel."""
    env = {
        "MENDEL_CONFIG": str((REPO / config).resolve()),
        "MENDEL_LAKE": os.environ.get("MENDEL_LAKE", LAKE.as_uri()),
        "MLFLOW_TRACKING_URI": os.environ.get("MLFLOW_TRACKING_URI", f"sqlite:///{STATE}/mlflow.db"),
        "MENDEL_MLFLOW_URL": f"http://127.0.0.1:{PORTS['mlflow']}",
        "MENDEL_DATA_DOCS_URL": f"http://127.0.0.1:{PORTS['docs']}",
        "NUMBA_CACHE_DIR": str(STATE / "numba"),
        "GIT_PYTHON_REFRESH": "quiet",
    }
    return AirflowStack(HOME, REPO, port=port, env=env)


@contextmanager
def companions(stack: AirflowStack) -> Iterator[None]:
    """MLflow's UI and a static server for Data Docs; marked as the stack's, so that `make down` finds them."""
    DATA_DOCS.mkdir(parents=True, exist_ok=True)
    environment = {
        **os.environ,
        **stack.env,
        MARK: str(stack.home),
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # its job runners take a gigabyte, and nothing here asks for them
    }
    here = ["--host", "127.0.0.1"]
    store = ["--backend-store-uri", stack.env["MLFLOW_TRACKING_URI"]]
    bind = ["--bind", "127.0.0.1", "--directory", str(DATA_DOCS)]
    commands = {
        "mlflow": ["mlflow", "server", *store, *here, "--port", str(PORTS["mlflow"]), "--workers", "1"],
        "docs": ["http.server", str(PORTS["docs"]), *bind],
    }
    processes = []
    for name, command in commands.items():
        with stack.open_log(name) as log:
            processes.append(
                subprocess.Popen(
                    [sys.executable, "-m", *command],
                    env=environment,
                    cwd=stack.repo,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
            )
    try:
        yield
    finally:
        for process in processes:
            process.terminate()


def up(config: str) -> None:
    with airflow(config, PORTS["airflow"]) as stack, companions(stack):
        stack.client.unpause("corrupt_corpus", "finetune_restorer", "promote_restorer")
        print(f"Airflow     {stack.url}  {stack.login}")
        print(f"MLflow      http://127.0.0.1:{PORTS['mlflow']}")
        print(f"Data Docs   http://127.0.0.1:{PORTS['docs']}")
        print(f"Lake        {stack.env['MENDEL_LAKE']}")
        print(
            "Trigger ingest_corpus, its key left empty or not. Ctrl-C, or make down elsewhere, stops all.", flush=True
        )
        while (stack.home / "stack.json").exists():  # make down removes it
            time.sleep(1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("action", choices=["up", "down"], nargs="?", default="up")
    parser.add_argument("--config", default="include/pipelines/demo.yaml", help="pipeline that the stages run")
    arguments = parser.parse_args()
    try:
        if arguments.action == "down":
            AirflowStack(HOME, REPO).stop()
        else:
            up(arguments.config)
    except StackError as error:
        sys.exit(f"mendel: {error}")
    except KeyboardInterrupt:
        print("stopped")


if __name__ == "__main__":
    main()
