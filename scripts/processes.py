"""Ports and processes of a stack: taken, recorded, found again after their owner was killed, ended to the last."""

from __future__ import annotations

import contextlib
import json
import os
import socket
from collections.abc import Mapping
from pathlib import Path

import psutil

MARK = "MENDEL_STACK"
"""In the environment of every process of a stack, and of no other: the home it belongs to."""

STOP_SECONDS = 10.0


def free_port() -> int:
    """A port of the loopback interface that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def port_is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def identity(pid: int) -> dict[str, float]:
    """A process, told from a later one that is given the same number."""
    return {"pid": pid, "created": psutil.Process(pid).create_time()}


def _process(entry: Mapping[str, float]) -> psutil.Process | None:
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(int(entry["pid"]))
        if process.create_time() == entry["created"]:
            return process
    return None


def running_owner(home: Path) -> int | None:
    """The process that started the stack of this home and still lives, if it is another one."""
    record = home / "stack.json"
    if not record.exists():
        return None
    owner = _process(json.loads(record.read_text())["owner"])
    return owner.pid if owner is not None and owner.pid != os.getpid() else None


def processes_of(home: Path) -> list[psutil.Process]:
    """The recorded processes, all below them, and all others that carry the mark of this home.

    The last are stages whose task was killed: they have no parent left that leads to them. Airflow's own processes
    overwrite their environment with a title, and are found by the first two.
    """
    processes: dict[int, psutil.Process] = {}
    record = home / "stack.json"
    for entry in json.loads(record.read_text())["processes"] if record.exists() else []:
        if (process := _process(entry)) is not None:
            with contextlib.suppress(psutil.NoSuchProcess):
                processes |= {p.pid: p for p in [process, *process.children(recursive=True)]}
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
            if process.environ().get(MARK) == str(home):
                processes[process.pid] = process
    processes.pop(os.getpid(), None)
    return list(processes.values())


def serves_api(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return any("api-server" in word or "api_server" in word for word in process.cmdline())
    return False


def end(processes: list[psutil.Process]) -> None:
    """Ask all to stop, wait, and make those stop that have not."""
    for send in (psutil.Process.terminate, psutil.Process.kill):
        for process in processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                send(process)
        _, processes = psutil.wait_procs(processes, timeout=STOP_SECONDS)
        if not processes:
            return
