"""A score with its confidence interval."""

from __future__ import annotations

from mendel.core.frozen import Frozen


class Interval(Frozen):
    """A value and the bounds of its 95% confidence interval."""

    value: float
    low: float
    high: float
