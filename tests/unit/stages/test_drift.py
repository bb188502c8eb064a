"""A restored day against what its model was calibrated on, over several days."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError
from typer.testing import CliRunner

from mendel.cli.main import app
from mendel.core import digest, lake, manifest
from mendel.core.errors import InputError
from mendel.core.manifest import InputEntry, Manifest
from mendel.core.stage import Context, Draft, Outcome, Stage, execute
from mendel.drift.report import DriftReport
from mendel.lakehouse.metrics import LakeMetrics
from mendel.lakehouse.tables import TABLES, rows_files
from mendel.models.ngram import CharNgram
from mendel.promotion import ledger
from mendel.promotion.ledger import Decision
from mendel.stages.drift import Drift

from ..inference.conftest import a_lake, new_lake

__all__ = ["a_lake", "new_lake"]

WORDS = re.findall(r"\w+", "the people of this union have made great progress in peace and trade with all nations")
MISSPELT = {word[::-1]: word for word in WORDS if word != word[::-1]}
SETTINGS: dict[str, Any] = {"alpha": 0.05, "simulations": 200, "reference_records": 120, "min_records": 10}


def sentences(seed: int, count: int, *, noise: float = 0.05, words: Sequence[str] = WORDS) -> list[str]:
    """Of words in any order, some of them backwards."""
    chance = random.Random(seed)
    return [
        " ".join(
            word[::-1] if chance.random() < noise else word for word in chance.choices(words, k=chance.randint(8, 16))
        )
        for _ in range(count)
    ]


class MakePairs(Stage):
    name: ClassVar = "corrupt"
    stage_version: ClassVar = 1
    dataset: ClassVar = "pairs"

    def inputs(self, context: Context) -> Sequence[InputEntry]:
        return []

    def run(self, inputs: Mapping[str, InputEntry], draft: Draft) -> Outcome:
        folder = draft.folder / "split=validation"
        folder.mkdir()
        noisy = sentences(1, 120)
        pq.write_table(pa.table({"copy": [0] * len(noisy), "noisy": noisy}), folder / "part-0.parquet")
        return Outcome(rows=len(noisy), digest=digest.of_files(draft.folder))


class MakeCandidate(Stage):
    """A candidate that was made from pairs."""

    name: ClassVar = "finetune"
    stage_version: ClassVar = 1
    dataset: ClassVar = "candidate"
    ngram: bool

    def inputs(self, context: Context) -> Sequence[InputEntry]:
        return [context.require("pairs")]

    def run(self, inputs: Mapping[str, InputEntry], draft: Draft) -> Outcome:
        (draft.folder / "restorer.json").write_text(json.dumps({"kind": "spelling", "words": MISSPELT}))
        if self.ngram:
            CharNgram.fit(sentences(2, 50, noise=0), order=4).save(draft.folder / "ngram.safetensors")
        return Outcome(rows=1, digest=digest.of_files(draft.folder))


def promote(a_lake: Any, *, ngram: bool = True) -> None:
    """Make a champion that was trained on pairs."""
    execute(MakePairs(), a_lake.context("2026-11-02"))
    candidate = execute(MakeCandidate(ngram=ngram), a_lake.context("2026-11-02"))
    decision = Decision(
        number=2,
        action="promoted",
        version=2,
        candidate=candidate,
        champion_before=1,
        reasons=("it is better",),
        run_id="test",
        decided=datetime.now(UTC),
    )
    ledger.append(a_lake.root, lambda _: decision)


def compare(a_lake: Any, day: str, lines: Sequence[str], **settings: Any) -> Manifest:
    """Restore a day that holds these lines, and compare it."""
    a_lake.put("a.txt", "".join(f"{line}\n" for line in lines).encode(), day)
    a_lake.restore(day)
    return execute(Drift(**{**SETTINGS, **settings}), a_lake.context(day))


def report(a_lake: Any, version: Manifest) -> DriftReport:
    (uri,) = (lake.join(a_lake.root, file.path) for file in version.files if file.path.endswith("report.json"))
    return DriftReport.model_validate_json(lake.read_text(uri))


def test_a_quiet_day_is_quiet(a_lake: Any) -> None:
    promote(a_lake)

    version = compare(a_lake, "2026-11-20", sentences(3, 60))

    made = report(a_lake, version)
    assert (made.verdict, made.alarm, made.records_compared) == ("quiet", False, 60), made.tests
    assert {test.name for test in made.tests} >= {"ks_surprise", "psi_operations", "auc_classifier"}
    assert version.rows == len(made.tests)
    (rows,) = rows_files(TABLES["drift"], version)
    assert pq.read_table(lake.join(a_lake.root, "drift", rows.path)).num_rows == version.rows


@pytest.mark.parametrize(
    ("changed", "test"),
    [
        ({"noise": 0.3}, "ks_edits"),
        ({"words": ["0x1f", "return", "self.x[3]", "#", "def f():", "None,", "42"]}, "psi_characters"),
    ],
    ids=["noise", "domain"],
)
def test_a_change_that_stays_is_an_alarm_on_its_second_day(a_lake: Any, changed: dict[str, Any], test: str) -> None:
    # Given a quiet day, then a change that stays
    promote(a_lake)
    compare(a_lake, "2026-11-20", sentences(3, 60))
    # When two changed days are compared
    first = compare(a_lake, "2026-11-21", sentences(4, 60, **changed))
    second = compare(a_lake, "2026-11-22", sentences(5, 60, **changed))
    # Then each is over, by the test that it is about, and the two are an alarm
    assert test in first.metrics["tests_over"]
    assert test in second.metrics["tests_over"]
    assert (first.metrics["alarm"], second.metrics["alarm"]) == (False, True)
    metrics = LakeMetrics(a_lake.root)
    metrics.look(datetime.now(UTC))
    assert metrics.registry.get_sample_value("mendel_lake_drift_alarm") == 1
    assert report(a_lake, second).days_over == ("2026-11-21", "2026-11-22")


@pytest.mark.parametrize("lines", [[], ["the people"]], ids=["empty", "one record"])
def test_a_day_of_few_records_is_not_judged(a_lake: Any, lines: list[str]) -> None:
    promote(a_lake)

    made = report(a_lake, compare(a_lake, "2026-11-20", lines))

    assert (made.verdict, made.alarm, made.days_counted, made.tests) == ("too few records", False, (), ())


def test_a_day_that_was_all_rejected_is_not_judged_and_says_how_many_were(a_lake: Any) -> None:
    promote(a_lake)
    a_lake.put("a.jsonl", b"not json\n" * 30)
    a_lake.restore()

    made = report(a_lake, execute(Drift(**SETTINGS), a_lake.context()))

    assert (made.verdict, made.records, made.records_rejected) == ("too few records", 0, 30)


def test_a_model_without_an_ngram_has_no_surprise(a_lake: Any) -> None:
    promote(a_lake, ngram=False)

    names = {test.name for test in report(a_lake, compare(a_lake, "2026-11-20", sentences(3, 60))).tests}

    assert "ks_edits" in names
    assert "ks_surprise" not in names


def test_the_reference_is_made_once(a_lake: Any) -> None:
    promote(a_lake)
    for day in ("2026-11-20", "2026-11-21"):
        compare(a_lake, day, sentences(3, 20))

    assert manifest.partitions(a_lake.root, "drift_reference") == ["2026-11-02"]
    assert manifest.at(a_lake.root, compare(a_lake, "2026-11-21", sentences(3, 20)).input("drift_reference").uri)


def test_a_model_made_from_no_pairs_has_nothing_to_compare_with(a_lake: Any) -> None:
    with pytest.raises(InputError, match="was made from no pairs"):
        compare(a_lake, "2026-11-20", sentences(3, 20))


def test_the_command_says_what_the_day_was(a_lake: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    promote(a_lake)
    compare(a_lake, "2026-11-20", sentences(4, 30, noise=0.3))
    monkeypatch.delenv("MENDEL_LAKE", raising=False)
    config = tmp_path / "pipeline.yaml"
    config.write_text(json.dumps({"name": "t", "lake": a_lake.root, "drift": SETTINGS}))

    result = CliRunner().invoke(app, ["drift", "-c", str(config), "-p", "2026-11-20"])

    assert result.exit_code == 0, result.output
    said = result.stdout.splitlines()[-1]
    assert said.startswith("over in ks_")
    assert said.endswith("; alarm: no")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"needed": 4}, "needed is 4, and only 3 days count"),
        ({"alpha": 0.001}, "simulations must be at least 9 / alpha"),
    ],
)
def test_settings_that_cannot_be_reached_are_refused(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Drift(**settings)
