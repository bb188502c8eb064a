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

from ..registry.conftest import WEEK_1, WEEK_2, Store, candidates_template, decide_on  # noqa: TID252

__all__ = ["WEEK_1", "WEEK_2", "Store", "candidates_template", "decide_on"]

REPO = Path(__file__).resolve().parents[3]
PATIENCE = 60.0


@pytest.fixture
def crowned(candidates_template: Store, tmp_path: Path) -> Store:
    """Version 1 reigns; the better candidate of WEEK_2 has not been decided about."""
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
    store: Store, port: int, stderr: IO[bytes] | None = None, **changed: object
) -> Iterator[subprocess.Popen[bytes]]:
    """`mendel serve` over a store, ready; killed at the end where it still runs."""
    config = store.lake.with_name("pipeline.yaml")
    serve = {"port": port, "poll_seconds": 0.1, **changed}
    config.write_text(yaml.safe_dump({"name": "t", "lake": store.root, "serve": serve}))
    environment = {name: value for name, value in os.environ.items() if name != "MENDEL_LAKE"}
    command = [sys.executable, "-m", "mendel.cli", "serve", "-c", str(config)]
    with subprocess.Popen(command, env=environment, stderr=stderr) as service:
        try:
            until(lambda: service.poll() is not None or get(port, "/readyz") != "")
            assert service.poll() is None, "it ended"
            yield service
        finally:
            service.kill()


def get(port: int, path: str) -> str:
    """The answer; empty where there is none, or a refusal."""
    try:
        return httpx.get(f"http://127.0.0.1:{port}{path}").raise_for_status().text
    except httpx.HTTPError:
        return ""


@pytest.fixture
def port() -> int:
    """A free one."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        found: int = free.getsockname()[1]
    return found


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


def settings(**changed: object) -> Serve:
    return Serve.model_validate({"poll_seconds": 0.1, "profiles": str(REPO / "include" / "noise"), **changed})


@pytest.fixture
def service(crowned: Store) -> Iterator[httpx.Client]:
    with running(crowned.root, settings()) as client:
        until(lambda: client.get("/readyz").status_code == 200)
        yield client
