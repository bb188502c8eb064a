"""Runs in MLflow: where they are recorded (MLFLOW_TRACKING_URI) and where their artifacts lie (`<lake>/mlflow`)."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import mlflow
from mlflow.data.dataset_source_registry import resolve_dataset_source
from mlflow.data.meta_dataset import MetaDataset
from mlflow.exceptions import MlflowException
from sqlalchemy.engine import make_url

from mendel.core import lake
from mendel.core.manifest import InputEntry
from mendel.core.stage import Context

EXPERIMENT = "mendel"
DIGEST_LENGTH = 36
"""Characters that MLflow keeps of a dataset's digest."""


class MlflowRun:
    """The run that is active in MLflow."""

    def __init__(self, run_id: str) -> None:
        self.run_id = run_id

    def log_params(self, params: Mapping[str, Any]) -> None:
        mlflow.log_params(dict(params))

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        mlflow.log_metrics(dict(metrics), step=step)

    def set_tags(self, tags: Mapping[str, str]) -> None:
        mlflow.set_tags(dict(tags))

    def log_files(self, path: Path) -> None:
        if path.is_dir():
            mlflow.log_artifacts(str(path))
        else:
            mlflow.log_artifact(str(path))


@contextmanager
def begin(
    context: Context, stage: str, inputs: Mapping[str, InputEntry], run_id: str | None = None
) -> Iterator[MlflowRun]:
    """A run of a stage, its inputs as datasets; `run_id` goes on with an earlier run."""
    select_experiment(context.root)
    tags = {"stage": stage, "partition": context.partition, "mendel_run_id": context.run_id}
    with mlflow.start_run(run_id=run_id, run_name=f"{stage} {context.partition}", tags=tags) as active:
        for name, entry in inputs.items():
            mlflow.log_input(_dataset(context.root, name, entry), context=stage)
        yield MlflowRun(active.info.run_id)


def select_experiment(root: str) -> None:
    """Make the experiment the one in force; create it, with its artifacts in the lake, when it is not there."""
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.WARNING)  # it reports every migration of a new database
    if (uri := mlflow.get_tracking_uri()).startswith("sqlite:"):
        Path(str(make_url(uri).database)).parent.mkdir(parents=True, exist_ok=True)
    client = mlflow.MlflowClient()
    if client.get_experiment_by_name(EXPERIMENT) is None:
        try:
            client.create_experiment(EXPERIMENT, artifact_location=lake.join(lake.normalise(root), "mlflow"))
        except MlflowException:  # another process was first
            if client.get_experiment_by_name(EXPERIMENT) is None:
                raise
    mlflow.set_experiment(EXPERIMENT)


def _dataset(root: str, name: str, entry: InputEntry) -> MetaDataset:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The specified dataset source can be interpreted in multiple ways")
        source = resolve_dataset_source(lake.join(root, entry.uri))
    return MetaDataset(source, name=name, digest=entry.digest[:DIGEST_LENGTH])  # type: ignore[abstract]
