"""How stages end."""

from __future__ import annotations

import pytest
from airflow.sdk.exceptions import AirflowException, AirflowFailException

from mendel_airflow.endings import of_exit_code


@pytest.mark.parametrize(
    ("code", "message", "final"),
    [
        (2, "why", True),
        (3, "why", True),
        (1, "exit code 1: why", False),
        (255, "exit code 255: why", False),
        (-9, "killed by SIGKILL (out of memory?): why", False),
        (137, "killed by SIGKILL (out of memory?): why", False),
        (-15, "killed by SIGTERM: why", False),
        (143, "killed by SIGTERM: why", False),
    ],
)
def test_an_exit_code_says_what_came_of_it_and_whether_a_second_try_can_help(
    code: int, message: str, final: bool
) -> None:
    error = of_exit_code(code, "why").error()
    assert str(error) == message
    assert isinstance(error, AirflowException)
    assert isinstance(error, AirflowFailException) == final, "tried again in vain, or not tried again"
