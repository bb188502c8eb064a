"""What gets into a log: one line for each event, whatever is quoted in it."""

from __future__ import annotations

import io
import logging
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mendel.core import log

CONTROLS = "\r\n\t\x00\x1b\x7f\x85\x9b\u2028\u2029\u202e"
"""Ends of lines as anybody reads them, a terminal's commands, and the change of direction."""
FORGED = "\n".join(["/a", "level=error event=forged"])


@given(st.text())
def test_a_line_is_one_line_and_does_nothing_to_a_terminal(text: str) -> None:
    written = log.plain(text)
    assert written.isprintable()
    assert len(written.splitlines()) <= 1
    assert written == text or not text.isprintable(), "what can be read was changed"


@pytest.mark.parametrize(
    ("text", "written"), [("a\r\nb", r"a\r\nb"), ("\x1b[2J", r"\x1b[2J"), ("Größe 漢字", "Größe 漢字")]
)
def test_what_is_not_printed_is_written_as_python_does(text: str, written: str) -> None:
    assert log.plain(text) == written


def test_every_value_of_an_event_is_escaped_of_whatever_kind() -> None:
    code = (
        "from mendel.core import log; log.configure();"
        "from pathlib import Path; import logging;"
        f"c = {CONTROLS!r};"
        "log.log.info('said' + c, text='x' + c, path=Path('/a' + c), error=ValueError(c), several=[c]);"
        "logging.getLogger('uvicorn.error').warning('from %s', c)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    said, library = done.stderr.decode().removesuffix("\n").split("\n")
    assert "event=said" in said, said
    assert "logger=uvicorn.error" in library, library
    for line in (said, library):
        assert line.isprintable(), repr(line)
        assert r"\r" in line, f"nothing is left of it: {line}"


def test_a_traceback_keeps_its_lines_and_none_of_them_looks_like_the_logs() -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(log.Plain("level=%(levelname)s %(message)s"))
    try:
        raise ValueError(FORGED + "\x1b[2J")
    except ValueError as error:
        handler.handle(
            logging.makeLogRecord({"msg": "failed", "levelname": "ERROR", "exc_info": (type(error), error, None)})
        )
    first, *others = stream.getvalue().splitlines()
    assert first == "level=ERROR failed"
    assert others == ["  ValueError: /a", "  level=error event=forged\\x1b[2J"]
