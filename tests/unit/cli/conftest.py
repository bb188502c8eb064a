"""The `mendel` command in this process, and how it ends."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from typing import NamedTuple

import pytest
import structlog

from mendel.cli import main as cli


class Result(NamedTuple):
    """How a command has ended, and what it printed."""

    code: int
    out: str
    err: str


Command = Callable[..., Result]


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """`mendel ARGUMENTS`."""

    def run(*arguments: object) -> Result:
        monkeypatch.setattr(sys, "argv", ["mendel", *map(str, arguments)])
        try:
            cli.main()
            code = 0
        except SystemExit as end:
            code = int(end.code or 0)
        finally:
            structlog.reset_defaults()
            logging.getLogger().handlers.clear()
        return Result(code, *capsys.readouterr())

    return run
