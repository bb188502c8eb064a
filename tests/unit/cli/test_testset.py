"""`mendel ingest` and `mendel testset renew` as a user meets them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mendel.cli import main as cli
from mendel.core import lake, manifest

from ..corpus.conftest import folder

__all__ = ["folder"]


@pytest.fixture
def pipeline(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("MENDEL_LAKE", str(tmp_path / "lake"))
    source: dict[str, Any] = {"kind": "files", "name": "texts", "glob": f"{folder}/*", "id_key": "key"}
    source["split"] = {"test": 0.3, "validation": 0.2}
    path = tmp_path / "pipeline.yaml"
    path.write_text(json.dumps({"name": "t", "lake": "unused", "ingest": {"source": source}}))
    return str(path)


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """The exit code of a command line."""
    monkeypatch.setattr("sys.argv", ["mendel", *arguments])
    with pytest.raises(SystemExit) as caught:
        cli.main()
    return int(caught.value.code or 0)


def ingest(monkeypatch: pytest.MonkeyPatch, pipeline: str, *more: str, partition: str = "2026-11-23") -> int:
    return run(monkeypatch, "ingest", "-c", pipeline, "-p", partition, *more)


def renew(monkeypatch: pytest.MonkeyPatch, pipeline: str, *more: str) -> int:
    return run(monkeypatch, "testset", "renew", "-c", pipeline, *more)


def pinned(tmp_path: Path) -> manifest.Manifest:
    found = manifest.current(str(tmp_path / "lake"), "testset", "texts")
    assert found is not None, "no test set is pinned"
    return found


def grow(folder: Path) -> None:
    for number in range(30):
        (folder / f"new-{number}.txt").write_text(f"The comet of year {number * 3571} was seen by {number} people.")


def test_ingest_makes_the_corpus_and_pins_the_test_set(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], pipeline: str, tmp_path: Path
) -> None:
    assert ingest(monkeypatch, pipeline) == 0

    assert "sentences kept" in capsys.readouterr().out, "it does not end with a summary"
    assert ingest(monkeypatch, pipeline) == 0
    assert "sentences kept" in capsys.readouterr().out, "a second run, which finds all made, does not say what there is"
    corpus = manifest.current(str(tmp_path / "lake"), "corpus", "2026-11-23")
    assert corpus is not None
    assert corpus.input("testset").digest == pinned(tmp_path).digest


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--set", "source.glob=/no/such/place/*.txt"], "source.glob /no/such/place/*.txt matches no file"),
        (["--set", "source.glbo=x"], "source.files.glbo: there is no such key here"),
        (["--set", "source.kind=web"], "source: 'kind' must be one of"),
        (["--set", "cleaning.min_chars=250", "--set", "cleaning.max_chars=260"], "the test split has no sentence"),
        (["--set", "source.text_key=body"], "no key 'body'; there is: key, text. Set text_key"),
        (["--set", "source.name=My Texts"], "source.files.name: String should match pattern"),
    ],
)
def test_bad_input_exits_2_and_says_what_to_change(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    pipeline: str,
    folder: Path,
    arguments: list[str],
    said: str,
) -> None:
    for path in folder.glob("*.txt"):
        path.unlink()  # so that only records are left

    assert ingest(monkeypatch, pipeline, *arguments) == 2
    assert said in capsys.readouterr().err


def test_a_wrong_key_is_said_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], pipeline: str, folder: Path
) -> None:
    (folder / "many.jsonl").write_text('{"body": "Four score."}\n' * 31_103)

    assert ingest(monkeypatch, pipeline) == 0

    captured = capsys.readouterr()
    assert captured.err.count("no key 'text'; there is: body") + captured.out.count("no key 'text'") == 1
    assert "no_text 1;" in captured.out


def test_a_test_set_of_another_corpus_exits_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], pipeline: str, folder: Path
) -> None:
    assert ingest(monkeypatch, pipeline) == 0
    for path in folder.iterdir():
        path.unlink()
    grow(folder)

    assert ingest(monkeypatch, pipeline) == 2
    assert "give it a name of its own: source.name" in capsys.readouterr().err
    assert ingest(monkeypatch, pipeline, "--set", "source.name=comets") == 0
    assert renew(monkeypatch, pipeline) == 0
    assert ingest(monkeypatch, pipeline) == 0


def test_a_partition_is_written_as_a_date(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], pipeline: str
) -> None:
    assert ingest(monkeypatch, pipeline, partition="last week") == 2
    assert "--partition 'last week': write a date as YYYY-MM-DD" in capsys.readouterr().err


def test_a_damaged_test_set_exits_2_and_naming_the_file_and_force_repairs_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], pipeline: str, tmp_path: Path
) -> None:
    ingest(monkeypatch, pipeline)
    before = pinned(tmp_path)
    [path] = [file.path for file in before.files if file.path.endswith("/test.parquet")]
    lake.write(lake.join(str(tmp_path / "lake"), path), b"PAR1")

    assert ingest(monkeypatch, pipeline, partition="2026-11-30") == 2
    assert f"{path}: expected" in capsys.readouterr().err
    assert renew(monkeypatch, pipeline) == 2, "a damaged test set was replaced unasked"

    assert renew(monkeypatch, pipeline, "--force") == 0
    assert pinned(tmp_path).digest == before.digest, "the same source gave another test set"
    assert ingest(monkeypatch, pipeline, partition="2026-11-30") == 0


def test_a_dry_run_says_what_would_change_and_changes_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], pipeline: str, tmp_path: Path, folder: Path
) -> None:
    ingest(monkeypatch, pipeline)
    before = pinned(tmp_path)
    grow(folder)
    capsys.readouterr()

    assert renew(monkeypatch, pipeline, "--dry-run") == 0

    said = capsys.readouterr().out
    assert f"testset/texts: pinned so far {before.rows} sentences" in said
    assert f"sentences come, 0 go, {before.rows} stay" in said
    assert "nothing was written" in said
    assert pinned(tmp_path) == before


def test_renewing_pins_what_is_held_out_now_and_ingest_follows(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], pipeline: str, tmp_path: Path, folder: Path
) -> None:
    ingest(monkeypatch, pipeline)
    before = pinned(tmp_path)
    grow(folder)

    assert renew(monkeypatch, pipeline) == 0
    assert "Next: mendel ingest" in capsys.readouterr().out
    assert pinned(tmp_path).rows > before.rows

    assert ingest(monkeypatch, pipeline, partition="2026-11-30") == 0
    corpus = manifest.current(str(tmp_path / "lake"), "corpus", "2026-11-30")
    assert corpus is not None
    assert corpus.metrics["sentences"]["test"] == pinned(tmp_path).rows


def test_renewing_an_unchanged_test_set_changes_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], pipeline: str, tmp_path: Path
) -> None:
    ingest(monkeypatch, pipeline)
    before = pinned(tmp_path)

    assert renew(monkeypatch, pipeline) == 0

    assert f"0 sentences come, 0 go, {before.rows} stay" in capsys.readouterr().out
    assert pinned(tmp_path) == before
