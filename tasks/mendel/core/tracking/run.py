"""A stage's run, in every tracker at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Protocol

from mendel.core.manifest import InputEntry
from mendel.core.stage import Context
from mendel.core.tracking import mlflow_run, wandb_run


class RunRecord(Protocol):
    """One tracker's record of a run."""

    def log_params(self, params: Mapping[str, Any]) -> None:
        """What was asked for, values of any type."""

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """What came of it; with `step` a point of curves, which come in ascending order."""

    def set_tags(self, tags: Mapping[str, str]) -> None:
        """What it is found by."""

    def log_files(self, path: Path) -> None:
        """A file, or all that a folder holds."""


class TrackedRun:
    """One run by its trackers' records. `run_id` is what all of them know it by."""

    def __init__(self, run_id: str, records: Sequence[RunRecord]) -> None:
        self.run_id = run_id
        self._records = records

    def log_params(self, params: Mapping[str, Any]) -> None:
        for record in self._records:
            record.log_params(params)

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        for record in self._records:
            record.log_metrics(metrics, step)

    def set_tags(self, tags: Mapping[str, str]) -> None:
        for record in self._records:
            record.set_tags(tags)

    def log_files(self, path: Path) -> None:
        for record in self._records:
            record.log_files(path)


@contextmanager
def tracked(
    context: Context, stage: str, inputs: Mapping[str, InputEntry], run_id: str | None = None
) -> Iterator[TrackedRun]:
    """A run of a stage with its inputs and their Git revisions; `run_id` goes on with an earlier one."""
    with ExitStack() as stack:
        first = stack.enter_context(mlflow_run.begin(context, stage, inputs, run_id))
        records: list[RunRecord] = [first]
        if wandb_run.is_asked_for():
            records.append(stack.enter_context(wandb_run.begin(context, stage, inputs, first.run_id)))
        tracked_run = TrackedRun(first.run_id, records)
        tracked_run.set_tags({f"{name}_revision": entry.revision for name, entry in inputs.items() if entry.revision})
        yield tracked_run
