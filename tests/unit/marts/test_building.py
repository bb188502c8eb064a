"""dbt really builds the marts, of a lake with evaluations, decisions, restored days and feedback."""

from __future__ import annotations

import os
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from mendel.core import lake, manifest, threads
from mendel.core.errors import GateError, InputError
from mendel.core.prices import Prices
from mendel.core.stage import Context, execute
from mendel.evaluation import scores
from mendel.feedback import inbox
from mendel.feedback.judged import Feedback, JudgedChange, JudgedText
from mendel.marts import building, raw
from mendel.stages.feedback_collect import CollectFeedback

from ..inference.conftest import Lake, a_lake, new_lake
from ..promotion.conftest import (
    WEEK_1,
    WEEK_2,
    Store,
    candidates_template,
    evaluated_template,
    promote,
    with_champion,
    with_champion_template,
)
from ..stages import test_drift as drifting

__all__ = ["a_lake", "candidates_template", "evaluated_template", "new_lake", "with_champion", "with_champion_template"]

MONDAY, TUESDAY = "2026-11-23", "2026-11-24"
REPO = Path(__file__).resolve().parents[3]
DBT = os.environ.get("MENDEL_DBT") or str(REPO / building.PROGRAM)
needs_dbt = pytest.mark.skipif(shutil.which(DBT) is None, reason=f"there is no {DBT}: run `make marts`")


@pytest.fixture(autouse=True)
def dbt_of_this_checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MENDEL_DBT", DBT)


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "marts.duckdb"


def ask(target: Path, statement: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(target), read_only=True) as connection:
        return connection.execute(statement).fetchall()


def days(a_lake: Lake) -> None:
    """Two days: of five records one is changed and two are rejected; then one that is not changed."""
    monday = [{"id": "1", "text": "teh cat"}, {"id": "2", "text": "the dog"}, {"id": "3"}, {"id": "4", "text": ""}]
    a_lake.put("a.jsonl", monday, MONDAY)
    a_lake.put("b.jsonl", [{"id": "5", "text": "a fox"}], MONDAY)
    a_lake.put("a.jsonl", [{"id": "6", "text": "the end"}], TUESDAY)
    for day in (MONDAY, TUESDAY):
        a_lake.restore(day)


def say(root: str, request: str, *accepted: bool) -> None:
    """Feedback of Monday about one answer of version 1, one change of a letter for each of `accepted`."""
    changes = tuple(
        JudgedChange(start=at, end=at + 1, original="x", replacement="y", confidence=0.9, accepted=yes)
        for at, yes in enumerate(accepted)
    )
    said = Feedback(
        request_id=request,
        at=datetime(2026, 11, 23, 12, tzinfo=UTC),
        caller="somebody",
        model_version=1,
        texts=(JudgedText(text="x" * len(accepted), changes=changes),),
    )
    folder = manifest.partition_path(inbox.DATASET, MONDAY)
    lake.write(lake.join(root, folder, f"{request}.json"), said.model_dump_json().encode())


@needs_dbt
def test_what_batches_and_readers_did_each_day(a_lake: Lake, target: Path, tmp_path: Path) -> None:
    # Given two days that were restored, and what readers said
    days(a_lake)
    say(a_lake.root, "first", True, True, False)
    say(a_lake.root, "second", False)
    execute(CollectFeedback(), Context(a_lake.root, MONDAY))

    # When the marts are built
    building.build(a_lake.root, target.as_uri(), tmp_path / "docs.html")

    # Then they hold what was counted by hand
    counts = "dt::text, model_version, records_in, records, records_rejected, altered, characters"
    assert ask(target, f"SELECT {counts} FROM batch_days ORDER BY dt") == [
        (MONDAY, 1, 5, 3, 2, 1, len("teh cat" + "the dog" + "a fox")),
        (TUESDAY, 1, 1, 1, 0, 0, len("the end")),
    ]
    assert ask(target, 'SELECT "partition", reason, records FROM rejections ORDER BY reason') == [
        (MONDAY, "empty", 1),
        (MONDAY, "no_text", 1),
    ]
    assert ask(target, "SELECT dt::text, model_version, answers, changes, accepted, rejected FROM feedback_days") == [
        (MONDAY, 1, 2, 4, 2, 2)
    ]
    assert ask(target, "SELECT action, version, champion, cer FROM model_quality") == [("promoted", 1, 1, None)]
    assert "batch_days" in (tmp_path / "docs.html").read_text()


