"""The service as it runs, uvicorn on loopback, over a lake with a real champion."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import httpx
import pytest
import uvicorn
import yaml

from mendel.serving import app
from mendel.serving.keys import Keys
from mendel.serving.server import options
from mendel.serving.settings import Serve

from ..promotion.conftest import WEEK_1, WEEK_2, Store, candidates_template, decide_on

__all__ = ["WEEK_1", "WEEK_2", "Store", "candidates_template", "decide_on"]

REPO = Path(__file__).resolve().parents[3]
PATIENCE = 180.0


@pytest.fixture
def with_champion(candidates_template: Store, tmp_path: Path) -> Store:
    """Version 1 is champion; the better candidate of WEEK_2 has not been decided about."""
    store = candidates_template.copied(tmp_path)
    decide_on(store.context(WEEK_1), "promoted")
    return store


@contextmanager
def running(root: str, settings: Serve, keys: Keys | None = None) -> Iterator[httpx.Client]:
    """A client of a server of its own."""
    server = uvicorn.Server(uvicorn.Config(app.create(root, settings, keys), **options(settings)))
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{listener.getsockname()[1]}", timeout=PATIENCE) as client:
                until(lambda: server.started)
                yield client
        finally:
            server.should_exit = True
            thread.join(PATIENCE)
            assert not thread.is_alive(), "the server does not end"


@contextmanager
def process(
    root: str, folder: Path, *, port: int | None = None, stderr: IO[bytes] | None = None, **serve: object
) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """`mendel serve` as a process of its own, with its address; it may not be ready yet."""
    port = port or free_port()
    told = {"port": port, "profiles": str(REPO / "include" / "noise"), "poll_seconds": 0.1, **serve}
    config = folder / "pipeline.yaml"
    config.write_text(yaml.safe_dump({"name": "t", "lake": root, "serve": told}))
    environment = {name: value for name, value in os.environ.items() if name != "MENDEL_LAKE"}
    command = [sys.executable, "-m", "mendel.cli", "serve", "-c", str(config)]
    started = subprocess.Popen(command, env=environment, stderr=stderr)
    try:
        yield started, f"http://127.0.0.1:{port}"
    finally:
        started.kill()
        started.wait()


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        found: int = free.getsockname()[1]
    return found


def status(url: str) -> int:
    """Of a GET; 0 where nobody answers."""
    try:
        return httpx.get(url).status_code
    except httpx.HTTPError:
        return 0


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


def settings(**changed: object) -> Serve:
    return Serve.model_validate({"poll_seconds": 0.1, "profiles": str(REPO / "include" / "noise"), **changed})


@pytest.fixture
def service(with_champion: Store) -> Iterator[httpx.Client]:
    with running(with_champion.root, settings()) as client:
        until(lambda: client.get("/readyz").status_code == 200)
        yield client
