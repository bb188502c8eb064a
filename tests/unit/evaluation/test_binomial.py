import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, binomtest

from mendel.evaluation import binomial
from mendel.evaluation.binomial import Count


@pytest.mark.parametrize(("count", "trials"), [(0, 30), (6, 500), (500, 500), (17, 1000)])
def test_the_interval_is_the_exact_one(count: int, trials: int) -> None:
    # given another implementation of it
    level = 1 - 2 * binomial.LEVEL
    expected = binomtest(count, trials).proportion_ci(confidence_level=level, method="exact")

    # when
    found = binomial.interval(Count(count=count, trials=trials))

    # then
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high)), f"{count} of {trials}"
    assert found.value == count / trials


@given(st.integers(1, 2000), st.floats(0, 1), st.data())
def test_a_bound_is_exceeded_just_when_the_interval_lies_above_it(
    trials: int, bound: float, data: st.DataObject
) -> None:
    found = Count(count=data.draw(st.integers(0, trials)), trials=trials)
    low = binomial.interval(found).low
    if abs(low - bound) > 1e-9:
        assert binomial.exceeds(found, bound) == (low > bound), f"{found}, bound {bound}, interval from {low}"


@given(st.integers(1, 2000), st.floats(0, 1))
def test_a_share_on_its_bound_is_declined_as_often_as_the_level_allows(trials: int, bound: float) -> None:
    declined = binom.sf(binomial.critical(trials, bound) - 1, trials, bound)
    assert declined <= binomial.LEVEL + 1e-12, f"{trials} trials at {bound}"


@given(st.integers(1, 2000), st.floats(0, 0.5))
def test_what_a_sample_is_said_to_tell_apart_it_tells_apart(trials: int, bound: float) -> None:
    # given
    count, resolution = binomial.critical(trials, bound), binomial.resolution(trials, bound)

    # then
    if resolution.passes is None or resolution.declines is None:
        assert count > trials, "only a sample that is too small tells nothing apart"
        return
    assert binom.sf(count - 1, trials, resolution.passes) == pytest.approx(binomial.RARELY, rel=1e-4)
    assert binom.sf(count - 1, trials, resolution.declines) == pytest.approx(binomial.POWER, rel=1e-4)
    assert resolution.passes < resolution.declines


def test_a_small_sample_says_that_it_tells_nothing() -> None:
    assert binomial.resolution(30, 0.9) == (None, None), "30 of 30 are likely at nine in ten"
    assert not binomial.exceeds(Count(count=30, trials=30), 0.9)