@needs_dbt
def test_models_and_their_errors_are_those_of_the_evaluation(with_champion: Store, target: Path) -> None:
    # Given a champion, and a better candidate that was judged against it and promoted
    promote(with_champion.context(WEEK_2))
    made = manifest.current(with_champion.root, "evaluation", WEEK_2)
    assert made is not None

    # When the marts are built
    building.build(with_champion.root, target.as_uri())

    # Then scores are those of the manifests, and errors by class those that the stage computed in its own way
    expected = []
    for week in (WEEK_1, WEEK_2):
        evaluation = manifest.current(with_champion.root, "evaluation", week)
        assert evaluation is not None
        score = evaluation.metrics["scores"]["candidate"]
        expected.append((score["cer"]["value"], score["reduction"]["value"], score["clean_altered"]["value"]))
    assert ask(target, "SELECT cer, removed, clean_altered FROM model_quality ORDER BY decision") == expected
    for by in ("operation", "length", "noise_level"):
        slices = made.metrics["scores"]["candidate"][f"by_{by}"]
        assert slices
        rows = ask(target, f"SELECT {by}, cer FROM errors_by_{by} WHERE dt = '{WEEK_2}' AND system = 'candidate'")
        assert dict(rows) == {name: pytest.approx(value["cer"]["value"]) for name, value in slices.items()}, by


@needs_dbt
def test_days_that_drift_are_those_of_the_reports(a_lake: Lake, target: Path) -> None:
    # Given two days like the reference, one of which is too small to be compared, and two of other text
    drifting.promote(a_lake)
    for day, lines in {
        "2026-11-21": drifting.sentences(2, 60),
        "2026-11-22": drifting.sentences(3, 4),
        MONDAY: drifting.sentences(4, 60, noise=0.6),
        TUESDAY: drifting.sentences(5, 60, noise=0.6),
    }.items():
        drifting.compare(a_lake, day, lines)

    # When the marts are built
    building.build(a_lake.root, target.as_uri())

    # Then
    assert ask(
        target, "SELECT dt::text, model_version, verdict, alarm, tests > 0, tests_over > 0 FROM drift_days ORDER BY dt"
    ) == [
        ("2026-11-21", 2, "quiet", False, True, False),
        ("2026-11-22", 2, "too few records", False, False, False),
        (MONDAY, 2, "over", False, True, True),
        (TUESDAY, 2, "over", True, True, True),
    ]


@needs_dbt
def test_what_runs_cost_is_what_they_had_of_machines_at_the_pipelines_prices(a_lake: Lake, target: Path) -> None:
    # Given two restored days, and prices by which an hour of a core costs 3600
    days(a_lake)
    prices = Prices(currency="EUR", core_hour=3600, gpu_hour=0, core_watts=3600, gpu_watts=0)

    # When the marts are built
    building.build(a_lake.root, target.as_uri(), prices=prices)

    # Then each second of each core costs 1; a day also has what its shards had
    costs = ask(
        target, "SELECT dataset, seconds, core_seconds, cost, watt_hours, currency FROM costs ORDER BY dataset, dt"
    )
    assert [row[0] for row in costs] == ["candidate", "restore_plan", "restore_plan", "restored", "restored"]
    for dataset, seconds, core_seconds, cost, watt_hours, currency in costs:
        assert (cost, watt_hours, currency) == (pytest.approx(core_seconds), pytest.approx(core_seconds), "EUR")
        own = pytest.approx(seconds * threads.available())
        assert core_seconds > seconds * threads.available() if dataset == "restored" else core_seconds == own, dataset
    characters = {MONDAY: len("teh cat" + "the dog" + "a fox"), TUESDAY: len("the end")}
    shares = "cost_per_1000_characters * characters / 1000 / cost"
    rows = ask(target, f"SELECT \"partition\", characters, {shares} FROM costs WHERE dataset = 'restored' ORDER BY 1")
    assert rows == [(day, count, pytest.approx(1)) for day, count in characters.items()]

    # And without prices nothing has a cost
    building.build(a_lake.root, target.as_uri())
    assert ask(target, "SELECT count(*), count(core_seconds), count(cost) FROM costs") == [(5, 5, 0)]


