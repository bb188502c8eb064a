"""Figures of records: what was changed, read as the noise that must have been."""

from __future__ import annotations

from collections import Counter

import pyarrow as pa
import pytest

from mendel.drift.features import CLASSES, RestoredRecord, character_class, operation, operations, table
from mendel.models.ngram import CharNgram
from mendel.noise.calibrate import resolve
from mendel.noise.changes import changes
from mendel.noise.kernel import Kernel
from mendel.noise.profile import OPERATIONS, NoiseProfile, Operation, Rates


@pytest.mark.parametrize(
    ("clean", "noisy", "before", "behind", "expected"),
    [
        ("abc", "", "x", "y", "deletion"),
        ("", "q", "abc", "def", "insertion"),
        ("", "bc", "abc", "de", "duplication"),
        ("", "bc", "a", "bcde", "duplication"),
        ("", "cb", "ab", "cde", "duplication"),
        ("", "bc", "ab", "de", "insertion"),
        ("", "a", "", "", "insertion"),
        ("ab", "ba", "x", "y", "reversal"),
        ("ab", "xy", "x", "y", "substitution"),
        ("a", "b", "x", "y", "substitution"),
    ],
)
def test_a_change_tells_what_noise_did(clean: str, noisy: str, before: str, behind: str, expected: str) -> None:
    assert operation(clean, noisy, before, behind) == expected


@pytest.mark.parametrize("kind", OPERATIONS)
def test_what_noise_of_one_kind_did_is_mostly_seen_as_that(kind: Operation) -> None:
    # given text that nothing but this was done to, and that is restored without a fault
    clean = ["Peace and trade with all the nations of this world are what our people want."] * 40
    profile = NoiseProfile(name="one", rates=Rates(**{kind: 0.01}), mean_length=3)
    ids, copies = pa.array([str(number) for number in range(40)]), pa.array([0] * 40, pa.int32())
    noisy = Kernel(resolve(profile, clean, seed=0), seed=0).corrupt(ids, copies, pa.array(clean)).noisy.to_pylist()
    # when
    seen = Counter(
        one
        for before, after in zip(clean, noisy, strict=True)
        for one in operations(before, after, changes(after, before))
    )
    # then
    assert sum(seen.values()) >= 10
    assert seen[kind] >= 0.8 * sum(seen.values()), seen


@pytest.mark.parametrize(
    ("character", "expected"),
    [
        ("a", "lower"),
        ("É", "upper"),
        ("漢", "letter"),
        ("7", "digit"),
        ("\n", "space"),
        ("-", "punctuation"),
        ("$", "other"),
    ],
)
def test_each_character_is_of_one_class(character: str, expected: str) -> None:
    assert character_class(character) == expected


def test_figures_of_a_record() -> None:
    (row,) = table([RestoredRecord("Teh ned, 1", "The ned, 1", 0.75, False)], None).to_pylist()

    assert {name: row[name] for name in ("characters", "confidence", "fallback")} == {
        "characters": 10,
        "confidence": 0.75,
        "fallback": 0,
    }
    assert row["edits"] > 0
    assert 0 < row["altered"] <= 0.2
    assert {name: row[name] for name in CLASSES if row[name]} == {
        "upper": 1,
        "lower": 5,
        "space": 2,
        "punctuation": 1,
        "digit": 1,
    }
    assert sum(row[name] for name in OPERATIONS) >= 1


def test_text_unlike_the_models_surprises_it() -> None:
    ngram = CharNgram.fit(["the end of the day", "the day of the end"], order=4)
    records = [RestoredRecord(text, text, 1.0, False) for text in ("the end of the day", "qzx vvk jjw", "")]

    like, unlike, empty = table(records, ngram)["surprise"].to_pylist()

    assert 0 < like < unlike
    assert empty > 0, "the end of an empty text counts"


def test_no_records_have_columns_all_the_same() -> None:
    assert table([], None).column_names == table([RestoredRecord("a", "a", 1.0, False)], None).column_names
