"""What a sample can tell of a share: exact intervals and tests for a count among independent trials.

Source: C. Clopper, E. Pearson, The use of confidence or fiducial limits illustrated in the case of the binomial,
Biometrika 26 (1934).
"""

from __future__ import annotations

from typing import NamedTuple

from mendel.core.frozen import Frozen
from mendel.evaluation import interval as confidence
from mendel.evaluation.interval import Interval

LEVEL = 0.01
"""How often a share that lies exactly on its bound is taken for one above it, at most."""
POWER = 0.99
"""How often a share has to be recognised that a sample is said to recognise."""
RARELY = 0.001
"""How often a share is mistaken that a sample is said to let pass."""


class Count(Frozen):
    """How many of the trials have a property."""

    count: int
    trials: int

    @property
    def share(self) -> float:
        return self.count / self.trials


class Resolution(NamedTuple):
    """Which true shares a test against a bound tells apart."""

    passes: float | None
    """Declined in fewer than RARELY of the samples; None: no share is declined, the sample is too small."""
    declines: float | None
    """Declined in POWER of the samples, as every greater one is; None as above."""


def interval(sample: Count, tail: float = LEVEL) -> Interval:
    """The share with its exact interval, `tail` on each side.

    By default its lower end lies above a bound just when the share `exceeds` it.
    """
    from scipy.stats import beta

    count, others = sample.count, sample.trials - sample.count
    low = float(beta.ppf(tail, count, others + 1)) if count else 0.0
    high = float(beta.ppf(1 - tail, count + 1, others)) if others else 1.0
    return Interval(value=sample.share, low=low, high=high)


def exact(sample: Count) -> Interval:
    """The share with its exact interval at the level that all scores have."""
    return interval(sample, tail=(1 - confidence.LEVEL) / 2)


def exceeds(sample: Count, bound: float) -> bool:
    """Whether the true share is shown to lie above the bound: so many are too unlikely at the bound itself."""
    return sample.count >= critical(sample.trials, bound)


def critical(trials: int, bound: float) -> int:
    """The lowest count that shows a share above the bound; `trials + 1` where no count does."""
    from scipy.stats import binom

    if bound >= 1:
        return trials + 1
    return int(binom.isf(LEVEL, trials, bound)) + 1


def resolution(trials: int, bound: float) -> Resolution:
    """What a test of so many trials against the bound tells apart."""
    from scipy.stats import beta

    count = critical(trials, bound)
    if count > trials:
        return Resolution(None, None)
    passes, declines = beta.ppf([RARELY, POWER], count, trials - count + 1)
    return Resolution(float(passes), float(declines))
