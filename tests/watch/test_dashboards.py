"""Grafana's dashboards: Prometheus takes their expressions, and each panel says what it shows."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import pytest
import yaml

from .conftest import DASHBOARDS, checked, dashboard, queries

EACH = pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
KINDS = {"timeseries", "stat", "bargauge"}


def test_prometheus_takes_the_expressions(tmp_path: Path) -> None:
    # given each as a rule, which promtool parses
    rules = [{"record": f"panel:{number}", "expr": expression} for number, expression in enumerate(queries().values())]
    file = tmp_path / "panels.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))
    # then
    checked("promtool", "prometheus", "check", "rules", file)


def test_no_two_dashboards_take_each_others_place() -> None:
    assert len(DASHBOARDS) == 2
    for key in ("uid", "title"):
        assert len({dashboard(path)[key] for path in DASHBOARDS}) == len(DASHBOARDS), key


@EACH
def test_a_dashboard_works_with_any_data_source_and_namespace(path: Path) -> None:
    source, namespace = dashboard(path)["templating"]["list"]
    assert (source["name"], source["type"], source["query"]) == ("datasource", "datasource", "prometheus")
    assert (namespace["name"], namespace["allValue"], namespace["datasource"]) == ("namespace", ".*", SOURCE)
    for panel in dashboard(path)["panels"]:
        assert panel["datasource"] == SOURCE, panel["title"]
        for target in panel["targets"]:
            assert target["expr"].count("{") == target["expr"].count('namespace=~"$namespace"'), target["expr"]


@EACH
def test_each_panel_says_what_it_shows_and_in_which_unit(path: Path) -> None:
    panels = dashboard(path)["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    assert len({panel["title"] for panel in panels}) == len(panels)
    for panel in panels:
        assert panel["type"] in KINDS, panel["title"]
        assert panel["description"].endswith("."), panel["title"]
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        assert all(target["legendFormat"] for target in panel["targets"]), panel["title"]


@EACH
def test_no_panel_lies_on_another(path: Path) -> None:
    places = {panel["title"]: panel["gridPos"] for panel in dashboard(path)["panels"]}
    for (one, a), (other, b) in combinations(places.items(), 2):
        apart = [a[at] + a[size] <= b[at] or b[at] + b[size] <= a[at] for at, size in (("x", "w"), ("y", "h"))]
        assert any(apart), f"{one} and {other}"
    assert max(place["x"] + place["w"] for place in places.values()) <= 24, "Grafana has 24 columns"
