"""What `mendel validate` leaves behind: a manifest or none, Data Docs in both cases, an exit code."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import fsspec
import pandas as pd
import pytest
from pydantic import ValidationError

from mendel.core import lake, manifest
from mendel.core.errors import GateError, InputError
from mendel.core.stage import Context, execute
from mendel.stages.validate import ValidateCorpus, ValidatePairs

from ..quality.conftest import commit, context, corpus_frame

__all__ = ["commit", "context", "corpus_frame"]

Commit = Callable[..., object]


def leaky(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(text=frame["text"].where(frame["id"] != "train-000", frame["text"].iloc[-1]))


def validate(tmp_path: Path) -> subprocess.CompletedProcess[str]:
    config = tmp_path / "pipeline.yaml"
    config.write_text(f"name: test\nlake: {tmp_path}/lake\n")
    command = [sys.executable, "-m", "mendel.cli", "validate", "corpus", "-c", str(config), "-p", "2026-11-23"]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


def test_the_command_line_on_a_fault(
    tmp_path: Path, context: Context, commit: Commit, corpus_frame: pd.DataFrame
) -> None:
    commit(leaky(corpus_frame), "corpus")

    done = validate(tmp_path)

    assert done.returncode == 3, done.stderr
    assert "mendel: corpus/dt=2026-11-23/" in done.stderr
    assert "(leakage): 2 of 400 rows are otherwise" in done.stderr
    assert "Traceback" not in done.stderr
    assert "PySpark" not in done.stderr, "a warning of a library that is not used here"
    assert manifest.current(context.root, "corpus_validation", "2026-11-23") is None, (
        "a failed validation was committed"
    )
    with pytest.raises(InputError, match="has not passed validation"):
        context.require("corpus", validated=True)


def test_a_pass_counts_until_a_later_validation_fails(
    context: Context, commit: Commit, corpus_frame: pd.DataFrame
) -> None:
    # given a corpus that passed
    commit(corpus_frame, "corpus")
    execute(ValidateCorpus(), context)

    # when stricter bounds turn it down
    with pytest.raises(GateError):
        execute(ValidateCorpus(length=(1, 2)), context)

    # then it has not passed validation any more
    with pytest.raises(InputError, match="has not passed validation"):
        context.require("corpus", validated=True)


def test_data_docs_tell_of_failures_and_passes(context: Context, commit: Commit, corpus_frame: pd.DataFrame) -> None:
    commit(leaky(corpus_frame), "corpus")
    with pytest.raises(GateError) as caught:
        execute(ValidateCorpus(), context)
    later = Context(root=context.root, partition="2026-11-30")
    commit(corpus_frame, "corpus", context=later)
    passed = execute(ValidateCorpus(), later)

    failed_page = str(caught.value).rpartition("Data Docs: ")[2]
    for page, partition in ((failed_page, "2026-11-23"), (passed.metrics["data_docs"], "2026-11-30")):
        assert lake.exists(page), f"{page} was not published"
        text = lake.read_text(page)
        assert "no text is in two splits" in text, "the page does not say what was expected"
        assert partition in page
    index = lake.read_text(lake.join(context.root, "data_docs", "index.html"))
    assert index.count('class="failed"') == 1
    assert index.count('class="passed"') == 3, "a schema suite each, and the corpus that is sound"
    for page in (failed_page, passed.metrics["data_docs"]):
        assert f'href="{page.partition("/data_docs/")[2]}"' in index, "the index does not link to the page"


def test_files_that_a_killed_run_left_half_written_do_no_harm(
    tmp_path: Path, context: Context, commit: Commit, corpus_frame: pd.DataFrame
) -> None:
    commit(corpus_frame, "corpus")
    execute(ValidateCorpus(), context)
    site = tmp_path / "lake" / "data_docs"
    written = [path for path in site.rglob("*") if path.is_file() and "static" not in path.parts]
    assert {".json", ".html"} <= {path.suffix for path in written}
    for path in written:
        path.write_bytes(path.read_bytes()[:10])

    execute(ValidateCorpus(), Context(root=context.root, partition="2026-11-23", force=True))

    assert 'class="passed"' in (site / "index.html").read_text()


def test_data_docs_on_a_remote_lake(commit: Commit, corpus_frame: pd.DataFrame) -> None:
    """Two runs: the second must list what the first published from another machine."""
    fsspec.filesystem("memory").store.clear()
    pages = []
    for partition in ("2026-11-23", "2026-11-30"):
        context = Context(root="memory:///lake", partition=partition)
        commit(corpus_frame.head(390 if partition == "2026-11-30" else 400), "corpus", context=context)
        pages.append(execute(ValidateCorpus(), context).metrics["data_docs"])

    index = lake.read_text("memory:///lake/data_docs/index.html")
    for page in pages:
        assert page.startswith("memory://")
        assert lake.exists(page), f"{page} was not uploaded"
        assert f'href="{page.partition("/data_docs/")[2]}"' in index


def test_the_subject_must_be_there(context: Context) -> None:
    with pytest.raises(InputError, match="pairs has no version in partition 2026-11-23"):
        execute(ValidatePairs(), context)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"splits": {"train": (0.9, 0.5)}}, "lower end 0.9 is above the upper end 0.5"),
        ({"splits": {"train": (0.5, 1.5)}}, "less than or equal to 1"),
        ({"length": (300, 20)}, "lower end 300 is above the upper end 20"),
        ({"lenght": (20, 300)}, "lenght"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_thresholds_are_checked_at_load(fields: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        ValidateCorpus(**fields)
