from __future__ import annotations

import pytest

from mendel.drift.evidence import is_alarm


@pytest.mark.parametrize(
    ("over", "needed", "expected"),
    [
        ([], 1, False),
        ([True], 1, True),
        ([True], 2, False),
        ([False, True, True], 2, True),
        ([True, False, True], 2, True),
        ([True, True, False], 2, False),
        ([False, False, True], 2, False),
    ],
)
def test_enough_days_of_which_the_newest_is_one_are_an_alarm(over: list[bool], needed: int, expected: bool) -> None:
    assert is_alarm(over, needed) is expected
