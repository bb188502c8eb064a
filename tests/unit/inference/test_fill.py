from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mendel.core import digest
from mendel.core.errors import InputError
from mendel.core.manifest import InputEntry
from mendel.core.stage import Context, Draft, Outcome, Stage, execute
from mendel.inference.fill import fill

PAIRS_DAY = "2026-11-23"
DAYS = ["2026-11-20", "2026-11-21"]


class MakePairs(Stage):
    """Twenty test pairs, one of them with nothing left of its text, and a train pair."""

    name: ClassVar[str] = "corrupt"
    stage_version: ClassVar[int] = 1
    dataset: ClassVar[str] = "pairs"

    def inputs(self, context: Context) -> Sequence[InputEntry]:
        return []

    def run(self, inputs: Mapping[str, InputEntry], draft: Draft) -> Outcome:
        texts = {"test": ["", *(f"teh sentence {number}" for number in range(19))], "train": ["a train sentence"]}
        for split, noisy in texts.items():
            path = draft.folder / f"split={split}" / "part-0.parquet"
            path.parent.mkdir()
            pq.write_table(
                pa.table({"id": [f"{split}-{number}" for number in range(len(noisy))], "noisy": noisy}), path
            )
        return Outcome(rows=21, digest=digest.of_files(draft.folder))


@pytest.fixture
def pairs_lake(a_lake: Any) -> Any:
    execute(MakePairs(), a_lake.context(PAIRS_DAY))
    return a_lake


def content(a_lake: Any, day: str) -> bytes:
    found: bytes = (a_lake.folder / "inbox" / f"dt={day}" / "heldout.jsonl").read_bytes()
    return found


def test_the_filled_days_restore_with_all_reasons_shown(pairs_lake: Any) -> None:
    fill(pairs_lake.context(PAIRS_DAY), DAYS, 15)

    for day in DAYS:
        found = pairs_lake.restore(day)
        assert (found.rows, found.metrics["records_rejected"]) == (15, 7), f"{day}: {found.metrics}"
        assert found.metrics["reasons"] == {
            "duplicate_id": 2,
            "empty": 1,
            "no_text": 1,
            "not_json": 1,
            "not_text": 1,
            "not_utf8": 1,
        }
        assert all(row["id"].startswith("test-") for row in pairs_lake.rows(found)), "text that is not held out"


def test_filling_is_deterministic_and_each_day_has_its_own_sample(pairs_lake: Any) -> None:
    context = pairs_lake.context(PAIRS_DAY)
    fill(context, DAYS, 10)
    before = [content(pairs_lake, day) for day in DAYS]
    for day in DAYS:
        (pairs_lake.folder / "inbox" / f"dt={day}" / "heldout.jsonl").unlink()

    fill(context, DAYS[1:], 10)
    fill(context, DAYS[:1], 10)

    assert [content(pairs_lake, day) for day in DAYS] == before, "the same call filled in something else"
    assert before[0] != before[1], "both days have the same records"


def test_a_users_file_is_never_overwritten(pairs_lake: Any) -> None:
    pairs_lake.put("heldout.jsonl", [{"text": "mine"}], DAYS[0])

    fill(pairs_lake.context(PAIRS_DAY), DAYS, 10)

    assert json.loads(content(pairs_lake, DAYS[0])) == {"text": "mine"}
    assert len(content(pairs_lake, DAYS[1]).splitlines()) == 17, "the other day was not filled"


def test_too_few_pairs_say_how_many_there_are(pairs_lake: Any) -> None:
    with pytest.raises(InputError, match=r"--records 20: pairs/dt=2026-11-23/\w+ has 19 test pairs; ask for fewer"):
        fill(pairs_lake.context(PAIRS_DAY), DAYS, 20)


def test_without_pairs_the_message_says_so(a_lake: Any) -> None:
    with pytest.raises(InputError, match=r"pairs has no version in partition 2026-11-23"):
        fill(a_lake.context(PAIRS_DAY), DAYS, 10)
