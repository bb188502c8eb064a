"""`mendel serve` as a process."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from .conftest import PATIENCE, Store, until


@contextmanager
def process(store: Store, tmp_path: Path, **settings: object) -> Iterator[tuple[subprocess.Popen[bytes], httpx.Client]]:
    """A service of its own that is ready, and a client of it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    config = tmp_path / "pipeline.yaml"
    config.write_text(json.dumps({"name": "t", "lake": store.root, "serve": {"port": port, **settings}}))
    environment = {name: value for name, value in os.environ.items() if name != "MENDEL_LAKE"}
    service = subprocess.Popen([sys.executable, "-m", "mendel.cli", "serve", "-c", str(config)], env=environment)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE) as client:
            until(lambda: get(client, "/readyz") != "")
            yield service, client
    finally:
        service.kill()
        service.wait()


def get(client: httpx.Client, path: str) -> str:
    try:
        return client.get(path).raise_for_status().text
    except httpx.HTTPError:
        return ""


def test_sigterm_lets_what_is_in_flight_end(crowned: Store, tmp_path: Path) -> None:
    with process(crowned, tmp_path) as (service, client):
        # given requests under way
        answers: list[int] = []

        def ask() -> None:
            body = {"text": ["The goverment of teh people. " * 8] * 200}
            answers.append(client.post("/v1/restore", json=body).status_code)

        asking = [threading.Thread(target=ask) for _ in range(3)]
        for thread in asking:
            thread.start()
        until(lambda: "mendel_queue_requests 3.0" in get(client, "/metrics"))
        # when
        service.send_signal(signal.SIGTERM)
        for thread in asking:
            thread.join()
        # then
        assert answers == [200, 200, 200]
        assert service.wait(PATIENCE) == -signal.SIGTERM


def test_callers_are_sent_elsewhere_before_the_port_closes(crowned: Store, tmp_path: Path) -> None:
    with process(crowned, tmp_path, drain_seconds=2) as (service, client):
        # given a caller whose connection stays open
        before = client.post("/v1/restore", json={"text": "Teh people."})
        # when
        service.send_signal(signal.SIGTERM)
        until(lambda: client.get("/readyz").status_code == 503)
        # then it is answered, and so is a new caller: each for the last time
        for caller in (client, httpx.Client(base_url=client.base_url)):
            answer = caller.post("/v1/restore", json={"text": "Teh people."})
            assert answer.status_code == 200
            assert answer.headers["Connection"] == "close"
            assert answer.json() == before.json()
        assert "Connection" not in before.headers
        assert client.get("/healthz").status_code == 200
        assert service.wait(PATIENCE) == -signal.SIGTERM
