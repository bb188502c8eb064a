"""Each expectation of the corpus fails when its fault is planted, and says so in plain words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from mendel.core.errors import GateError, InputError
from mendel.core.stage import Context, execute
from mendel.stages.validate import ValidateCorpus

Commit = Callable[..., object]
CONFIG = ValidateCorpus(
    length=(20, 300),
    splits={"train": (0.6, 0.9), "validation": (0.05, 0.2), "test": (0.1, 0.3)},
    years={"train": (1790, 2006), "validation": (2007, 2009), "test": (2010, 2100)},
)
FIRST = {"train": 0, "validation": 300, "test": 340}
"""Row of each split's first sentence."""


def set_cell(column: str, row: int, value: Any) -> Callable[[pd.DataFrame], pd.DataFrame]:
    def plant(frame: pd.DataFrame) -> pd.DataFrame:
        frame.loc[row, column] = value
        return frame

    return plant


def copy_cell(column: str, source: int, target: int) -> Callable[[pd.DataFrame], pd.DataFrame]:
    return lambda frame: set_cell(column, target, frame.loc[source, column])(frame)


def change_text(row: int, change: Callable[[str], str]) -> Callable[[pd.DataFrame], pd.DataFrame]:
    return lambda frame: set_cell("text", row, change(frame["text"][row]))(frame)


def keep(wanted: Callable[[pd.DataFrame], pd.Series]) -> Callable[[pd.DataFrame], pd.DataFrame]:
    return lambda frame: frame[wanted(frame)]


REQUIRED = ("id", "doc", "position", "split", "text")
FAULTS: dict[str, tuple[Callable[[pd.DataFrame], pd.DataFrame], list[str]]] = {
    "nulls": (
        lambda frame: frame.assign(**{name: frame[name].mask(frame.index == row) for row, name in enumerate(REQUIRED)}),
        [
            "id is never null: 1 of 400 rows are otherwise",
            *(
                f"{name} is never null: 1 of 400 rows are otherwise, as in id 'train-00{row}'"
                for row, name in enumerate(REQUIRED)
                if row
            ),
        ],
    ),
    "repeated id": (copy_cell("id", 5, 6), ["id is unique: 2 of 400 rows are otherwise, as in id 'train-005'"]),
    "repeated text": (copy_cell("text", 5, 6), ["text is unique: 2 of 400 rows"]),
    "short text": (change_text(5, lambda text: text[:19]), ["text has 20 to 300 characters: 1 of 400 rows"]),
    "long text": (change_text(5, lambda text: text * 4), ["text has 20 to 300 characters: 1 of 400 rows"]),
    "control character": (
        change_text(5, lambda text: text + "\x07"),
        [
            r"at most 0.0% of the texts hold a character besides "
            r"[\p{L}\p{M}\p{N}\p{P}\p{S}\p{Zs}\x{200C}\x{200D}]: found 0.0025"
        ],
    ),
    "damaged encoding": (
        change_text(5, lambda text: text + "\ufffd"),
        ["at most 0.0% of the texts hold a character besides"],
    ),
    "foreign script in the test split": (
        lambda frame: frame.assign(text=frame["text"].where(frame["split"] != "test", frame["text"] + "ж")),
        ["at most 5.0% of the texts hold a character that no training text holds: found 0.15"],
    ),
    "unknown split": (
        set_cell("split", 5, "dev"),
        ["split is one of train, validation, test: 1 of 400", "every row lies in the folder of its split: 1 of 400"],
    ),
    "row in another split's folder": (
        set_cell("folder", 5, "test"),
        ["every row lies in the folder of its split: 1 of 400 rows are otherwise, as in id 'train-005'"],
    ),
    "empty split": (
        keep(lambda frame: frame["split"] != "validation"),
        [
            "split validation has rows: found 0",
            "5.0% to 20.0% of the rows are in split validation: found 0",
        ],
    ),
    "too little to train on": (
        keep(lambda frame: (frame["split"] != "train") | (frame.index < 140)),
        ["60.0% to 90.0% of the rows are in split train: found 0.5833"],
    ),
    "test text in train": (
        copy_cell("text", FIRST["test"], FIRST["train"]),
        ["text is unique: 2 of 400", "no text is in two splits, punctuation and letter case aside (leakage): 2 of 400"],
    ),
    "test text in train, spelled otherwise": (
        lambda frame: set_cell("text", 0, frame["text"][FIRST["test"]].upper().replace(" ", ", "))(frame),
        ["no text is in two splits, punctuation and letter case aside (leakage): 2 of 400 rows are otherwise, as in "],
    ),
    "no years": (
        lambda frame: frame.assign(year=pd.array([None] * len(frame), "Int32")),
        [f"the year of some row of split {split} is known: " for split in CONFIG.years],
    ),
    "no years in the test split": (
        lambda frame: frame.assign(year=frame["year"].mask(frame["split"] == "test")),
        ["the year of some row of split test is known: 60 of 60 rows are otherwise, as in id 'test-000'"],
    ),
    "year of another split": (
        set_cell("year", 1, 2015),
        ["the years of split train are 1790 to 2006: 1 of 300 rows are otherwise, as in year 2015, id 'train-001'"],
    ),
}


