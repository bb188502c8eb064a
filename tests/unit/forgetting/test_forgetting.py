"""A record is forgotten: afterwards its text is in no file of the lake, and all else is as it was."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml
from typer.testing import CliRunner

from mendel.cli.main import app
from mendel.core import manifest
from mendel.core.stage import Context, execute
from mendel.feedback import collected, inbox
from mendel.feedback.judged import Feedback, JudgedChange, JudgedText
from mendel.forgetting import copies, erasure
from mendel.forgetting.subject import ReadingRules, Subject
from mendel.inference import restored
from mendel.inference.records import RecordRules, id_of_place
from mendel.lakehouse import query
from mendel.lakehouse.query import NOW
from mendel.stages.feedback_collect import CollectFeedback

from ..inference.conftest import DAY, Lake

NEXT_DAY = "2026-11-21"
SECRET = "Okonkwo"
RULES = RecordRules(text_key="text")
READING = ReadingRules(RULES, RULES, txt=False)


def files_with(folder: Path, text: str) -> list[str]:
    """Every file below a folder that holds a text: Parquet's values, and the bytes of all others, compressed or not."""
    return [
        str(path.relative_to(folder)) for path in sorted(folder.rglob("*")) if path.is_file() and text in said(path)
    ]


def said(path: Path) -> str:
    if path.suffix == ".parquet":
        return str(pq.read_table(path).to_pylist())
    data = path.read_bytes()
    return (gzip.decompress(data) if path.suffix == ".gz" else data).decode(errors="replace")


def versions(root: str, dataset: str) -> list[manifest.Manifest]:
    return [version for key in manifest.partitions(root, dataset) if (version := manifest.current(root, dataset, key))]


def forget(a_lake: Lake, *records: str) -> None:
    erasure.erase(a_lake.root, copies.find(a_lake.root, Subject(records=frozenset(records)), READING))


