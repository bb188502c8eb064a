"""A command in a process group of its own: streamed line by line, killed whole. Knows nothing of Airflow."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence

GRACE_SECONDS = 5.0


class ProcessGroup:
    """A running command and all that it starts.

    What the command leaves behind when it exits is killed: a forgotten child would keep the output open, and the reader
    waiting, for ever.
    """

    def __init__(self, command: Sequence[str], env: Mapping[str, str]) -> None:
        """Start it. Raises OSError when the program cannot be run."""
        self._process = subprocess.Popen(
            command,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
        self._reaper = threading.Thread(target=self._reap, daemon=True)
        self._reaper.start()

    def lines(self) -> Iterator[str]:
        """Standard output and standard error, line by line as they come, until the command ends."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            yield line.rstrip("\r\n")

    def wait(self) -> int:
        """The exit code; minus the signal's number when a signal ended it."""
        self._reaper.join()
        return self._process.returncode

    def kill(self, grace: float = GRACE_SECONDS) -> None:
        """Ask the group to stop, and after `grace` seconds make it. Safe in a signal handler, and when it has ended."""
        self._signal(signal.SIGTERM)
        deadline = time.monotonic() + grace
        while self._process.returncode is None and time.monotonic() < deadline:
            time.sleep(0.05)
        self._signal(signal.SIGKILL)

    def _reap(self) -> None:
        self._process.wait()
        self._signal(signal.SIGKILL)

    def _signal(self, number: signal.Signals) -> None:
        # The whole group may have ended already; macOS says "not permitted" of a group of zombies.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)
