"""When days over their thresholds are an alarm.

One day is none: of a hundred quiet days one is over by the thresholds' own making. Counting the days over among the last
few needs only each day's verdict, which means the same whatever the day's size and whichever test it was; a CUSUM would add up
statistics whose scale changes with both. A change that stays is noticed on its second day.
"""

from __future__ import annotations

from collections.abc import Sequence


def is_alarm(over: Sequence[bool], needed: int) -> bool:
    """Whether so many of the days, the newest last, are over a threshold. A newest day that is not raises none."""
    return bool(over) and over[-1] and sum(over) >= needed
