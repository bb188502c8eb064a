"""The rules for Prometheus: each alert fires when it should and not otherwise, and says what to do."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from .conftest import HERE, REPO, RULES, checked, rules

ALERTS = rules("alert")
CASES = sorted((HERE / "rules").glob("*.yaml"))
SITE = f"{yaml.safe_load((REPO / 'CITATION.cff').read_text())['repository-code']}/blob/main/"


def anchors(page: Path) -> set[str]:
    """As GitHub and MkDocs make them of headings."""
    headings = re.findall(r"^#+ (.+)", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


def test_prometheus_takes_the_rules() -> None:
    checked("promtool", "prometheus", "check", "rules", RULES)


@pytest.mark.parametrize("cases", CASES, ids=lambda path: path.stem)
def test_alerts_fire_when_they_should_and_not_otherwise(cases: Path) -> None:
    checked("promtool", "prometheus", "test", "rules", cases)


def test_each_alert_is_seen_to_fire_and_to_be_silent() -> None:
    fires: dict[str, set[bool]] = {}
    for path in CASES:
        for case in yaml.safe_load(path.read_text())["tests"]:
            for expected in case["alert_rule_test"]:
                fires.setdefault(expected["alertname"], set()).add(bool(expected["exp_alerts"]))
    assert fires == {name: {True, False} for name in ALERTS}


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_says_how_bad_it_is_and_where_it_is_written_what_to_do(name: str) -> None:
    labels, annotations = ALERTS[name]["labels"], ALERTS[name]["annotations"]
    assert labels.keys() == {"severity"}
    assert labels["severity"] in ("critical", "warning"), name
    assert annotations.keys() == {"summary", "description", "runbook_url"}
    address, anchor = annotations["runbook_url"].split("#")
    page = REPO / address.removeprefix(SITE)
    assert page.is_file(), f"{name}: there is no page {address}"
    assert anchor == name.lower(), f"{name} leads to {anchor}"
    assert anchor in anchors(page), f"{page} has no heading {name}"
