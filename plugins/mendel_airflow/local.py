"""The target `local`: a stage as a subprocess beside the worker."""

from __future__ import annotations

import os
import shlex
import sys
from collections import deque
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowFailException

from mendel_airflow import environment
from mendel_airflow.command import TAIL, command_line, last_message, show, variables
from mendel_airflow.endings import of_exit_code
from mendel_airflow.process import ProcessGroup

if TYPE_CHECKING:
    from airflow.sdk import Context


class LocalStage(BaseOperator):
    """Run `mendel ARGUMENTS`, without Airflow's secrets, and show its log as the task's own.

    Exit codes 2 (bad configuration or input) and 3 (a gate said no) fail at once with the stage's own message; any
    other failure, a signal included, is left to the task's retries.

    :param arguments: the command line after `mendel`, templated; what renders empty is left out.
    :param mapped: options that differ from one mapped task to the next, e.g. `{"shard": 3}` for `--shard 3`.
    :param links: buttons on the task's page.
    """

    template_fields: Collection[str] = ("arguments", "mapped")
    overwrite_rtif_after_execution = True  # the page of a task then shows the command line that was run
    ui_color = "#e3f1e4"

    def __init__(
        self,
        *,
        arguments: Sequence[str],
        mapped: dict[str, Any] | None = None,
        links: Sequence[Any] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.arguments = list(arguments)
        self.mapped = mapped or {}
        self.operator_extra_links = tuple(links)
        self.tail: deque[str] = deque(maxlen=TAIL)
        self._group: ProcessGroup | None = None

    def execute(self, context: Context) -> None:
        self.arguments = command_line(self.arguments, self.mapped)
        command = [program(), *self.arguments]
        self.log.info("$ %s", shlex.join(["mendel", *self.arguments]))
        try:
            self._group = ProcessGroup(command, {**environment.of_stage(), **variables(context)})
        except OSError as error:
            raise AirflowFailException(f"cannot run {command[0]}: {error}. Set MENDEL_BIN to the program.") from error
        try:
            for line in self._group.lines():
                self.tail.append(line)
                show(self.log, line)
            code = self._group.wait()
        finally:
            self._group.kill()
        if code:
            raise of_exit_code(code, last_message(self.tail)).error()

    def on_kill(self) -> None:
        """Airflow calls this on a timeout, and when the task is stopped from outside."""
        if self._group is not None:
            self._group.kill()


def program() -> str:
    """The `mendel` command: MENDEL_BIN where set, else the one of this environment."""
    return os.environ.get("MENDEL_BIN") or str(Path(sys.executable).with_name("mendel"))
