"""SQL over the lake: views, their past, and what a statement may not do."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from mendel.core import lake, manifest
from mendel.core.errors import InputError
from mendel.core.stage import Context, execute
from mendel.feedback import inbox
from mendel.feedback.judged import Feedback, JudgedChange, JudgedText
from mendel.lakehouse import delta, following, json_views, query
from mendel.lakehouse.query import Travel
from mendel.lakehouse.tables import TABLES
from mendel.stages.feedback_collect import CollectFeedback

from ..inference.conftest import Lake, a_lake, new_lake  # noqa: F401 (fixtures)
from .conftest import ask
from .writer import day, rows, snapshot

MONDAY, TUESDAY = "2026-11-23", "2026-11-24"


def test_what_was_never_in_a_table_is_in_it_at_the_first_question(root: str) -> None:
    day(root, MONDAY, rows("a", "b"))
    snapshot(root, MONDAY, "a")

    assert ask(root, "SELECT count(*) FROM restored JOIN corpus USING (id)") == [(1,)]


def test_days_up_to_one(disk: str) -> None:
    day(disk, MONDAY, rows("a"))
    day(disk, TUESDAY, rows("b"))
    past = Travel(as_of=date.fromisoformat(MONDAY))

    assert ask(disk, "SELECT id FROM restored", past) == [("a",)]
    assert ask(disk, "SELECT dataset, partition FROM versions", past) == [("restored", MONDAY)]
    assert ask(disk, "SELECT partition, reason FROM rejected", past) == [(MONDAY, "empty")]


def test_a_days_condition_is_a_date(disk: str) -> None:
    day(disk, MONDAY, rows("a"))
    day(disk, TUESDAY, rows("b"))

    assert ask(disk, f"SELECT id FROM restored WHERE dt > '{MONDAY}'") == [("b",)]
    assert ask(disk, "SELECT dayname(dt) FROM restored ORDER BY dt") == [("Monday",), ("Tuesday",)]


def test_a_corpus_of_a_day_before_the_first_is_refused(disk: str) -> None:
    snapshot(disk, TUESDAY, "a")

    with pytest.raises(InputError, match="corpus has never been as it was on 2026-11-23"):
        ask(disk, "SELECT * FROM corpus", Travel(as_of=date.fromisoformat(MONDAY)))


def test_a_repeated_corpus_is_found_by_either_day(disk: str) -> None:
    first = snapshot(disk, MONDAY, "a")
    assert snapshot(disk, TUESDAY, "a").same_as == first.path

    for key in (MONDAY, TUESDAY):
        assert ask(disk, "SELECT text FROM corpus", Travel(as_of=date.fromisoformat(key))) == [("a",)]


@pytest.mark.parametrize(
    ("versions", "statement", "says"),
    [
        ({}, "SELECT * FROM nowhere", "nowhere does not exist"),
        ({}, "SELECT * FROM restored_stream", "one that has no data yet is not there"),
        ({}, "SELEC 1", "syntax error"),
        ({}, "SELECT nothing FROM restored", "nothing"),
        ({"restored": "7"}, "SELECT * FROM restored", "no version 7: its newest is 1"),
        ({"restored": "first"}, "SELECT * FROM restored", "write a version's number"),
        ({"restored": "0123456789abcdef"}, "SELECT * FROM restored", "no version of restored was made for a manifest"),
        ({"feedback": "1"}, "SELECT * FROM feedback", "no table feedback has versions"),
    ],
)
def test_a_bad_question_is_told_what_is_wrong(disk: str, versions: dict[str, str], statement: str, says: str) -> None:
    day(disk, MONDAY, rows("a"))

    with pytest.raises(InputError, match=says):
        ask(disk, statement, Travel(versions))


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM read_text('{secret}')",
        "SELECT * FROM '{secret}'",
        "COPY (SELECT 1) TO '{secret}'",
        "ATTACH '{secret}' AS other",
        "SET enable_external_access = true",
        "SELECT * FROM rows",  # a name of this module
    ],
)
def test_a_statement_reaches_nothing_but_the_tables(disk: str, tmp_path: Path, statement: str) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text("a,b\n1,2\n")

    with pytest.raises(InputError):
        ask(disk, statement.format(secret=secret))
    assert secret.read_text() == "a,b\n1,2\n"


def test_a_lake_that_may_only_be_read_answers(
    users_folder: Path, without_privileges: Callable[[], AbstractContextManager[None]]
) -> None:
    root = (users_folder / "lake").as_uri()
    following.follow(root, day(root, MONDAY, rows("a")))
    day(root, TUESDAY, rows("b"))
    for path in users_folder.rglob("*"):
        path.chmod(0o555 if path.is_dir() else 0o444)

    with without_privileges():
        assert ask(root, "SELECT id FROM restored") == [("a",)], "what is in the table cannot be read"


def test_a_real_day_with_its_rejections(a_lake: Lake) -> None:  # noqa: F811 (a fixture)
    a_lake.put("a.jsonl", [{"id": "1", "text": "teh cat"}, {"id": "2", "text": "the dog"}, {"id": "3"}])
    made = a_lake.restore()

    assert ask(a_lake.root, "SELECT id, text, changed FROM restored ORDER BY id") == [
        ("1", "the cat", True),
        ("2", "the dog", False),
    ]
    expected = [(line["file"], line["ordinal"], line["reason"]) for line in a_lake.rejected(made)]
    assert expected
    assert ask(a_lake.root, "SELECT file, ordinal, reason FROM rejected") == expected
    assert ask(a_lake.root, "SELECT action, version, champion, candidate FROM decisions") == [
        (
            "promoted",
            1,
            1,
            ask(
                a_lake.root,
                "SELECT 'candidate/dt=' || partition || '/' || fingerprint FROM versions WHERE dataset = 'candidate'",
            )[0][0],
        )
    ]


def test_versions_are_all_manifests_in_force(disk: str) -> None:
    made = day(disk, MONDAY, rows("a"), rows("b"))

    [found] = ask(disk, "SELECT fingerprint, rows, bytes, seconds, parameters, finished FROM versions")

    assert found[:4] == (made.fingerprint, 2, sum(file.bytes for file in made.files), made.seconds)
    assert json.loads(found[4]) == made.parameters
    assert found[5].astimezone(UTC) == made.finished


def test_feedback_has_a_row_for_each_change(disk: str) -> None:
    changes = (
        JudgedChange(start=0, end=3, original="teh", replacement="the", confidence=0.9, accepted=True),
        JudgedChange(start=4, end=7, original="cat", replacement="car", confidence=0.6, accepted=False),
    )
    said = Feedback(
        request_id="r",
        at=datetime(2026, 11, 23, 12, tzinfo=UTC),
        caller="somebody",
        model_version=3,
        texts=(JudgedText(text="teh cat", changes=changes),),
    )
    lake.write(
        lake.join(disk, manifest.partition_path(inbox.DATASET, MONDAY), "x.json"), said.model_dump_json().encode()
    )
    execute(CollectFeedback(), Context(disk, MONDAY))

    assert ask(disk, "SELECT dt::text, caller, model_version, replacement, accepted FROM feedback") == [
        (MONDAY, "somebody", 3, "the", True),
        (MONDAY, "somebody", 3, "car", False),
    ]


def test_the_overview_counts_what_the_tables_hold(root: str) -> None:
    day(root, MONDAY, rows("a"), rows("b"))
    made = day(root, TUESDAY, rows("c"))
    snapshot(root, MONDAY, "x", "y")

    found = {row["table"]: row for row in query.overview(root)}

    assert found.keys() == {"corpus", "restored"}
    assert found["restored"] == {"table": "restored", "version": 2, "rows": 3, "files": 3, "manifest": made.path}
    assert found["corpus"]["rows"] == 2


def test_no_two_tables_share_a_name() -> None:
    assert not TABLES.keys() & json_views.SCHEMAS.keys()
    assert delta.FOLDER.startswith("_"), "it would be taken for a partition"
