"""`mendel serve` as a process."""

from __future__ import annotations

import signal
import threading
from pathlib import Path

import httpx

from .conftest import PATIENCE, Store, process, status, until


def test_sigterm_lets_what_is_in_flight_end(crowned: Store, tmp_path: Path) -> None:
    # given requests under way
    answers: list[int] = []

    def ask(url: str) -> None:
        body = {"text": ["The goverment of teh people. " * 8] * 200}
        answers.append(httpx.post(f"{url}/v1/restore", json=body, timeout=PATIENCE).status_code)

    with process(crowned.root, tmp_path) as (service, url):
        until(lambda: status(f"{url}/readyz") == 200)
        asking = [threading.Thread(target=ask, args=(url,)) for _ in range(3)]
        for thread in asking:
            thread.start()
        until(lambda: "mendel_queue_requests 3.0" in httpx.get(f"{url}/metrics").text)
        # when
        service.send_signal(signal.SIGTERM)
        for thread in asking:
            thread.join()
        # then
        assert answers == [200, 200, 200]
        assert service.wait(PATIENCE) == -signal.SIGTERM
