"""Logistic regression: fitted by scikit-learn, kept as numbers, asked without it."""

from __future__ import annotations

import math
from typing import Self

import numpy as np

from mendel.core.frozen import Frozen
from mendel.models.ngram import Doubles

DIGITS = 6
"""Decimals that are kept: the last bits differ from machine to machine."""


def probabilities(odds: Doubles) -> Doubles:
    """Probabilities of log-odds (nats), however large; 0 of -inf."""
    return np.asarray((1 + np.tanh(odds / 2)) / 2)


class Logistic(Frozen):
    """Log-odds of yes, linear in standardised features."""

    mean: tuple[float, ...]
    scale: tuple[float, ...]
    coefficients: tuple[float, ...]
    intercept: float

    def odds(self, features: Doubles) -> Doubles:
        """[row]: log-odds (nats) of rows of features."""
        scaled = (np.atleast_2d(features) - self.mean) / self.scale
        return np.asarray(scaled @ np.array(self.coefficients) + self.intercept, np.float64)

    @classmethod
    def fit(cls, features: Doubles, answers: np.ndarray, weights: Doubles, penalty: float) -> Self:
        """From [row, feature], [row] of yes or no, and [row] how much each counts. Of one answer alone: how often it came.

        `penalty`: of the squared coefficients, the inverse of scikit-learn's C.
        """
        mean, scale = features.mean(axis=0), features.std(axis=0)
        scale[scale < 1e-9] = 1.0
        if answers.all() or not answers.any():
            yes, no = np.sum(answers), np.sum(~answers)
            return cls._of(mean, scale, np.zeros(features.shape[1]), math.log((yes + 1) / (no + 1)))
        from sklearn.linear_model import LogisticRegression  # loads scikit-learn, scipy

        model = LogisticRegression(C=1 / penalty, max_iter=5000)
        model.fit((features - mean) / scale, answers, sample_weight=weights)
        return cls._of(mean, scale, model.coef_[0], float(model.intercept_[0]))

    @classmethod
    def _of(cls, mean: Doubles, scale: Doubles, coefficients: Doubles, intercept: float) -> Self:
        def round_all(values: Doubles) -> tuple[float, ...]:
            return tuple(round(float(value), DIGITS) for value in values)

        return cls(
            mean=round_all(mean),
            scale=tuple(float(value) for value in scale),
            coefficients=round_all(coefficients),
            intercept=round(intercept, DIGITS),
        )
