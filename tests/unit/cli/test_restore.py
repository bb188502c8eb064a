from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mendel.core import manifest
from mendel.core.stage import execute
from mendel.lakehouse import delta
from mendel.lakehouse.tables import TABLES

from ..inference.conftest import (
    MakeCandidate,
    a_lake,
    new_lake,
)
from .conftest import Command

__all__ = ["a_lake", "new_lake"]

DAY = "2026-11-20"
Mendel = Callable[..., tuple[int, str]]


@pytest.fixture
def mendel(command: Command, a_lake: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Mendel:
    """The `mendel` command on the lake: exit code, and all that it printed."""
    config = tmp_path / "pipeline.yaml"
    config.write_text(f"name: test\nlake: {a_lake.root}\nrestore: {{records_per_shard: 2}}\n")
    monkeypatch.setenv("MENDEL_CONFIG", str(config))
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    monkeypatch.delenv("MENDEL_LAKE", raising=False)

    def run(*arguments: str) -> tuple[int, str]:
        ended = command(*arguments)
        return ended.code, ended.out + ended.err

    return run


def test_a_day_through_the_commands(a_lake: Any, mendel: Mendel) -> None:
    a_lake.put("a.txt", b"teh one\nteh two\nteh three\n")

    planned = mendel("restore", "plan", "-p", DAY)
    shards = [mendel("restore", "shard", "-p", DAY, "--shard", str(shard)) for shard in range(2)]
    collected = mendel("restore", "collect", "-p", DAY)

    assert planned[0] == 0
    assert "3 records in 2 shards, model version 1" in planned[1]
    assert [code for code, _ in shards] == [0, 0]
    assert collected[0] == 0
    assert "3 records in, 3 restored, 0 rejected" in collected[1]
    found = manifest.current(a_lake.root, "restored", DAY)
    assert found is not None
    assert found.rows == 3
    table = delta.load(a_lake.root, TABLES["restored"])
    assert table is not None, "the table did not follow"
    assert delta.rows(table) == 3


def test_a_day_without_files_says_so(a_lake: Any, mendel: Mendel) -> None:
    code, printed = mendel("restore", "plan", "-p", DAY)

    assert code == 0, printed
    assert f"nothing to restore: inbox/dt={DAY} of {a_lake.root} holds no files" in printed


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["plan", "-p", "20.11.2026"], "--partition '20.11.2026': write a date as YYYY-MM-DD"),
        (["plan", "-p", "2026-13-20"], "--partition '2026-13-20' is no date: month must be in 1..12"),
        (["plan", "-p", DAY, "--model-version", "9"], "there is no model '9'. Choose one of: champion, 1."),
        (["plan", "-p", DAY, "--set", "max_character=9"], "restore.max_character: there is no such key here"),
        (["plan", "-p", DAY, "--set", "records_per_shard=0"], "restore.records_per_shard: Input should be greater"),
        (["shard", "-p", "2026-11-19", "--shard", "0"], "Run: mendel restore plan --partition 2026-11-19"),
        (["shard", "-p", DAY, "--shard", "7"], "has 1 shards, counted from 0"),
        (["collect", "-p", DAY], "1 of 1 shards are not restored: 0"),
    ],
)
def test_bad_input_ends_with_exit_2_and_says_what_to_change(
    a_lake: Any, mendel: Mendel, arguments: list[str], message: str
) -> None:
    a_lake.put("a.txt", b"teh one\n")
    assert mendel("restore", "plan", "-p", DAY)[0] == 0

    code, printed = mendel("restore", *arguments)

    assert code == 2, printed
    assert message in printed
    assert "Traceback" not in printed


def test_texts_are_restored_by_any_model_of_the_lake(
    a_lake: Any, mendel: Mendel, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a candidate beside the champion, which knows another word
    made = execute(MakeCandidate(words={"hellorld": "hello world"}), a_lake.context("2026-11-02"))

    # when / then
    assert "\nthe hellorld\n" in mendel("restore", "text", "teh hellorld")[1], "the champion"
    code, printed = mendel("restore", "text", "--model", "candidate", "teh hellorld", "hellorld")
    assert code == 0, printed
    assert printed.startswith("teh hello world\nhello world\n"), "the newest candidate, text by text"
    assert f'candidate={made.fingerprint} standing="not judged"' in printed, "it says who did it"

    # and lines of standard input
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("teh one\r\nteh tüo\n".encode())))
    code, printed = mendel("restore", "text", "--json")
    first, second, *_ = printed.splitlines()
    assert json.loads(first) | {"edits": None} == {
        "text": "the one",
        "confidence": 0.75,
        "fallback": False,
        "edits": None,
    }
    assert json.loads(second)["text"] == "the tüo"


def test_texts_keep_what_is_less_sure_than_the_threshold(a_lake: Any, mendel: Mendel) -> None:
    a_lake.make_champion({"teh": "the", "Kign": "King"})
    assert "the King\n" in mendel("restore", "text", "teh Kign")[1]
    assert "the Kign\n" in mendel("restore", "text", "--threshold", "0.8", "teh Kign")[1]
    assert mendel("restore", "text", "--threshold", "80", "teh Kign")[0] == 2, "80 is no probability"


def test_a_model_that_is_not_there_ends_with_exit_2(mendel: Mendel) -> None:
    code, printed = mendel("restore", "text", "--model", "9", "teh")
    assert code == 2
    assert "there is no model '9'. Choose one of: champion, 1." in printed


def test_a_day_is_not_restored_by_a_candidate_without_a_version(a_lake: Any, mendel: Mendel) -> None:
    execute(MakeCandidate(words={"a": "b"}), a_lake.context("2026-11-02"))
    code, printed = mendel("restore", "plan", "-p", DAY, "--model-version", "candidate")
    assert code == 2
    assert "has no version: run mendel evaluate and mendel promote first" in printed


def test_the_day_to_fill_is_checked(mendel: Mendel) -> None:
    code, printed = mendel("inbox", "fill", "-p", "2026-11-23", "--day", "yesterday")

    assert code == 2
    assert "--day 'yesterday': write a date as YYYY-MM-DD" in printed
