"""Logistic regression: what is fitted, what is kept of it, and that it answers as scikit-learn does."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from mendel.restorers.logistic import Logistic, probabilities

PENALTY = 10.0
GENERATOR = np.random.default_rng(5)
FEATURES = GENERATOR.normal(3, [1.0, 20.0, 0.01], (200, 3))
ANSWERS = FEATURES[:, 0] > 3
WEIGHTS = GENERATOR.uniform(1, 6, 200)


def fitted() -> Logistic:
    return Logistic.fit(FEATURES, ANSWERS, WEIGHTS, PENALTY)


def test_what_one_feature_tells_is_learned() -> None:
    odds = fitted().odds(FEATURES)
    assert np.mean((odds > 0) == ANSWERS) > 0.95


def test_odds_are_those_of_scikit_learn() -> None:
    # Given the same regression by scikit-learn
    scaled = (FEATURES - FEATURES.mean(axis=0)) / FEATURES.std(axis=0)
    model = LogisticRegression(C=1 / PENALTY, max_iter=5000).fit(scaled, ANSWERS, sample_weight=WEIGHTS)
    # Then the log-odds are equal, but for the decimals that are not kept
    assert fitted().odds(FEATURES) == pytest.approx(model.decision_function(scaled), abs=1e-3)


def test_examples_that_count_more_move_the_answer() -> None:
    # Given features that tell nothing
    features, answers = np.zeros((20, 1)), np.arange(20) < 10
    # When the one or the other answer counts more
    more, fewer = (Logistic.fit(features, answers, np.where(answers, w, 1.0), PENALTY) for w in (4.0, 0.25))
    # Then it is the likelier one
    assert more.intercept == pytest.approx(math.log(4), abs=0.01)
    assert fewer.intercept == pytest.approx(-math.log(4), abs=0.01)


@pytest.mark.parametrize("answer", [True, False])
def test_of_one_answer_alone_it_says_how_often_it_came(answer: bool) -> None:
    model = Logistic.fit(FEATURES[:9], np.full(9, answer), WEIGHTS[:9], PENALTY)
    assert model.odds(FEATURES) == pytest.approx(math.log(10) if answer else -math.log(10), abs=1e-6)


def test_a_feature_that_is_always_the_same_says_nothing() -> None:
    model = Logistic.fit(np.column_stack([FEATURES, np.full(200, 7.0)]), ANSWERS, WEIGHTS, PENALTY)
    assert model.coefficients[3] == 0
    assert np.isfinite(model.odds(np.array([3.0, 3.0, 3.0, 8.0]))).all()


def test_what_is_written_is_read() -> None:
    model = fitted()
    assert Logistic.model_validate_json(model.model_dump_json()) == model


@given(st.floats(allow_nan=False))
def test_odds_of_any_size_have_a_probability(odds: float) -> None:
    yes, no = probabilities(np.array([odds, -odds]))
    assert 0 <= yes <= 1
    assert yes + no == pytest.approx(1)


def test_probabilities_are_those_of_the_odds() -> None:
    assert probabilities(np.array([0.0, math.log(3), -math.inf, math.inf])) == pytest.approx([0.5, 0.75, 0, 1])
