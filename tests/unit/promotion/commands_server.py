"""Runs `mendel` commands in processes of their own, some of which die before one of their writes.

Started once, it has everything imported and no connection open, so that a fork of it is a fresh process in milliseconds.
It reads one JSON list of jobs a line: {"arguments": [...], "environment": {...}, "die_before_write": n or null}. The jobs
of a line run at the same time. It answers with the list of their exit codes (negative: the signal that ended it).
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
from collections.abc import Callable
from typing import Any

import mlflow

from mendel.cli import main as cli
from mendel.core import lake

for module in (
    "mendel.pipeline",
    "mendel.promotion.model_registry",
    "mlflow.store.model_registry.sqlalchemy_store",
    "mlflow.store.tracking.sqlalchemy_store",
    "pandas",
):
    importlib.import_module(module)

WRITES = [
    (lake, "create"),
    (lake, "write"),
    (mlflow.pyfunc, "log_model"),
    (mlflow.MlflowClient, "create_registered_model"),
    (mlflow.MlflowClient, "create_model_version"),
    (mlflow.MlflowClient, "set_registered_model_alias"),
    (mlflow.MlflowClient, "delete_registered_model_alias"),
    (mlflow.MlflowClient, "set_registered_model_tag"),
]
"""All that changes a lake or MLflow once the experiment is there."""


def run(job: dict[str, Any]) -> None:
    """Be the process of one job."""
    os.environ.update(job["environment"])
    done = 0

    def mortal(write: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*arguments: Any, **options: Any) -> Any:
            nonlocal done
            done += 1
            if done == job["die_before_write"]:
                os.kill(os.getpid(), signal.SIGKILL)
            return write(*arguments, **options)

        return wrapped

    for owner, name in WRITES:
        setattr(owner, name, mortal(getattr(owner, name)))
    sys.argv = ["mendel", *job["arguments"]]
    code = 0
    try:
        cli.main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException as error:  # the code of an unexpected error, as for the command itself
        print(f"{error!r}", file=sys.stderr)
        code = 1
    os._exit(code)


def serve() -> None:
    for line in sys.stdin:
        children = []
        for job in json.loads(line):
            child = os.fork()
            if child == 0:
                os.dup2(2, 1)  # standard output carries the answers
                run(job)
            children.append(child)
        codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
        print(json.dumps(codes), flush=True)


if __name__ == "__main__":
    serve()
