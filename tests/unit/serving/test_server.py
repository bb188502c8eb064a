"""`mendel serve` as a process."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import httpx

from .conftest import PATIENCE, Store, until


def test_sigterm_lets_what_is_in_flight_end(crowned: Store, tmp_path: Path) -> None:
    # given requests under way
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    config = tmp_path / "pipeline.yaml"
    config.write_text(f"name: t\nlake: {crowned.root}\nserve: {{port: {port}}}\n")
    environment = {name: value for name, value in os.environ.items() if name != "MENDEL_LAKE"}
    command = [sys.executable, "-m", "mendel.cli", "serve", "-c", str(config)]
    service = subprocess.Popen(command, env=environment)
    answers: list[int] = []

    def ask() -> None:
        body = {"text": ["The goverment of teh people. " * 8] * 200}
        answers.append(httpx.post(f"http://127.0.0.1:{port}/v1/restore", json=body, timeout=PATIENCE).status_code)

    def get(path: str) -> str:
        try:
            return httpx.get(f"http://127.0.0.1:{port}{path}").raise_for_status().text
        except httpx.HTTPError:
            return ""

    asking = [threading.Thread(target=ask) for _ in range(3)]
    try:
        until(lambda: get("/readyz") != "")
        for thread in asking:
            thread.start()
        until(lambda: "mendel_queue_requests 3.0" in get("/metrics"))
        # when
        service.send_signal(signal.SIGTERM)
        for thread in asking:
            thread.join()
        # then
        assert answers == [200, 200, 200]
        assert service.wait(PATIENCE) == -signal.SIGTERM
    finally:
        service.kill()
        service.wait()
