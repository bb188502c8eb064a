"""How unlike samples are: zero for equal ones, and the same as the libraries say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ks_2samp
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from mendel.drift.statistics import classifier_auc, kolmogorov_smirnov, population_stability

counts = st.lists(st.integers(0, 1000), min_size=2, max_size=8).map(lambda some: np.array(some, np.float64))
samples = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=40).map(np.array)


@given(counts, st.integers(1, 50))
def test_equal_shares_are_stable_whatever_the_totals(some: np.ndarray, times: int) -> None:
    assert population_stability(some, some * times) == pytest.approx(0, abs=1e-12)


@given(st.integers(2, 6).flatmap(lambda n: st.tuples(*[st.lists(st.integers(0, 99), min_size=n, max_size=n)] * 2)))
def test_instability_has_no_direction_and_is_finite(both: tuple[list[int], list[int]]) -> None:
    one, other = (np.array(side, np.float64) for side in both)
    index = population_stability(one, other)
    assert np.isfinite(index)
    assert index >= 0
    assert index == pytest.approx(population_stability(other, one))


def test_instability_is_that_of_the_definition() -> None:
    # Given shares of 1/2 and 1/2 against 1/4 and 3/4, counted so often that smoothing is not seen
    index = population_stability(np.array([5e8, 5e8]), np.array([2.5e8, 7.5e8]))
    # Then it is the sum of (p - q) ln(p / q)
    assert index == pytest.approx(0.25 * np.log(2) + 0.25 * np.log(1.5))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # of its p-value, which nobody asks for
@given(samples, samples)
def test_the_distance_is_scipys(one: np.ndarray, other: np.ndarray) -> None:
    assert kolmogorov_smirnov(one, other) == pytest.approx(ks_2samp(one, other).statistic)


def test_a_classifier_tells_apart_what_differs_and_nothing_else() -> None:
    generator = np.random.default_rng(1)
    one, same = generator.normal(size=(400, 3)), generator.normal(size=(300, 3))
    assert classifier_auc(one, same) == pytest.approx(0.5, abs=0.1)
    assert classifier_auc(one, same + np.array([0, 2, 0])) > 0.85


def test_the_classifier_is_as_good_as_logistic_regression() -> None:
    # Given records that differ a little in a count and in a share, of which another figure is the rest
    generator = np.random.default_rng(2)

    def records(size: int, rate: float, share: float) -> np.ndarray:
        shares = generator.beta(share, 5, size)
        return np.column_stack([generator.poisson(rate, size), shares, 1 - shares, np.zeros(size)])

    one, other = records(800, 1, 2), records(800, 1.5, 2.5)
    # When scikit-learn's regression is fitted on one half of each and scored on the other
    halves = [np.concatenate([one[start::2], other[start::2]]) for start in (0, 1)]
    labels = np.repeat([0, 1], 400)
    peer = LogisticRegression(max_iter=1000).fit(halves[0], labels)
    # Then neither tells them apart better
    assert classifier_auc(one, other) == pytest.approx(
        roc_auc_score(labels, peer.decision_function(halves[1])), abs=0.03
    )


def test_a_figure_that_never_changes_is_no_obstacle() -> None:
    assert classifier_auc(np.ones((6, 2)), np.ones((4, 2))) == 0.5