def mendel(a_lake: Lake, *arguments: str, **restore: object) -> str:
    """What `mendel forget` prints."""
    config = a_lake.folder.parent / "pipeline.yaml"
    config.write_text(yaml.safe_dump({"name": "letters", "lake": a_lake.root, "restore": restore}))
    result = CliRunner().invoke(app, ["forget", "--config", str(config), *arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def ids(a_lake: Lake, condition: str = "true") -> list[str]:
    """Of the rows of the table `restored`."""
    with query.answer(a_lake.root, f"SELECT id FROM restored WHERE {condition} ORDER BY id", NOW) as answer:
        return [str(row[0]) for row in answer.rows]


def letters(*ids: str) -> list[dict[str, object]]:
    return [{"id": name, "text": f"teh letter {name}", "lang": "en"} for name in ids]


@pytest.fixture
def two_days(a_lake: Lake) -> Lake:
    """Days in several formats, restored with files, one of them twice; the record `x` is in both, once by its place alone."""
    meant = {"id": "x", "text": f"teh letter of {SECRET}", "to": SECRET}
    a_lake.put("a.jsonl", [*letters("a"), meant, *letters("b")])
    a_lake.put("b.parquet", [*letters("c"), *letters("d")])
    a_lake.put("c.jsonl", [meant])  # the id is in the day already: a rejection
    a_lake.put("a.parquet", [*letters("e"), meant], NEXT_DAY)
    a_lake.restore(DAY, files=True)
    a_lake.restore(DAY, files=True, force=True)
    a_lake.restore(DAY, files=True, threshold=0.9)
    a_lake.restore(NEXT_DAY, files=True)
    assert ids(a_lake, f"original LIKE '%{SECRET}%'") == ["x", "x"]
    return a_lake


def test_it_is_listed_and_only_delete_removes_it(two_days: Lake) -> None:
    # Given files that hold the record
    before = files_with(two_days.folder, SECRET)

    # When it is asked for without --delete
    listed = mendel(two_days, "--record", "x")

    # Then each of those is named, and still there
    assert len(before) > 10
    assert [path for path in before if path not in listed] == []
    assert files_with(two_days.folder, SECRET) == before


def test_it_is_gone_from_every_file_and_all_else_stays(two_days: Lake) -> None:
    assert "to be removed" not in mendel(two_days, "--record", "x", "--delete")

    assert files_with(two_days.folder, SECRET) == []
    assert ids(two_days, f"dt = '{DAY}'") == ["a", "b", "c", "d"]
    assert ids(two_days, f"dt = '{NEXT_DAY}'") == ["e"]
    assert "0 files removed" in mendel(two_days, "--record", "x", "--delete"), "nothing is left to do"


def test_versions_say_what_they_hold_now(two_days: Lake) -> None:
    forget(two_days, "x")

    for version in versions(two_days.root, restored.DATASET):
        manifest.verify(two_days.root, version)
        assert version.rows == version.metrics["records_out"] == len(ids(two_days, f"dt = '{version.partition}'"))
        assert version.metrics["forgotten"] == 1, version.path
        changed = len(ids(two_days, f"dt = '{version.partition}' AND changed"))
        assert version.metrics["share_changed"] * version.rows == changed, "a mart counts changes by it"
    first = manifest.current(two_days.root, restored.DATASET, DAY)
    assert first is not None
    assert (first.metrics["records_in"], first.metrics["records_rejected"], first.metrics["reasons"]) == (4, 0, {})


def test_it_does_not_come_back_when_the_day_is_restored_again(two_days: Lake) -> None:
    forget(two_days, "x")

    again = two_days.restore(DAY, files=True)

    assert files_with(two_days.folder, SECRET) == []
    assert ids(two_days, f"dt = '{DAY}'") == ["a", "b", "c", "d"]
    assert any(file.path.endswith("/files/a.jsonl") for file in again.files), "files of others are written again"


def test_records_without_an_id_of_their_own_keep_theirs_when_one_before_them_goes(a_lake: Lake) -> None:
    # Given lines whose ids come from their places, in a compressed file with line ends of DOS
    a_lake.put("a.txt.gz", gzip.compress(f"teh first\r\nteh {SECRET}\r\nteh third\r\n".encode()))
    names = {row["original"]: str(row["id"]) for row in a_lake.rows(a_lake.restore())}

    # When the second is forgotten, and the day restored again
    forget(a_lake, names[f"teh {SECRET}"])
    again = {row["original"]: row["id"] for row in a_lake.rows(a_lake.restore())}

    # Then the others are what they were
    assert again == {text: name for text, name in names.items() if SECRET not in str(text)}
    assert files_with(a_lake.folder, SECRET) == []


@pytest.mark.parametrize(
    "lines",
    [
        [json.dumps({"id": "x", "text": f"{SECRET} wrote a long letter"})],  # too long for the day's setting
        ["{not JSON " + SECRET],
    ],
)
def test_a_rejected_record_is_forgotten_by_its_own_id_or_by_its_place(a_lake: Lake, lines: Sequence[str]) -> None:
    a_lake.put("a.jsonl", "".join(f"{line}\n" for line in [*lines, json.dumps(letters("a")[0])]).encode())
    a_lake.restore(max_characters=20)
    assert len(files_with(a_lake.folder, SECRET)) == 3, "the inbox, the plan, the day"

    forget(a_lake, "x", id_of_place(f"inbox/dt={DAY}/a.jsonl", 1))

    assert files_with(a_lake.folder, SECRET) == []
    (day,) = versions(a_lake.root, restored.DATASET)
    assert (a_lake.rejected(day), day.metrics["records_rejected"], day.rows) == ([], 0, 1)


def test_a_whole_document_goes_with_its_restored_copy(a_lake: Lake) -> None:
    a_lake.put("letter.md", f"# To {SECRET}\n\nteh letter\n".encode())
    a_lake.put("other.md", b"teh other\n")
    day = a_lake.restore()
    names = {row["file"]: str(row["id"]) for row in a_lake.rows(day)}

    forget(a_lake, names[f"inbox/dt={DAY}/letter.md"])

    assert files_with(a_lake.folder, SECRET) == []
    (day,) = versions(a_lake.root, restored.DATASET)
    assert [Path(file.path).name for file in day.files if "/files/" in file.path] == ["other.md"]


def test_a_day_that_was_not_collected_loses_its_parts(a_lake: Lake) -> None:
    # Given a day whose shards are restored and not collected, and a killed attempt that nothing names
    a_lake.put("a.jsonl", [*letters("a"), {"id": "x", "text": f"teh {SECRET}"}])
    a_lake.plan()
    part = a_lake.shard(0)
    stray = a_lake.folder / part.file.path.replace("attempt=", "attempt=0")
    stray.parent.mkdir()
    stray.write_bytes((a_lake.folder / part.file.path).read_bytes())

    forget(a_lake, "x")

    # Then all of them are gone, and the day can be restored
    assert files_with(a_lake.folder, SECRET) == []
    assert [row["id"] for row in a_lake.rows(a_lake.restore())] == ["a"]


@pytest.mark.parametrize("step", ["_rewrite", "_remove_plan", "_blank"])
def test_stopped_in_between_nothing_is_lost_and_the_same_command_ends_it(
    two_days: Lake, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a run that is stopped right after one of its steps
    real: Any = getattr(erasure, step)

    def stopped(*arguments: Any) -> None:
        real(*arguments)
        raise KeyboardInterrupt

    monkeypatch.setattr(erasure, step, stopped)
    with pytest.raises(KeyboardInterrupt):
        forget(two_days, "x")
    monkeypatch.setattr(erasure, step, real)
    for version in versions(two_days.root, restored.DATASET):
        manifest.verify(two_days.root, version)

    # When it is run again
    forget(two_days, "x")

    # Then the record is gone, and the others are there
    assert files_with(two_days.folder, SECRET) == []
    assert ids(two_days) == ["a", "b", "c", "d", "e"]


def test_an_answer_is_forgotten_with_what_was_said_about_it(a_lake: Lake) -> None:
    # Given feedback about two answers, collected
    for about, text in (("r1", SECRET), ("r2", "adn")):
        change = JudgedChange(start=0, end=3, original=text[:3], replacement="and", confidence=0.9, accepted=True)
        answer = JudgedText(text=text, changes=(change,))
        at = datetime(2026, 11, 20, 12, tzinfo=UTC)
        inbox.put(a_lake.root, Feedback(request_id=about, at=at, caller="ana", model_version=1, texts=(answer,)))
    execute(CollectFeedback(), Context(root=a_lake.root, partition=DAY))
    assert len(files_with(a_lake.folder, SECRET)) == 2

    # When one of them is forgotten
    mendel(a_lake, "--answer", "r1", "--delete")

    # Then the other is left, collected and as it came in
    assert files_with(a_lake.folder, SECRET) == []
    (day,) = versions(a_lake.root, collected.DATASET)
    assert [record.request_id for record in collected.read(a_lake.root, DAY)] == ["r2"]
    assert (day.rows, day.metrics["answers"], day.metrics["changes"]) == (1, 1, 1)
    assert execute(CollectFeedback(), Context(root=a_lake.root, partition=DAY)).digest == day.digest


def test_it_asks_what_to_forget(a_lake: Lake) -> None:
    config = a_lake.folder.parent / "pipeline.yaml"
    config.write_text(yaml.safe_dump({"name": "letters", "lake": a_lake.root}))
    result = CliRunner().invoke(app, ["forget", "--config", str(config)])
    assert "name what is to be forgotten: --record ID, or --answer ID" in str(result.exception)
