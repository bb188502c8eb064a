"""A day's figures against the reference's: every test's statistic beside its threshold.

A threshold is what the statistic stays below, but for a given share of days, where nothing has changed. It is simulated,
for the day's very size: day and reference are put together and dealt out anew (a permutation test), so that figures
that are neither independent nor of a known distribution need no assumption but that records are exchangeable.

Given enough records any two days differ for sure. So no threshold is lower than the least difference that matters.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt
from pydantic import Field

from mendel.core.frozen import Frozen
from mendel.drift import statistics
from mendel.drift.features import CLASSES, SURPRISE
from mendel.noise.profile import OPERATIONS

if TYPE_CHECKING:
    import pyarrow as pa

Floats = npt.NDArray[np.float64]
NUMBERS = ("characters", SURPRISE, "altered", "confidence", "edits")
SEED = 17


class Least(Frozen):
    """Differences that matter, of each kind of statistic: more than what years do to text, less than other noise does."""

    ks: float = Field(0.3, ge=0, le=1, description="distance between two distributions of a figure")
    psi: float = Field(0.25, ge=0, description="population stability index")
    auc: float = Field(0.75, ge=0, le=1, description="area under the classifier's ROC curve")


class Test(NamedTuple):
    """One test of a day."""

    name: str
    """What is compared, and by which statistic: `ks_surprise`, `psi_operations`, `auc_classifier`."""
    statistic: float
    threshold: float
    over: bool


def compare(day: pa.Table, reference: pa.Table, alpha: float, simulations: int, least: Least) -> list[Test]:
    """The tests of a day (tables of `features.table`, at least four records each).

    Where nothing has changed, one or more of a day's tests is over its threshold with a probability of at most `alpha`, which
    the tests share equally (Bonferroni): `simulations` must be at least the number of tests divided by it.
    """
    from threadpoolctl import threadpool_limits  # comes with scikit-learn

    columns = [name for name in reference.column_names if name in day.column_names]
    figures = np.concatenate([_array(day, columns), _array(reference, columns)])
    place = {name: number for number, name in enumerate(columns)}
    measured = _statistics(figures, day.num_rows, place)
    rank = math.ceil((1 - alpha / len(measured)) * (simulations + 1))
    if rank > simulations:
        raise ValueError(f"{simulations} simulations are too few for {len(measured)} tests at {alpha}")
    generator = np.random.default_rng(SEED)
    with threadpool_limits(
        1
    ):  # for matrices this small threads only wait for each other, on a busy machine for minutes
        dealt = [
            _statistics(figures[generator.permutation(len(figures))], day.num_rows, place) for _ in range(simulations)
        ]
    tests = []
    for name, statistic in measured.items():
        simulated_threshold = sorted(simulated[name] for simulated in dealt)[rank - 1]
        threshold = max(simulated_threshold, getattr(least, name.partition("_")[0]))
        tests.append(Test(name, statistic, threshold, statistic > threshold))
    return tests


def _array(table: pa.Table, columns: list[str]) -> Floats:
    return np.column_stack([table[name].to_numpy() for name in columns])


def _statistics(figures: Floats, size: int, place: Mapping[str, int]) -> dict[str, float]:
    """By the test's name, of the first `size` records against the others."""
    day, others = figures[:size], figures[size:]

    def histogram(of: Callable[[Floats], Floats]) -> float:
        return statistics.population_stability(of(others), of(day))

    def counts(names: tuple[str, ...]) -> Callable[[Floats], Floats]:
        chosen = [place[name] for name in names]
        return lambda rows: rows[:, chosen].sum(axis=0)

    def fallback(rows: Floats) -> Floats:
        yes = rows[:, place["fallback"]].sum()
        return np.array([yes, len(rows) - yes])

    result = {
        f"ks_{name}": statistics.kolmogorov_smirnov(day[:, place[name]], others[:, place[name]])
        for name in NUMBERS
        if name in place
    }
    result["psi_characters"] = histogram(counts(CLASSES))
    result["psi_operations"] = histogram(counts(OPERATIONS))
    result["psi_fallback"] = histogram(fallback)
    rates = _rates(figures, place)
    result["auc_classifier"] = statistics.classifier_auc(rates[size:], rates[:size])
    return result


def _rates(figures: Floats, place: Mapping[str, int]) -> Floats:
    """Counts for each character, so that a long record is no other record."""
    rates = figures.copy()
    chosen = [place[name] for name in (*CLASSES, *OPERATIONS)]
    rates[:, chosen] /= np.maximum(figures[:, [place["characters"]]], 1)
    return rates
