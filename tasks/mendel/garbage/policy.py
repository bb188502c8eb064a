"""What is spared, whoever refers to it."""

from __future__ import annotations

from mendel.core.frozen import Frozen

LEAST_DAYS = 2.0
"""The longest stage may take one day."""


class Policy(Frozen):
    """What `mendel gc` leaves though nothing refers to it."""

    days: float = 7.0
    """What is younger: an attempt may be at work, a run may still read a version that was replaced."""
    newest: int = 5
    """So many versions of each dataset."""


DEFAULT = Policy()
