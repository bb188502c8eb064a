"""The last task of a DAG: it reads what the stages committed, checks it, and emits the asset's event."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk import Asset, BaseOperator
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from mendel.core import manifest
from mendel.core.manifest import Manifest
from mendel_airflow import retraining
from mendel_airflow.partitions import PARTITION, lake_root

if TYPE_CHECKING:
    from airflow.sdk import Context


class EmitAsset(BaseOperator):
    """Emit an asset's event for the run's partition, with what its version holds as extra.

    :param asset: what the DAG makes.
    :param dataset: the dataset whose manifest tells of it; the asset's name unless it differs.
    :param covered_by: datasets that must have been made from exactly this version (its validation, its registration).
    :param unless: from the manifest and the run's id to why there is nothing to emit; the task is then skipped, with
        that reason.
    """

    template_fields: Collection[str] = ("partition",)
    ui_color = "#fdf3d8"

    def __init__(
        self,
        *,
        asset: Asset,
        dataset: str | None = None,
        covered_by: Sequence[str] = (),
        unless: Callable[[Manifest, str], str | None] | None = None,
        partition: str = PARTITION,
        **kwargs: Any,
    ) -> None:
        super().__init__(**{"task_id": f"emit_{asset.name}", **kwargs}, outlets=[asset])
        self.asset = asset
        self.dataset = dataset or asset.name
        self.covered_by = covered_by
        self.unless = unless
        self.partition = partition

    def execute(self, context: Context) -> dict[str, Any]:
        version = committed(self.dataset, self.partition)
        for dataset in self.covered_by:
            require_cover(committed(dataset, self.partition), version)
        if self.unless and (reason := self.unless(version, context["run_id"])):
            self.log.info(reason)  # Airflow shows that a task was skipped, and not why
            raise AirflowSkipException(reason)
        extra = {**describe(version, context["run_id"]), "retrain": retraining.run_leads_to_training(context)}
        event = context["outlet_events"][self.asset]
        event.extra = extra
        event.add_partitions(self.partition)
        self.log.info("%s %s", version.path, extra)
        return extra


def committed(dataset: str, partition: str) -> Manifest:
    """The manifest in force of a dataset's partition; without one there is nothing to emit."""
    version = manifest.current(lake_root(), dataset, partition)
    if version is None:
        raise AirflowFailException(f"{dataset} has no version in partition {partition} of {lake_root()}")
    return version


def require_cover(cover: Manifest, subject: Manifest) -> None:
    """Check that `cover` was made from `subject`, not from a version that was in force before it."""
    if not cover.made_from(subject.as_input()):
        raise AirflowFailException(
            f"{cover.path} is of another version than {subject.path}, which another run has put in force meanwhile. "
            f"Clear this run, to go through its stages again"
        )


def unchanged(version: Manifest, run_id: str) -> bool:
    """Whether the version was there before this run."""
    return version.same_as is not None or version.run_id != run_id


def nothing_new(version: Manifest, run_id: str) -> str | None:
    """Why a run of the stream has nothing to emit, or None when it read records."""
    return None if version.metrics["records"] else "nothing new has arrived"


def describe(version: Manifest, run_id: str) -> dict[str, Any]:
    """A version in the few words that fit an event; its manifest has the rest."""
    return {
        "version": version.path,
        "rows": version.rows,
        "digest": version.digest,
        "revision": version.revision,
        "unchanged": unchanged(version, run_id),
        "same_as": version.same_as,
        "metrics": {
            name: value for name, value in version.metrics.items() if isinstance(value, bool | int | float | str)
        },
    }
