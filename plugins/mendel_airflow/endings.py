"""How a stage ended, in plain words, and whether another try can end better."""

from __future__ import annotations

import signal
from dataclasses import dataclass

from airflow.sdk.exceptions import AirflowException, AirflowFailException

BAD_INPUT, GATE_SAID_NO = 2, 3
"""Exit codes that a second try cannot change."""


@dataclass(frozen=True)
class Ending:
    message: str
    retry: bool = True

    def error(self) -> AirflowException:
        """What a task raises: it is tried again only where that can help."""
        return (AirflowException if self.retry else AirflowFailException)(self.message)


def of_exit_code(code: int, message: str) -> Ending:
    """The ending of a stage that has failed, by its exit code.

    :param code: of a signal minus its number, as subprocess has it, or 128 plus it, as containers have it.
    :param message: what the stage said last.
    """
    if code in (BAD_INPUT, GATE_SAID_NO):
        return Ending(message, retry=False)
    try:
        name = signal.Signals(-code if code < 0 else code - 128).name
    except ValueError:
        return Ending(f"exit code {code}: {message}")
    return Ending(f"killed by {name}{' (out of memory?)' if name == 'SIGKILL' else ''}: {message}")
