"""Runs in Weights & Biases, where WANDB_MODE is `online` or `offline`; its other variables (WANDB_PROJECT, …) hold too."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mendel.core import lake
from mendel.core.errors import InputError
from mendel.core.manifest import InputEntry
from mendel.core.stage import Context

if TYPE_CHECKING:
    import wandb

MODES = ("online", "offline")
PROJECT = "mendel"
FOLDER = ".mendel"
"""Offline runs lie in `wandb` below it, unless WANDB_DIR says otherwise; `wandb sync` sends them later."""


class WandbRun:
    """A run that Weights & Biases records."""

    def __init__(self, run: wandb.Run, stage: str) -> None:
        self._run = run
        self._stage = stage

    def log_params(self, params: Mapping[str, Any]) -> None:
        self._run.config.update(dict(params), allow_val_change=True)  # type: ignore[no-untyped-call]

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        if step is None:
            self._run.summary.update(dict(metrics))
        else:
            self._run.log(dict(metrics), step=step)

    def set_tags(self, tags: Mapping[str, str]) -> None:
        """As configuration: its own tags have no value, and are short."""
        self.log_params(tags)

    def log_files(self, path: Path) -> None:
        import wandb

        artifact = wandb.Artifact(f"{self._stage}-{self._run.id}", type=self._stage)
        if path.is_dir():
            artifact.add_dir(str(path))
        else:
            artifact.add_file(str(path))
        self._run.log_artifact(artifact)


def is_asked_for() -> bool:
    return os.environ.get("WANDB_MODE") in MODES


@contextmanager
def begin(context: Context, stage: str, inputs: Mapping[str, InputEntry], run_id: str) -> Iterator[WandbRun]:
    """A run of a stage, by the name that MLflow knows it by; online it goes on with an earlier run of that name.

    Raises InputError that says what to change when it is not installed, or does not take the run.
    """
    try:
        import wandb
    except ImportError:
        raise InputError(
            "Weights & Biases is asked for and not installed: install mendel[wandb], or leave wandb out."
        ) from None
    folder = os.environ.setdefault("WANDB_DIR", FOLDER)
    os.environ.setdefault("WANDB_DATA_DIR", folder)  # else files that are to be sent wait in the home directory
    Path(folder).mkdir(parents=True, exist_ok=True)
    sources = {
        name: {"uri": lake.join(context.root, entry.uri), "digest": entry.digest} for name, entry in inputs.items()
    }
    try:
        run = wandb.init(
            project=os.environ.get("WANDB_PROJECT", PROJECT),
            id=run_id,
            resume="allow" if os.environ["WANDB_MODE"] == "online" else None,
            name=f"{stage} {context.partition}",
            job_type=stage,
            tags=[stage, context.partition],
            config={"inputs": sources, "mendel_run_id": context.run_id, "mlflow_run_id": run_id},
            settings=wandb.Settings(console="off", silent=True),
        )
    except wandb.Error as error:
        raise InputError(
            f"Weights & Biases does not take the run: {error}. Check WANDB_API_KEY and WANDB_BASE_URL, or set `wandb: offline`."
        ) from error
    with run:
        yield WandbRun(run, stage)
