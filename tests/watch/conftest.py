"""What Prometheus is given, as its users read it, and its own tools."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

REPO = Path(__file__).resolve().parents[2]
HERE = Path(__file__).parent
FILES = REPO / "charts" / "mendel" / "files"
RULES = FILES / "rules.yaml"
DASHBOARDS = sorted((FILES / "dashboards").glob("*.json"))


def rules(kind: str) -> dict[str, dict[str, Any]]:
    """Rules by name: of the kind `alert` or `record`."""
    groups = yaml.safe_load(RULES.read_text())["groups"]
    named = [rule for group in groups for rule in group["rules"] if kind in rule]
    assert named, f"{RULES} has no {kind}"
    assert len({rule[kind] for rule in named}) == len(named), f"two rules of the kind {kind} share a name"
    return {rule[kind]: rule for rule in named}


def dashboard(path: Path) -> dict[str, Any]:
    model: dict[str, Any] = json.loads(path.read_text())
    return model


def queries() -> dict[str, str]:
    """Expressions of Grafana's panels, by where they are; its variable for a range is one of five minutes."""
    named = {
        f"{path.name}: {panel['title']} {target['refId']}": target["expr"].replace("$__rate_interval", "5m")
        for path in DASHBOARDS
        for panel in dashboard(path)["panels"]
        for target in panel["targets"]
    }
    assert len(named) > 15, f"only {len(named)} expressions in {DASHBOARDS}"
    return named


def checked(tool: str, package: str, *arguments: object) -> None:
    """Let one of Prometheus's tools judge files; skips where it is not installed."""
    if shutil.which(tool) is None:
        pytest.skip(f"{tool} is not installed: apt-get install {package}")
    done = subprocess.run([tool, *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == 0, f"{tool}: {done.stdout}{done.stderr}"
