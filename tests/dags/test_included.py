"""What a form offers follows from the files in include/."""

from __future__ import annotations

from pathlib import Path

import pytest

from mendel_airflow import included


def test_a_file_in_include_is_a_choice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a profile that somebody learned into include/noise
    (tmp_path / "noise").mkdir()
    for name in ("scanner.yaml", "heavy.yaml", "notes.txt"):
        (tmp_path / "noise" / name).touch()
    monkeypatch.setattr(included, "INCLUDE", tmp_path)
    # Then the form has it, and nothing that is no profile
    assert included.names("noise") == ["heavy", "scanner"]


def test_the_shipped_ones_are_there() -> None:
    assert {"default", "heavy"} <= set(included.names("noise"))
    assert {"channel-llm", "channel-ngram"} <= set(included.names("recipes"))
