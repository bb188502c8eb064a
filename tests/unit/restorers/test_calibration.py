"""Weights and bounds, on candidate lists made for the purpose."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mendel.restorers.calibration import Choices, Table, Weights, bound_among, bound_for, exceeded_by, fit, pick


def choices(channel: list[float], ngram: list[float], llm: list[float], errors: list[int], same: int = 0) -> Choices:
    return Choices(np.array(channel), np.array(ngram), np.array(llm), same, np.array(errors))


@given(st.lists(st.floats(-50, 50) | st.just(-math.inf), max_size=60), st.sampled_from([0.0, 0.01, 0.1, 0.5, 1.0]))
def test_no_more_texts_reach_a_bound_than_allowed(odds: list[float], allowed: float) -> None:
    for bound in (bound_among(allowed, odds), bound_for(allowed, odds)):
        reached = sum(value >= bound for value in odds)
        assert bound >= 0
        assert reached <= allowed * len(odds), f"{reached} of {len(odds)} reach {bound}"


def test_a_bound_is_no_higher_than_it_has_to_be() -> None:
    odds = [1.0, 5.0, 3.0, -math.inf]
    assert [bound_among(share, odds) for share in (0, 0.25, 0.5, 1)] == pytest.approx([5, 3, 1, 0], abs=1e-5)


def test_the_model_that_knows_gets_the_weight() -> None:
    # Given texts where the n-gram prefers the wrong candidate and the LLM the right one
    noisy = [choices([-5.0, -5.0, -5.0], [-20.0, -9.0, -10.0], [-20.0, -12.0, -6.0], [4, 3, 0]) for _ in range(5)]
    # When the weights are fitted, then with the LLM nothing is left wrong, without it something is
    with_llm, without = (fit(noisy, with_llm=told) for told in (True, False))
    assert with_llm.llm > 0
    assert without.llm == 0
    for weights, expected in ((with_llm, 2), (without, 1)):
        chosen = pick(noisy[0].scores(weights.ngram, weights.llm), 0, 0.0)
        assert chosen == expected, f"{weights} picks candidate {chosen}"


def test_of_weights_that_leave_equal_errors_the_smallest_are_taken() -> None:
    easy = [choices([0.0, -1.0], [-50.0, 0.0], [0.0, 0.0], [1, 0])]
    assert fit(easy, with_llm=False) == Weights(ngram=0.05)
    assert fit(easy, with_llm=True) == Weights(ngram=0.05)
    assert fit([], with_llm=False) == Weights(ngram=0.05), "without any text"


def test_the_input_stays_unless_a_change_reaches_the_threshold() -> None:
    values = np.array([0.0, 2.0, 1.0])
    assert pick(values, 0, 2.0) == 1
    assert pick(values, 0, 2.1) == 0
    assert pick(values, 1, 0.0) == 1


def test_a_change_is_measured_against_the_input() -> None:
    # Given a text with two changes and one with none
    table = Table([choices([0.0, 2.0, 1.0], [0.0] * 3, [0.0] * 3, [4, 3, 0]), choices([3.0], [0.0], [0.0], [1])])
    # When the best changes are asked for
    odds, errors = table.changes(ngram=1.0, llm=0.0)
    # Then they are told by how much they are likelier, and what they leave
    assert odds.tolist() == [2.0, -math.inf]
    assert errors[0] == 3
    assert table.errors.tolist() == [4, 1]


def test_what_few_texts_exceed_is_told_from_the_tail() -> None:
    # Given log-odds of which one in a thousand is above -1 + ln 1000
    odds = sorted(np.random.default_rng(3).exponential(size=6000) - 1, reverse=True)
    # When that level is looked for, then the tail finds it, though no single value is there
    assert abs(exceeded_by(0.001, odds) - (math.log(1000) - 1)) < 0.5
    # And texts without another reading say nothing
    assert exceeded_by(0.001, [-math.inf] * 5) == exceeded_by(0.001, []) == -math.inf
