"""Confidence intervals by the bootstrap: sentences are drawn with replacement, many times, and scored again.

Every score here is a ratio of two sums over sentences, so a resample is a vector of weights (how often each sentence
was drawn) and a score over all resamples is two matrix products. All scores share one set of weights: a difference of
two systems is therefore paired, each resample comparing them on the same sentences.
Source: B. Efron, R. Tibshirani, An Introduction to the Bootstrap (1993), percentile intervals, chapter 13.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mendel.evaluation.interval import LEVEL, Interval


class Bootstrap:
    """Resamples of `sentences` sentences, the same for the same seed."""

    def __init__(self, sentences: int, resamples: int, seed: int) -> None:
        uniform = np.full(sentences, 1 / sentences)
        counts = np.random.default_rng(seed).multinomial(sentences, uniform, size=resamples)
        self._weights = counts.astype(np.float64)  # matrix products of integers are slow

    def ratio(self, numerator: npt.ArrayLike, denominator: npt.ArrayLike) -> Interval | None:
        """sum(numerator) / sum(denominator) with its interval; both have one value per sentence.

        None where the denominators sum to 0: there is nothing to score. A resample in which they do is left out.
        """
        sides = np.stack([np.asarray(numerator, np.float64), np.asarray(denominator, np.float64)], axis=1)
        above, below = sides.sum(axis=0)
        if below == 0:
            return None
        resampled = self._weights @ sides
        resampled = resampled[resampled[:, 1] != 0]
        tail = (1 - LEVEL) / 2
        low, high = np.quantile(resampled[:, 0] / resampled[:, 1], [tail, 1 - tail])
        return Interval(value=float(above / below), low=float(low), high=float(high))
