"""Real processes: their output, their ends, and that nothing of them stays."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import psutil
import pytest

from mendel_airflow.process import ProcessGroup


def start(code: str) -> ProcessGroup:
    return ProcessGroup([sys.executable, "-u", "-c", code], os.environ)


def gone(pid: int, within: float = 10.0) -> bool:
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.05)
    return False


def test_lines_come_as_they_are_written() -> None:
    # Given a program that says a word and then waits to be told to go on
    group = start("import sys, time; print('first'); print('second', file=sys.stderr); time.sleep(60)")
    # When the output is read, then both words are there while it still runs
    lines = group.lines()
    assert [next(lines), next(lines)] == ["first", "second"]
    group.kill()
    assert group.wait() == -signal.SIGTERM


def test_output_that_is_not_text_does_not_stop_the_reader() -> None:
    group = start(r"import sys; sys.stdout.buffer.write(b'caf\xe9\n')")
    assert list(group.lines()) == ["caf�"]
    assert group.wait() == 0


@pytest.mark.parametrize("code", [0, 1, 2, 3, 77])
def test_exit_code_is_the_programs(code: int) -> None:
    group = start(f"raise SystemExit({code})")
    assert list(group.lines()) == []
    assert group.wait() == code


GRANDCHILD = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import signal, time; {ignore}; print('ready', flush=True); time.sleep(600)"])
print(child.pid, flush=True)
{after}
"""


@pytest.mark.parametrize("ignore", ["pass", "signal.signal(signal.SIGTERM, signal.SIG_IGN)"])
def test_kill_ends_the_whole_group(ignore: str) -> None:
    # Given a program with a child of its own, which may not heed a polite request
    group = start(GRANDCHILD.format(ignore=ignore, after="time.sleep(600)"))
    lines = group.lines()
    said = {next(lines), next(lines)}
    (child,) = (int(word) for word in said if word != "ready")
    # When it is killed
    group.kill(grace=0.5)
    # Then both are gone, and the reader comes to an end
    assert list(lines) == []
    assert group.wait() == -signal.SIGTERM
    assert gone(child)


def test_what_a_program_leaves_behind_ends_with_it() -> None:
    # Given a program that ends, and a child of it that holds the output open
    group = start(GRANDCHILD.format(ignore="pass", after="sys.stdout.flush()"))
    # When the output is read to its end, then there is one
    child = next(int(line) for line in group.lines() if line != "ready")
    assert group.wait() == 0
    assert gone(child)


def test_kill_after_the_end_is_harmless() -> None:
    group = start("pass")
    assert list(group.lines()) == []
    assert group.wait() == 0
    group.kill()


def test_a_program_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="none-such"):
        ProcessGroup([str(tmp_path / "none-such")], os.environ)
