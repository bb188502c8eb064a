"""The chart, rendered by Helm's own library; no cluster is asked."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

CHART = Path(__file__).resolve().parents[2] / "charts" / "mendel"
VALUES = ("local", "eks")
SEED = {"secrets": {"seed": "a seed that is long enough for tests"}}
"""Secrets that do not differ from one render to the next."""

DATABASES = {
    "secrets": {
        **SEED["secrets"],
        "create": True,
        "airflowDatabase": "postgresql://airflow:x@db:5432/airflow",
        "mlflowDatabase": "postgresql+psycopg2://mlflow:x@db:5432/mlflow",
    }
}
HOW = "`helm dependency build charts/mendel` gets it (helm repo add apache-airflow https://airflow.apache.org first)"

helm = pytest.importorskip("helm_python", reason="Helm's library is not installed: pip install helm-python-sdk")


def values_of(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((CHART / f"values-{name}.yaml").read_text())
    return found


def merged(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    both = {**base, **over}
    for key in base.keys() & over.keys():
        if isinstance(base[key], dict) and isinstance(over[key], dict):
            both[key] = merged(base[key], over[key])
    return both


@pytest.fixture(scope="session", autouse=True)
def dependency() -> None:
    """Helm renders silently without a dependency that is not there: so nothing is tested without it."""
    if missing := [found["name"] for found in helm.dependency_list(CHART) if found["status"] != "ok"]:
        pytest.skip(f"charts/mendel/charts has no {', '.join(missing)}: {HOW}")


@pytest.fixture(scope="session")
def chart(dependency: None) -> Iterator[Any]:
    with helm.Chart.load(CHART) as loaded:
        yield loaded


Render = Callable[..., list[dict[str, Any]]]


@pytest.fixture(scope="session")
def fresh(chart: Any) -> Render:
    """Objects under a values file and more values; hooks and tests included."""

    def rendered(name: str, over: dict[str, Any] | None = None) -> list[dict[str, Any]]:
        values = merged(values_of(name), merged(SEED, over or {}))
        return documents(chart.render(values, name="mendel", namespace="mendel"))

    return rendered


@pytest.fixture(scope="session")
def render(fresh: Render) -> Render:
    """As `fresh`, once for the same values: a render takes a second."""
    known: dict[str, list[dict[str, Any]]] = {}

    def rendered(name: str, over: dict[str, Any] | None = None) -> list[dict[str, Any]]:
        key = json.dumps([name, over])
        if key not in known:
            known[key] = fresh(name, over)
        return known[key]

    return rendered


def documents(rendered: dict[str, str]) -> list[dict[str, Any]]:
    """The objects in what Helm rendered, template by template."""
    texts = [text for name, text in rendered.items() if not name.endswith(".txt")]
    return [found for text in texts for found in yaml.safe_load_all(text) if found]


@pytest.fixture(scope="session", params=VALUES)
def objects(request: pytest.FixtureRequest, render: Render) -> list[dict[str, Any]]:
    return render(request.param)


def of_kind(objects: list[dict[str, Any]], *kinds: str) -> list[dict[str, Any]]:
    found = [item for item in objects if item["kind"] in kinds]
    assert found, f"nothing of kind {', '.join(kinds)} was rendered"
    return found


def named(objects: list[dict[str, Any]], kind: str, name: str) -> dict[str, Any]:
    found = [item for item in of_kind(objects, kind) if item["metadata"]["name"] == name]
    assert len(found) == 1, f"{len(found)} objects {kind} {name}, expected one"
    return found[0]


def pods(objects: list[dict[str, Any]]) -> list[tuple[str, dict[str, Any]]]:
    """Name and pod spec of all that makes pods."""
    found = []
    for item in objects:
        spec = item.get("spec") or {}
        name = f"{item['kind']} {item['metadata']['name']}"
        if item["kind"] == "Pod":
            found.append((name, spec))
        elif item["kind"] == "CronJob":
            found.append((name, spec["jobTemplate"]["spec"]["template"]["spec"]))
        elif "template" in spec:
            found.append((name, spec["template"]["spec"]))
    return found


def containers(spec: dict[str, Any]) -> list[dict[str, Any]]:
    return [*(spec.get("initContainers") or []), *spec["containers"]]
