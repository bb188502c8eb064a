"""A score with its confidence interval."""

from __future__ import annotations

from mendel.core.frozen import Frozen

LEVEL = 0.95


class Interval(Frozen):
    """A value and the bounds of its confidence interval at LEVEL."""

    value: float
    low: float
    high: float