@needs_dbt
def test_a_lake_with_nothing_yet_has_empty_marts(tmp_path: Path, target: Path) -> None:
    building.build((tmp_path / "lake").as_uri(), target.as_uri())

    tables = [name for (name,) in ask(target, "SELECT table_name FROM duckdb_tables() WHERE database_name = 'marts'")]
    assert len(tables) == 9
    assert {name: ask(target, f"SELECT count(*) FROM {name}") for name in tables} == {name: [(0,)] for name in tables}


@needs_dbt
def test_a_day_whose_manifest_and_rows_differ_fails_and_leaves_the_marts_as_they_were(
    a_lake: Lake,
    target: Path,
) -> None:
    # Given marts, and then a manifest that counts a change too many
    days(a_lake)
    building.build(a_lake.root, target.as_uri())
    before = target.read_bytes()
    made = manifest.current(a_lake.root, "restored", TUESDAY)
    assert made is not None
    manifest.commit(
        a_lake.root, made.model_copy(update={"metrics": made.metrics | {"share_changed": 1.0}}), replace=True
    )

    # When they are built again, then the test says no and nothing is put in place
    with pytest.raises(GateError, match="altered_records_are_those_of_the_table"):
        building.build(a_lake.root, target.as_uri())
    assert target.read_bytes() == before


@needs_dbt
def test_no_text_and_no_name_gets_into_the_file(a_lake: Lake, target: Path) -> None:
    a_lake.put("a.jsonl", [{"id": "1", "text": "teh zebrafish"}], MONDAY)
    a_lake.restore(MONDAY)
    say(a_lake.root, "first", True)
    execute(CollectFeedback(), Context(a_lake.root, MONDAY))

    building.build(a_lake.root, target.as_uri())

    for word in (b"zebrafish", b"somebody"):
        assert word not in target.read_bytes(), word
    assert ask(target, "SELECT count(*) FROM duckdb_views() WHERE NOT internal") == [(0,)], "views of what is elsewhere"


def test_without_dbt_it_says_what_to_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MENDEL_DBT", str(tmp_path / "dbt"))

    with pytest.raises(InputError, match=r"dbt is not installed.*make marts"):
        building.build((tmp_path / "lake").as_uri(), (tmp_path / "marts.duckdb").as_uri())


def test_classes_are_those_of_the_evaluation() -> None:
    told = yaml.safe_load((building.PROJECT / "dbt_project.yml").read_text())["vars"]

    assert told == {
        "causes": list(scores.CAUSES),
        "lengths": list(scores.LENGTHS),
        "length_names": list(scores.LENGTH_NAMES),
        "noise_levels": list(scores.NOISE_LEVELS),
        "noise_level_names": list(scores.NOISE_LEVEL_NAMES),
    }


def test_no_column_of_text_is_read() -> None:
    texts = {"text", "original", "clean", "noisy", "extra", "replacement", "excerpt", "detail", "caller", "rejected_by"}

    for name, schema in raw.SCHEMAS.items():
        assert not texts & set(schema.names), name
