"""How far to trust counts: tables of characters from few observations, by empirical Bayes.

Each table is a Dirichlet or gamma prior around what would hold without it, weighed by how much the characters differ
among themselves. The weight is the one that makes the observed counts likeliest; where a table does not make them
clearly likelier (MIN_GAIN), there is none. Counts may be fractions, as expectation gives them.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.special import digamma, gammaln

Doubles = NDArray[np.float64]

WEIGHTS = np.geomspace(0.1, 1e4, 51)
"""Weights of the prior that are tried, in observations."""
MIN_GAIN = 5.0
"""Nats by which a table must make the counts likelier."""
SMALLEST = 1e-12
LEAST = 0.05
"""Expected counts below this are doubts about other errors, not observations."""


def character_weights(counts: Doubles, frequency: Doubles) -> tuple[str, Doubles]:
    """Where noise characters come from: 'uniform', 'frequency' or 'weights', and the probability of each.

    Args:
        counts: how often each character of the alphabet came as noise.
        frequency: its share in clean text.
    """
    size = len(counts)
    uniform = np.full(size, 1 / size)
    fixed = {"uniform": _log_likelihood(counts, uniform), "frequency": _log_likelihood(counts, frequency)}
    kind = max(fixed, key=lambda name: fixed[name])
    evidence = [_dirichlet(counts, weight * uniform) for weight in WEIGHTS]
    best = int(np.argmax(evidence))
    if evidence[best] > fixed[kind] + MIN_GAIN:
        weights = counts + WEIGHTS[best] * uniform
        return "weights", weights / weights.sum()
    return kind, uniform if kind == "uniform" else frequency


def confusion_prior(replaced: Doubles, noise: Doubles) -> float:
    """Weight of the noise characters in each row of confusions; infinite where rows tell nothing more than they do.

    Args:
        replaced: [clean, noisy] how often the one was replaced by the other; what lies on the diagonal is left out.
        noise: probability of each noise character.
    """
    counts = _off_diagonal(replaced)
    rows, columns = np.nonzero(counts)
    base = noise[columns] / np.maximum(1 - noise[rows], SMALLEST)
    cells = counts[rows, columns]
    totals = counts.sum(axis=1)
    others = np.maximum(1 - noise, SMALLEST)  # a character that is all of the noise has no row of its own
    apart = float((cells * np.log(base)).sum())
    evidence = [_rows(weight, cells, noise[columns], totals, others) for weight in WEIGHTS]
    best = int(np.argmax(evidence))
    return float(WEIGHTS[best]) if evidence[best] > apart + MIN_GAIN else math.inf


def drawn_as_noise(replaced: Doubles, noise: Doubles, prior: float) -> Doubles:
    """[noisy] how many of the replacements were probably drawn from the prior's noise characters, not from the rows."""
    if math.isinf(prior):
        return np.asarray(replaced.sum(axis=0))
    counts = _off_diagonal(replaced)
    rows, columns = np.nonzero(counts)
    base = prior * noise[columns]
    draws = base * (digamma(base + counts[rows, columns]) - digamma(base))
    totals = np.zeros(len(noise))
    np.add.at(totals, columns, draws)
    return totals


def substitutions(replaced: Doubles, noise: Doubles, prior: float) -> Doubles:
    """[clean, noisy] probability that the one is replaced by the other in a substitution."""
    if math.isinf(prior):
        return np.tile(noise, (len(noise), 1))
    rows = _off_diagonal(replaced) + prior * noise
    return np.asarray(rows / rows.sum(axis=1, keepdims=True))


def susceptibility(errors: Doubles, exposure: Doubles) -> Doubles:
    """How often each clean character goes wrong, as a multiple of the average; ones where all are alike.

    Args:
        errors: how often each went wrong.
        exposure: how often it occurred.
    """
    alike = np.ones(len(errors))
    if not errors.sum():
        return alike
    expected = exposure * errors.sum() / exposure.sum()
    nonzero = expected > 0
    k, e = errors[nonzero], expected[nonzero]
    poisson = float((k * np.log(e) - e).sum())
    evidence = [
        float((gammaln(a + k) - gammaln(a) + a * np.log(a / (a + e)) - k * np.log(a + e)).sum() + (k * np.log(e)).sum())
        for a in WEIGHTS
    ]
    best = int(np.argmax(evidence))
    if evidence[best] <= poisson + MIN_GAIN:
        return alike
    return np.asarray((errors + WEIGHTS[best]) / (expected + WEIGHTS[best]))


def intensities(events: Doubles, expected: Doubles, levels: int) -> tuple[float, ...]:
    """Equally likely multiples of the rate, with mean 1, by which pairs differ; (1.0,) where chance explains the counts.

    The mixing distribution is the nonparametric maximum-likelihood one on a grid [Laird 1978], cut into `levels` parts of
    equal mass, each represented by its mean.

    Args:
        events: events of each pair.
        expected: what the pair's length would make of the average rate.
    """
    grid = np.concatenate([[0.0], np.geomspace(0.02, 20, 60)])
    mean = np.outer(expected, grid)
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.where(
            mean > 0, events[:, None] * np.log(mean) - mean, np.where(events[:, None] < LEAST, 0.0, -np.inf)
        )
    top = logs.max(axis=1, keepdims=True)
    likelihood = np.exp(logs - top)
    mass = np.full(len(grid), 1 / len(grid))
    for _ in range(500):
        posterior = likelihood * mass
        mass = (posterior / posterior.sum(axis=1, keepdims=True)).mean(axis=0)
    mixed = float((np.log(likelihood @ mass) + top[:, 0]).sum())
    alike = float((events * np.log(expected) - expected).sum())
    if mixed <= alike + max(MIN_GAIN, math.log(len(events))):
        return (1.0,)
    edges = np.concatenate([[0.0], np.cumsum(mass)])
    parts = np.linspace(0, 1, levels + 1)
    within = np.clip(np.minimum(edges[1:], parts[1:, None]) - np.maximum(edges[:-1], parts[:-1, None]), 0, None)
    means = within @ grid * levels
    return tuple(float(value) for value in means / means.mean())


def _off_diagonal(replaced: Doubles) -> Doubles:
    counts = np.where(replaced < LEAST, 0.0, replaced)
    np.fill_diagonal(counts, 0.0)
    return counts


def _log_likelihood(counts: Doubles, probabilities: Doubles) -> float:
    nonzero = counts > 0
    with np.errstate(divide="ignore"):
        return float((counts[nonzero] * np.log(probabilities[nonzero])).sum())


def _dirichlet(counts: Doubles, prior: Doubles) -> float:
    total = gammaln(prior.sum()) - gammaln(prior.sum() + counts.sum())
    return float(total + (gammaln(prior + counts) - gammaln(prior)).sum())


def _rows(weight: float, cells: Doubles, base: Doubles, totals: Doubles, others: Doubles) -> float:
    """Log-probability of all rows under one weight; a row's prior is what the noise leaves to other characters."""
    ends = gammaln(weight * others) - gammaln(weight * others + totals)
    return float(ends.sum() + (gammaln(weight * base + cells) - gammaln(weight * base)).sum())
