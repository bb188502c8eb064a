"""`mendel lake`, as one types it."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest

from mendel.core import manifest
from mendel.lakehouse import delta
from mendel.lakehouse.tables import TABLES

from ..lakehouse.writer import day, rows
from .conftest import Command

MONDAY, TUESDAY = "2026-11-23", "2026-11-24"


@pytest.fixture
def root(tmp_path: Path) -> str:
    """A lake with two days, of which no table knows yet."""
    root = (tmp_path / "lake").as_uri()
    day(root, MONDAY, rows("a", "b"))
    day(root, TUESDAY, [{"id": "c", "text": 'a comma, a "quote"\nand a line [bold]', "confidence": 0.5}])
    return root


@pytest.fixture
def mendel(
    command: Command, root: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    """`mendel …`, whose configuration is the lake's."""
    config = tmp_path / "pipeline.yaml"
    config.write_text(f"name: test\nlake: {root}\n")
    settings = {"MENDEL_CONFIG": str(config), "MLFLOW_TRACKING_URI": f"sqlite:///{tmp_path}/mlflow.db"}
    for name, value in {**settings, "COLUMNS": "200"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("MENDEL_LAKE", raising=False)
    capsys.readouterr()
    return command


def test_a_question_is_answered_as_a_table(mendel: Command) -> None:
    found = mendel("lake", "query", "SELECT dt, count(*) AS n FROM restored GROUP BY dt ORDER BY dt")

    assert found.code == 0, found.err
    assert [line.split("│")[1:3] for line in found.out.splitlines() if "2026" in line] == [
        [f" {MONDAY} ", " 2 "],
        [f" {TUESDAY} ", " 1 "],
    ]


@pytest.mark.parametrize("form", ["csv", "json"])
def test_an_answer_for_programs_comes_back_as_it_was(mendel: Command, form: str) -> None:
    found = mendel("lake", "query", "--format", form, "SELECT id, text, dt, NULL AS none FROM restored ORDER BY id")

    assert found.code == 0, found.err
    if form == "csv":
        answers = list(csv.DictReader(found.out.splitlines(keepends=True)))
    else:
        answers = [json.loads(line) for line in found.out.splitlines()]
    assert [answer["id"] for answer in answers] == ["a", "b", "c"]
    last = {"id": "c", "text": 'a comma, a "quote"\nand a line [bold]', "dt": TUESDAY}
    assert answers[2] == last | {"none": "" if form == "csv" else None}


def test_the_past_is_asked_by_version_by_manifest_and_by_day(mendel: Command, root: str) -> None:
    monday = manifest.current(root, "restored", MONDAY)
    assert monday is not None
    count = "SELECT count(*) FROM restored"

    for past in (["--at", "restored=1"], ["--at", f"restored={monday.fingerprint}"], ["--as-of", MONDAY]):
        found = mendel("lake", "query", *past, "--format", "csv", count)
        assert found.out.splitlines()[1:] == ["2"], f"{past}: {found.err}"


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
def test_a_mistake_is_exit_code_2_and_a_sentence(mendel: Command, arguments: list[str], says: str) -> None:
    found = mendel("lake", *arguments)

    assert found.code == 2, found.err
    assert says in found.err
    assert "Traceback" not in found.err


def test_tables_and_their_history_name_manifests(mendel: Command, root: str) -> None:
    tuesday = manifest.current(root, "restored", TUESDAY)
    assert tuesday is not None

    [table] = [json.loads(line) for line in mendel("lake", "tables", "--format", "json").out.splitlines()]
    newest, *older = [
        json.loads(line) for line in mendel("lake", "history", "restored", "--format", "json").out.splitlines()
    ]

    assert table == {"table": "restored", "version": 2, "rows": 3, "files": 2, "manifest": tuesday.path}
    assert (newest["version"], newest["manifest"], newest["rows"]) == (2, tuesday.path, 1)
    assert [commit["version"] for commit in older] == [1, 0]


def test_sync_says_what_it_did(mendel: Command) -> None:
    assert mendel("lake", "sync").out == "restored: version 2, 2 new\n"
    assert mendel("lake", "sync").out == "restored: version 2, 0 new\n"


def test_garbage_collection_brings_the_tables_up_first(mendel: Command, root: str) -> None:
    mendel("lake", "sync")
    day(root, MONDAY, rows("again"))

    collected = mendel("gc", "--delete")

    assert collected.code == 0, collected.err
    state = delta.load(root, TABLES["restored"])
    assert state is not None
    assert state.version() == 3, "the table lists files that may go"


def test_metrics_are_printed_once_without_a_port(mendel: Command) -> None:
    found = mendel("lake", "metrics")

    assert found.code == 0, found.err
    assert 'mendel_lake_newest_rows{dataset="restored"} 1.0' in found.out.splitlines()


def test_without_the_extra_it_says_how_to_install_it(mendel: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "mendel.lakehouse.query", raising=False)
    monkeypatch.delattr("mendel.lakehouse.query", raising=False)
    monkeypatch.setitem(sys.modules, "duckdb", None)

    found = mendel("lake", "query", "SELECT 1")

    assert found.code == 2
    assert "duckdb is not installed: pip install 'mendel[lakehouse]'" in found.err


def test_without_the_client_of_prometheus_it_says_how_to_install_it(
    mendel: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "prometheus_client", None)

    found = mendel("lake", "metrics")

    assert found.code == 2
    assert "prometheus_client is not installed: pip install 'mendel[serve]'" in found.err


def test_other_commands_load_none_of_it() -> None:
    program = (
        "import sys, mendel.cli.main, mendel.lakehouse.following, mendel.streaming.batches\n"
        "print({'duckdb', 'deltalake', 'pyarrow'}.intersection(sys.modules))"
    )

    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert found.stdout == "set()\n"
