"""Airflow for the tests of DAGs and plugins: an empty home of its own, set before anything imports Airflow."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

HOME = tempfile.TemporaryDirectory(prefix="mendel-airflow-")
REPO = Path(__file__).resolve().parents[2]

os.environ |= {
    "AIRFLOW_HOME": HOME.name,
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "AIRFLOW__CORE__PLUGINS_FOLDER": str(REPO / "plugins"),
    "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{HOME.name}/airflow.db",
}
for variable in (
    "TARGET",
    "CONFIG",
    "CONFIG_PREFIXES",
    "PIPELINES",
    "RULES",
    "STAGE_ENV",
    "APPROVAL",
    "BIN",
    "SAGEMAKER",
):
    os.environ.pop(f"MENDEL_{variable}", None)  # the deployment's, not the tests'
os.environ.pop("AIRFLOW_CONN_MENDEL_ALERTS", None)
for variable in [name for name in os.environ if name.startswith("OPENLINEAGE_")]:
    del os.environ[variable]

import pytest  # noqa: E402
from airflow.dag_processing.dagbag import DagBag  # noqa: E402
from airflow.sdk import DAG, Context  # noqa: E402
from airflow.sdk.bases.operator import ExecutorSafeguard  # noqa: E402

from mendel.core import manifest  # noqa: E402
from mendel.core.manifest import InputEntry, Manifest  # noqa: E402

from .receivers import Webhook, served  # noqa: E402

ExecutorSafeguard.test_mode = True  # tests call `execute` themselves

NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)  # a Thursday
MONDAY = "2026-11-23"


@pytest.fixture(scope="session")
def bag() -> DagBag:
    """All DAGs, parsed as Airflow parses them."""
    return DagBag(dag_folder=str(REPO / "dags"))


@pytest.fixture(scope="session")
def dags(bag: DagBag) -> dict[str, DAG]:
    assert not bag.import_errors, f"DAG files that do not import: {bag.import_errors}"
    return dict(bag.dags)


class Lake:
    """A lake in a temporary folder, with manifests of our making."""

    def __init__(self, root: str) -> None:
        self.root = root

    def commit(
        self,
        dataset: str,
        *,
        partition: str = MONDAY,
        digest: str = "d1",
        run_id: str = "this-run",
        same_as: str | None = None,
        of: Manifest | None = None,
        **metrics: Any,
    ) -> Manifest:
        """Put a version of a dataset in force; `of` is what it was made from."""
        inputs = (InputEntry(name=of.dataset, uri=of.path, digest=of.digest, rows=of.rows),) if of else ()
        made = Manifest(
            dataset=dataset,
            partition=partition,
            fingerprint=manifest.fingerprint(dataset, 1, {entry.name: entry.digest for entry in inputs}, digest),
            stage=dataset,
            stage_version=1,
            run_id=run_id,
            inputs=inputs,
            files=(),
            rows=3,
            digest=digest,
            parameters={},
            metrics=metrics,
            same_as=same_as,
            code_version="0",
            started=NOON,
            finished=NOON,
        )
        return manifest.commit(self.root, made)


@pytest.fixture
def lake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lake:
    root = (tmp_path / "lake").as_uri()
    monkeypatch.setenv("MENDEL_LAKE", root)
    return Lake(root)


class Run:
    """What a task sees of the run that it belongs to."""

    def __init__(
        self,
        partition: str | None = MONDAY,
        run_type: str = "manual",
        params: dict[str, Any] | None = None,
        upstream: list[dict[str, Any]] | None = None,
    ) -> None:
        from airflow.sdk.api.datamodels._generated import DagRunType

        self.events: dict[Any, SimpleNamespace] = {}
        context: dict[str, Any] = {
            "run_id": "this-run",
            "dag_run": SimpleNamespace(partition_key=partition, run_after=NOON, run_type=DagRunType(run_type)),
            "params": params or {},
            "triggering_asset_events": {"upstream": [SimpleNamespace(extra=extra) for extra in upstream or []]},
            "outlet_events": self,
        }
        self.context = cast(Context, context)

    def __getitem__(self, asset: Any) -> SimpleNamespace:
        """The event that a task emits of an asset: `extra` and the partition keys that were added."""
        if asset.name not in self.events:
            keys: list[str] = []
            self.events[asset.name] = SimpleNamespace(extra={}, keys=keys, add_partitions=keys.append)
        return self.events[asset.name]


@pytest.fixture
def webhook(monkeypatch: pytest.MonkeyPatch) -> Iterator[Webhook]:
    """A webhook that takes everything, as the receiver of alerts."""
    with served(server := Webhook()):
        monkeypatch.setenv("AIRFLOW_CONN_MENDEL_ALERTS", server.connection)
        yield server
