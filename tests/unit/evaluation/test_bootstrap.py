import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mendel.evaluation.bootstrap import Bootstrap

COUNTS = st.lists(st.tuples(st.integers(0, 50), st.integers(1, 300)), min_size=1, max_size=40)


@given(COUNTS)
@settings(max_examples=50, deadline=None)
def test_value_is_the_ratio_of_the_sums_and_the_bounds_are_ordered(counts: list[tuple[int, int]]) -> None:
    # given
    errors, characters = zip(*counts, strict=True)

    # when
    interval = Bootstrap(len(counts), resamples=200, seed=1).ratio(errors, characters)

    # then
    assert interval is not None, "there are characters, so there is a rate"
    assert interval.value == pytest.approx(sum(errors) / sum(characters)), f"{interval}: not the micro average"
    rates = [e / c for e, c in counts]
    assert min(rates) - 1e-12 <= interval.low <= interval.high <= max(rates) + 1e-12, f"{interval}: outside {rates}"


@given(COUNTS)
@settings(max_examples=25, deadline=None)
def test_a_system_is_never_better_than_itself(counts: list[tuple[int, int]]) -> None:
    errors, characters = (np.array(column) for column in zip(*counts, strict=True))
    interval = Bootstrap(len(counts), resamples=200, seed=1).ratio(errors - errors, characters)
    assert interval is not None
    assert (interval.low, interval.high) == (0, 0), f"{interval}: a paired difference of equals has no spread"


def test_interval_of_a_mean_is_that_of_the_normal_approximation() -> None:
    # given 2000 draws of a known spread
    values = np.random.default_rng(7).normal(loc=5, scale=2, size=2000)

    # when
    interval = Bootstrap(2000, resamples=2000, seed=3).ratio(values, np.ones(2000))

    # then
    assert interval is not None
    expected = 2 * 1.96 * 2 / np.sqrt(2000)
    assert interval.high - interval.low == pytest.approx(expected, rel=0.1), f"{interval}: the width is not {expected}"
    assert interval.low < 5 < interval.high, f"{interval}: the true mean is outside"


def test_a_paired_difference_is_sharper_than_two_intervals() -> None:
    # given two systems with the same hard sentences, the second slightly better everywhere
    generator = np.random.default_rng(5)
    first = generator.integers(0, 40, size=300)
    second = np.maximum(first - generator.integers(0, 2, size=300), 0)
    bootstrap, characters = Bootstrap(300, resamples=500, seed=0), np.full(300, 100)

    # when
    one, other = bootstrap.ratio(first, characters), bootstrap.ratio(second, characters)
    gain = bootstrap.ratio(first - second, characters)

    # then
    assert one is not None
    assert other is not None
    assert gain is not None
    assert one.low < other.high, "the separate intervals overlap, and so cannot tell the systems apart"
    assert gain.low > 0, f"{gain}: the paired interval can"


def test_equal_seeds_give_equal_intervals_and_other_seeds_other_ones() -> None:
    errors, characters = [1, 0, 5, 2, 0, 7], [30, 40, 50, 20, 60, 33]
    one, same, other = (Bootstrap(6, resamples=200, seed=seed).ratio(errors, characters) for seed in (4, 4, 5))
    assert one == same, "equal seeds"
    assert one != other, "other seeds"


def test_nothing_to_score_is_no_score() -> None:
    assert Bootstrap(3, resamples=200, seed=0).ratio([1, 2, 3], [0, 0, 0]) is None


def test_resamples_without_a_single_member_of_a_rare_class_are_left_out() -> None:
    # given a class with one sentence of 20, so that some resamples lack it
    mask = np.arange(20) == 3
    interval = Bootstrap(20, resamples=500, seed=0).ratio(4 * mask, 100 * mask)
    assert interval is not None
    assert (interval.low, interval.high) == (0.04, 0.04), f"{interval}: its rate is known exactly"