def test_a_sound_corpus_passes_with_every_quantity_in_the_manifest(
    context: Context, commit: Commit, corpus_frame: pd.DataFrame
) -> None:
    commit(corpus_frame, "corpus")

    made = execute(CONFIG, context)

    assert made.metrics["rows"] == made.rows == 400
    assert made.metrics["share_of_test"] == pytest.approx(60 / 400)
    assert made.metrics["crosses_splits"] == 0
    assert {file.path.rsplit("/", 1)[1] for file in made.files} == {"corpus_schema.json", "corpus.json"}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_named(context: Context, commit: Commit, corpus_frame: pd.DataFrame, fault: str) -> None:
    plant, expected = FAULTS[fault]
    commit(plant(corpus_frame.copy()), "corpus")

    with pytest.raises(GateError) as caught:
        execute(CONFIG, context)

    failures = [line for line in str(caught.value).splitlines() if line.startswith("  - ")]
    assert len(failures) == len(expected), f"other expectations fail than {expected}: {failures}"
    for words in expected:
        assert any(words in failure for failure in failures), f"{words!r} is not among {failures}"


def test_rows_that_the_manifest_does_not_know(context: Context, commit: Commit, corpus_frame: pd.DataFrame) -> None:
    commit(corpus_frame, "corpus", rows=401)

    with pytest.raises(GateError, match="there are 401 rows, as the manifest says: found 400"):
        execute(CONFIG, context)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda schema: schema.set(2, pa.field("position", pa.int64())),
            "in every file, column position is int32: 3 of 3",
        ),
        (
            lambda schema: schema.remove(3),
            "in every file, column year is int32: 3 of 3 rows are otherwise, as in year 'absent'",
        ),
        (lambda schema: schema.append(pa.field("lang", pa.string())), "no file has a column besides id, doc, position"),
    ],
    ids=["another type", "a missing column", "a further column"],
)
def test_another_schema(
    context: Context, commit: Commit, corpus_frame: pd.DataFrame, change: Callable[[pa.Schema], pa.Schema], message: str
) -> None:
    schema = change(pa.schema([(name, kind) for name, kind in _types().items()]))
    commit(corpus_frame.assign(lang="en"), "corpus", schema=schema)

    with pytest.raises(GateError, match="fails 1 of 7 expectations") as caught:
        execute(CONFIG, context)

    assert message in str(caught.value)


def _types() -> dict[str, pa.DataType]:
    text, number = pa.string(), pa.int32()
    return {"id": text, "doc": text, "position": number, "year": number, "split": text, "text": text}


def test_large_strings_are_strings(context: Context, commit: Commit, corpus_frame: pd.DataFrame) -> None:
    commit(corpus_frame, "corpus", schema=pa.schema(_types() | {"text": pa.large_string()}))

    execute(CONFIG, context)


def test_a_wrong_character_class_is_explained(context: Context, commit: Commit, corpus_frame: pd.DataFrame) -> None:
    commit(corpus_frame, "corpus")

    with pytest.raises(InputError, match=r"characters .* is not the inside of an RE2 character class"):
        execute(ValidateCorpus(characters=r"\p{Elvish}"), context)
