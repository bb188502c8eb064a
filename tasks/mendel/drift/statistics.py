"""How unlike two samples are: one number for each test, larger for samples that differ more."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

UNSEEN = 0.5
"""Added to every count of the larger histogram, and to the other in proportion: what one side lacks makes no infinity."""
RIDGE = 0.1
"""Added to variances of about one: figures that are sums of others, or always the same, have none of their own."""


def population_stability(one: Floats, other: Floats) -> float:
    """The population stability index of two histograms over the same bins; 0 where shares are equal.

    A histogram without counts says nothing about shares: 0 too.
    """
    totals = one.sum(), other.sum()
    if not min(totals):
        return 0.0
    smooth = [counts + UNSEEN * total / max(totals) for counts, total in zip((one, other), totals, strict=True)]
    first, second = (counts / counts.sum() for counts in smooth)
    return float(np.sum((first - second) * np.log(first / second)))


def kolmogorov_smirnov(one: Floats, other: Floats) -> float:
    """The largest distance (0 to 1) between two samples' distribution functions. Neither may be empty.

    As `scipy.stats.ks_2samp`, without the p-value: thresholds come from simulation, of which there are thousands.
    """
    values = np.concatenate([one, other])
    shares = [np.searchsorted(np.sort(sample), values, side="right") / len(sample) for sample in (one, other)]
    return float(np.abs(shares[0] - shares[1]).max())


def classifier_auc(one: Floats, other: Floats) -> float:
    """How well a classifier tells two samples apart ([record, figure]), as the area under its ROC curve (0 to 1).

    Fisher's linear discriminant on standardised figures, fitted on one half and scored on the other, both ways: 0.5 says
    not at all. It is one small system of equations, and is solved thousands of times a day. Each sample must have at
    least four records. Lopez-Paz & Oquab 2017, "Revisiting classifier two-sample tests".
    """
    figures = np.concatenate([one, other])
    figures = (figures - figures.mean(axis=0)) / np.maximum(figures.std(axis=0), 1e-9)
    of_other = np.repeat([False, True], [len(one), len(other)])
    even = np.concatenate([np.arange(len(one)), np.arange(len(other))]) % 2 == 0
    halves = []
    for fitted in (even, ~even):
        direction = _discriminant(figures[fitted & ~of_other], figures[fitted & of_other])
        halves.append(_auc(figures[~fitted] @ direction, of_other[~fitted]))
    return float(np.mean(halves))


def _discriminant(one: Floats, other: Floats) -> Floats:
    """The direction that sets two samples apart, each of the same weight whatever its size."""
    within = (np.cov(one, rowvar=False) + np.cov(other, rowvar=False)) / 2
    ridge = RIDGE * np.eye(within.shape[0])
    return np.linalg.solve(within + ridge, other.mean(axis=0) - one.mean(axis=0))


def _auc(scores: Floats, positive: npt.NDArray[np.bool_]) -> float:
    """By ranks, as Mann and Whitney count: scikit-learn's checks take longer than the rest of a simulated day."""
    from scipy.stats import rankdata

    above, count = rankdata(scores)[positive].sum(), int(positive.sum())
    return float((above - count * (count + 1) / 2) / (count * (len(scores) - count)))
