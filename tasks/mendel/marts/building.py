"""Runs dbt, in the environment that has it, and puts what it made in its place once every test has passed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mendel.core import lake
from mendel.core.errors import GateError, InputError, MendelError
from mendel.core.prices import Prices

PROJECT = Path(__file__).with_name("project")
PROGRAM = Path(".mendel/dbt/bin/dbt")
"""Where `make marts` puts it, below the folder that commands are run in."""


def dbt() -> str:
    """The program: MENDEL_DBT where set, else PROGRAM. Raises InputError where there is none."""
    name = os.environ.get("MENDEL_DBT") or str(PROGRAM)
    if (program := shutil.which(name)) is None:
        raise InputError(
            f"dbt is not installed: there is no program {name}. Run `make marts`, which gives dbt an environment of its "
            "own, or set MENDEL_DBT to the dbt of an environment with requirements/marts.txt and mendel"
        )
    return program


def build(root: str, target: str, docs: Path | None = None, prices: Prices | None = None) -> None:
    """Build and test the marts of a lake, then write them to `target`, the URI of a DuckDB file.

    Readers see the old file or the new one. `docs` is an HTML file to write dbt's documentation of them to; without `prices`
    nothing has a cost.

    Raises GateError naming the tests that failed, and MendelError where dbt failed otherwise; `target` is then as it was.
    """
    program = dbt()
    with tempfile.TemporaryDirectory(prefix="mendel-marts-") as folder:
        file, artifacts = Path(folder) / "marts.duckdb", Path(folder) / "target"
        environment = {
            **os.environ,
            "MENDEL_MARTS_LAKE": lake.normalise(root),
            "MENDEL_MARTS_FILE": str(file),
            "MENDEL_MARTS_PRICES": prices.model_dump_json() if prices else "",
            "DBT_TARGET_PATH": str(artifacts),
            "DBT_LOG_PATH": folder,
        }
        if _run(program, environment, "build"):
            raise _failure(artifacts / "run_results.json")
        if docs:
            if _run(program, environment, "docs", "generate", "--static"):
                raise MendelError("dbt docs generate failed; its log above says why")
            docs.write_bytes((artifacts / "static_index.html").read_bytes())
        lake.write(target, file.read_bytes())


def _run(program: str, environment: Mapping[str, str], *words: str) -> int:
    places = ["--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT)]
    return subprocess.run([program, "--no-use-colors", *words, *places], env=environment).returncode


def _failure(results: Path) -> MendelError:
    """Why a build ended: tests that said no, or anything else."""
    if not results.exists():
        return MendelError("dbt build failed before its first model; its log above says why")
    nodes: list[dict[str, Any]] = json.loads(results.read_text())["results"]
    errors = [_name(node) for node in nodes if node["status"] == "error"]
    if errors:
        return MendelError(f"dbt could not build {', '.join(errors)}; its log above says why")
    fails = [_name(node) for node in nodes if node["status"] == "fail"]
    return GateError(f"the marts are not as their tests say: {', '.join(fails)}. Those of before stay")


def _name(node: Mapping[str, Any]) -> str:
    return str(node["unique_id"]).split(".")[2]
