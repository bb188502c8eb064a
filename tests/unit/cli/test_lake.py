"""`mendel lake`, as one types it: by real commands in processes of their own."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mendel.core import manifest

from ..lakehouse.writer import day, rows

MONDAY, TUESDAY = "2026-11-23", "2026-11-24"


@pytest.fixture
def root(tmp_path: Path) -> str:
    """A lake with two days, of which no table knows yet."""
    root = (tmp_path / "lake").as_uri()
    day(root, MONDAY, rows("a", "b"))
    day(root, TUESDAY, [{"id": "c", "text": 'a comma, a "quote"\nand a line [bold]', "confidence": 0.5}])
    return root


@pytest.fixture
def mendel(root: str, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    config = tmp_path / "pipeline.yaml"
    config.write_text(f"name: test\nlake: {root}\n")

    def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "mendel.cli", "lake", *arguments],
            env={"PATH": os.environ["PATH"], "PYTHONPATH": os.pathsep.join(sys.path), "MENDEL_CONFIG": str(config)}
            | {"COLUMNS": "200"}
            | environment,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


Mendel = Callable[..., subprocess.CompletedProcess[str]]


def test_a_question_is_answered_as_a_table(mendel: Mendel) -> None:
    found = mendel("query", "SELECT dt, count(*) AS n FROM restored GROUP BY dt ORDER BY dt")

    assert found.returncode == 0, found.stderr
    assert [line.split("│")[1:3] for line in found.stdout.splitlines() if "2026" in line] == [
        [f" {MONDAY} ", " 2 "],
        [f" {TUESDAY} ", " 1 "],
    ]


@pytest.mark.parametrize("form", ["csv", "json"])
def test_an_answer_for_programs_comes_back_as_it_was(mendel: Mendel, form: str) -> None:
    found = mendel("query", "--format", form, "SELECT id, text, dt, NULL AS none FROM restored ORDER BY id")

    assert found.returncode == 0, found.stderr
    if form == "csv":
        answers = list(csv.DictReader(found.stdout.splitlines(keepends=True)))
    else:
        answers = [json.loads(line) for line in found.stdout.splitlines()]
    assert [answer["id"] for answer in answers] == ["a", "b", "c"]
    last = {"id": "c", "text": 'a comma, a "quote"\nand a line [bold]', "dt": TUESDAY}
    assert answers[2] == last | {"none": "" if form == "csv" else None}


def test_the_past_is_asked_by_version_by_manifest_and_by_day(mendel: Mendel, root: str) -> None:
    monday = manifest.current(root, "restored", MONDAY)
    assert monday is not None
    count = "SELECT count(*) FROM restored"

    for past in (["--at", "restored=1"], ["--at", f"restored={monday.fingerprint}"], ["--as-of", MONDAY]):
        found = mendel("query", *past, "--format", "csv", count)
        assert found.stdout.splitlines()[1:] == ["2"], f"{past}: {found.stderr}"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["query", "SELEC 1"], "syntax error"),
        (["query", "SELECT * FROM corpus"], "one that has no data yet is not there"),
        (["query", "--at", "restored", "SELECT 1"], "write TABLE=VERSION"),
        (["query", "--as-of", "yesterday", "SELECT 1"], "write a date as YYYY-MM-DD"),
        (["history", "nowhere"], "no table nowhere has versions"),
        (["history", "corpus"], "has no corpus yet"),
    ],
)
def test_a_mistake_is_exit_code_2_and_a_sentence(mendel: Mendel, arguments: list[str], says: str) -> None:
    found = mendel(*arguments)

    assert found.returncode == 2, found.stderr
    assert says in found.stderr
    assert "Traceback" not in found.stderr


def test_tables_and_their_history_name_manifests(mendel: Mendel, root: str) -> None:
    tuesday = manifest.current(root, "restored", TUESDAY)
    assert tuesday is not None

    [table] = [json.loads(line) for line in mendel("tables", "--format", "json").stdout.splitlines()]
    newest, *older = [
        json.loads(line) for line in mendel("history", "restored", "--format", "json").stdout.splitlines()
    ]

    assert table == {"table": "restored", "version": 2, "rows": 3, "files": 2, "manifest": tuesday.path}
    assert (newest["version"], newest["manifest"], newest["rows"]) == (2, tuesday.path, 1)
    assert [commit["version"] for commit in older] == [1, 0]


def test_sync_says_what_it_did(mendel: Mendel) -> None:
    assert mendel("sync").stdout == "restored: version 2, 2 new\n"
    assert mendel("sync").stdout == "restored: version 2, 0 new\n"


def test_without_the_extra_it_says_how_to_install_it(mendel: Mendel, tmp_path: Path) -> None:
    hidden = tmp_path / "hidden" / "duckdb"
    hidden.mkdir(parents=True)
    (hidden / "__init__.py").write_text("raise ModuleNotFoundError('no', name='duckdb')")
    path = os.pathsep.join([str(hidden.parent), *sys.path])

    found = mendel("query", "SELECT 1", PYTHONPATH=path)

    assert found.returncode == 2
    assert "duckdb is not installed: pip install 'mendel[lakehouse]'" in found.stderr


def test_other_commands_load_none_of_it() -> None:
    program = (
        "import sys, mendel.cli.main, mendel.lakehouse.following, mendel.streaming.batches\n"
        "print({'duckdb', 'deltalake', 'pyarrow'}.intersection(sys.modules))"
    )

    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert found.stdout == "set()\n"
