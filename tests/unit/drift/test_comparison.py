"""A day's tests against the reference: their rate of false alarms, and what they notice."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from scipy.stats import binom

from mendel.drift.comparison import Least, compare
from mendel.drift.features import CLASSES
from mendel.noise.profile import OPERATIONS

ALPHA, SIMULATIONS = 0.2, 50
ANY = Least(ks=0, psi=0, auc=0)


def day(
    generator: np.random.Generator, size: int, *, rate: float = 0.02, length: float = 4.5, digits: int = 1
) -> pa.Table:
    """Records with this rate of edits a character, the mean logarithm of their lengths, and of so many digits in 100."""
    characters = np.round(generator.lognormal(length, 0.4, size)) + 1
    edits = generator.poisson(rate * characters)
    columns = dict.fromkeys((*CLASSES, *OPERATIONS), np.zeros(size))
    columns |= {
        "digit": generator.binomial(characters.astype(int), digits / 100).astype(float),
        "space": np.round(characters / 6),
        "deletion": generator.binomial(edits, 0.5).astype(float),
    }
    columns["lower"] = characters - columns["digit"] - columns["space"]
    columns["substitution"] = edits - columns["deletion"]
    return pa.table(
        {
            "characters": characters,
            "surprise": generator.normal(2 + 10 * rate, 0.3, size),
            "altered": edits / characters,
            "confidence": generator.beta(8, 2, size),
            "edits": 1000 * edits / characters,
            "fallback": (generator.random(size) < 0.05).astype(float),
            **columns,
        }
    )


def over(table: pa.Table, reference: pa.Table) -> set[str]:
    return {test.name for test in compare(table, reference, ALPHA, SIMULATIONS, ANY) if test.over}


def test_quiet_days_are_over_at_most_at_the_rate_that_is_set() -> None:
    # Given days like the reference, a reference each, for one of them would be like or unlike all days
    generator = np.random.default_rng(5)
    days = 40
    # When they are compared
    alarms = sum(bool(over(day(generator, 25), day(generator, 60))) for _ in range(days))
    # Then no more are over than such a rate gives but once in 10,000, and the tests do say something
    assert 0 < alarms <= binom.ppf(0.9999, days, ALPHA)


@pytest.mark.parametrize(
    ("change", "test"),
    [
        ({"rate": 0.06}, "ks_edits"),
        ({"rate": 0.06}, "auc_classifier"),
        ({"length": 5.5}, "ks_characters"),
        ({"digits": 8}, "psi_characters"),
    ],
)
def test_a_change_is_over_the_threshold_of_the_test_that_it_is_about(change: dict[str, float], test: str) -> None:
    generator = np.random.default_rng(6)
    assert test in over(day(generator, 60, **change), day(generator, 200))  # type: ignore[arg-type]


def test_a_difference_that_is_sure_and_small_is_over_no_threshold() -> None:
    # Given so many records that somewhat longer ones are seen for sure
    generator = np.random.default_rng(10)
    one, reference = day(generator, 400, length=4.7), day(generator, 400)
    assert "ks_characters" in over(one, reference)
    # When differences below the defaults do not matter
    tests = compare(one, reference, ALPHA, SIMULATIONS, Least())
    # Then the threshold is the least that does
    assert [test.name for test in tests if test.over] == []
    assert {test.name: test.threshold for test in tests}["ks_characters"] == Least().ks


def test_equal_days_give_equal_tests() -> None:
    generator = np.random.default_rng(7)
    one, reference = day(generator, 30), day(generator, 60)
    assert compare(one, reference, ALPHA, SIMULATIONS, ANY) == compare(one, reference, ALPHA, SIMULATIONS, ANY)


def test_without_surprise_the_other_tests_are_made() -> None:
    generator = np.random.default_rng(8)
    one, reference = (day(generator, size).drop_columns(["surprise"]) for size in (30, 60))
    names = {test.name for test in compare(one, reference, ALPHA, SIMULATIONS, ANY)}
    assert "ks_edits" in names
    assert "ks_surprise" not in names


def test_too_few_simulations_are_refused() -> None:
    generator = np.random.default_rng(9)
    with pytest.raises(ValueError, match="5 simulations are too few for 9 tests"):
        compare(day(generator, 30), day(generator, 30), ALPHA, 5, ANY)
