"""Weights and threshold, on candidate lists made for the purpose."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mendel.recipes.calibration import Calibration
from mendel.restorers.calibration import Choices, Table, exceeded_by, fit, pick


def choices(channel: list[float], ngram: list[float], llm: list[float], errors: list[int], same: int = 0) -> Choices:
    return Choices(np.array(channel), np.array(ngram), np.array(llm), same, np.array(errors))


scores = st.lists(st.floats(-50, 0), min_size=1, max_size=5)


@given(st.lists(scores, min_size=1, max_size=60), st.sampled_from([0.0, 0.01, 0.1, 0.5]))
def test_no_more_clean_texts_are_altered_than_allowed(lists: list[list[float]], allowed: float) -> None:
    # Given clean texts whose candidates score anything
    clean = [choices(values, [0.0] * len(values), [0.0] * len(values), [0] * len(values)) for values in lists]
    noisy = [choices([-2.0, -1.0], [-1.0, -2.0], [0.0, 0.0], [3, 0])]
    # When the threshold is fitted
    weights = fit(noisy, clean, Calibration(max_clean_altered=allowed), with_llm=False)
    # Then those that would be altered stay within the bound
    picks = [pick(c.scores(weights.ngram, weights.llm), c.same, weights.threshold) for c in clean]
    altered = sum(chosen != c.same for chosen, c in zip(picks, clean, strict=True))
    assert altered <= allowed * len(clean), f"threshold {weights.threshold} lets {altered} of {len(clean)} be altered"


@given(st.lists(scores, min_size=1, max_size=60), st.sampled_from([0.0, 0.01, 0.1, 0.5]))
def test_no_more_noisy_texts_get_worse_than_allowed(lists: list[list[float]], allowed: float) -> None:
    # Given noisy texts whose every change adds an error, and one that can be restored
    noisy = [
        choices(values, [0.0] * len(values), [0.0] * len(values), [1, *[2] * (len(values) - 1)]) for values in lists
    ]
    noisy.append(choices([-2.0, -1.0], [-1.0, -2.0], [0.0, 0.0], [3, 0]))
    # When the threshold is fitted
    weights = fit(noisy, [], Calibration(max_worse=allowed), with_llm=False)
    # Then those that get worse stay within the bound
    picks = [pick(c.scores(weights.ngram, weights.llm), c.same, weights.threshold) for c in noisy]
    worse = sum(c.errors[chosen] > c.errors[c.same] for chosen, c in zip(picks, noisy, strict=True))
    assert worse <= allowed * len(noisy), f"threshold {weights.threshold} makes {worse} of {len(noisy)} worse"


def test_weights_that_tell_clean_texts_apart_are_preferred() -> None:
    # Given noisy texts that both models restore, and clean ones that the n-gram would alter
    noisy = [choices([0.0, -1.0], [-6.0, 0.0], [-6.0, 0.0], [1, 0]) for _ in range(5)]
    clean = [choices([0.0, -1.0], [-12.0, 0.0], [0.0, -6.0], [0, 1]) for _ in range(5)]
    # When the weights are fitted, then the LLM gets so much that the threshold lets the noisy ones pass
    weights = fit(noisy, clean, Calibration(max_clean_altered=0), with_llm=True)
    for texts, expected in ((noisy, 1), (clean, 0)):
        assert pick(texts[0].scores(weights.ngram, weights.llm), 0, weights.threshold) == expected, f"{weights}"


def test_the_model_that_knows_gets_the_weight() -> None:
    # Given texts where the n-gram prefers the wrong candidate and the LLM the right one
    noisy = [choices([-5.0, -5.0, -5.0], [-20.0, -9.0, -10.0], [-20.0, -12.0, -6.0], [4, 3, 0]) for _ in range(5)]
    # When the weights are fitted, then with the LLM nothing is left wrong, without it something is
    with_llm, without = (fit(noisy, [], Calibration(), with_llm=told) for told in (True, False))
    assert with_llm.llm > 0
    assert without.llm == 0
    for weights, expected in ((with_llm, 2), (without, 1)):
        chosen = pick(noisy[0].scores(weights.ngram, weights.llm), 0, weights.threshold)
        assert chosen == expected, f"{weights} picks candidate {chosen}"


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
