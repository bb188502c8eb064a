"""`mendel serve` as a process: how it ends, and what does not end it."""

from __future__ import annotations

import asyncio
import resource
import signal
import threading
from pathlib import Path

import httpx

from mendel.client.client import Client
from mendel.registry import champions

from .conftest import PATIENCE, WEEK_2, Store, decide_on, get, process, until

BIG = ["The goverment of teh people. " * 8] * 60
NOISY = "The goverment of teh people."
SMALLER_THAN_A_MODEL = 1000


def restored(port: int, text: str) -> tuple[int, str]:
    """The version that answered, and its restoration."""
    body = httpx.post(f"http://127.0.0.1:{port}/v1/restore", json={"text": text}).raise_for_status().json()
    return body["version"], body["results"][0]["text"]


def test_sigterm_lets_what_is_in_flight_end(crowned: Store, port: int) -> None:
    # given requests under way
    answers: list[int] = []

    def ask() -> None:
        url = f"http://127.0.0.1:{port}/v1/restore"
        answers.append(httpx.post(url, json={"text": BIG}, timeout=PATIENCE).status_code)

    asking = [threading.Thread(target=ask) for _ in range(3)]
    with process(crowned, port) as service:
        for thread in asking:
            thread.start()
        until(lambda: "mendel_queue_requests 3.0" in get(port, "/metrics"))
        # when
        service.send_signal(signal.SIGTERM)
        for thread in asking:
            thread.join()
        # then
        assert answers == [200, 200, 200]
        assert service.wait(PATIENCE) == -signal.SIGTERM


def test_requests_that_a_kill_cuts_off_are_answered_by_the_next_process(crowned: Store, port: int) -> None:
    # given requests under way
    found: list[int] = []

    async def ask() -> None:
        async with Client(f"http://127.0.0.1:{port}", patience=PATIENCE) as client:
            found.extend(len(each) for each in await asyncio.gather(*(client.restore(BIG) for _ in range(3))))

    asking = threading.Thread(target=asyncio.run, args=[ask()])
    with process(crowned, port) as service:
        asking.start()
        until(lambda: "mendel_queue_requests 3.0" in get(port, "/metrics"))
        # when
        service.kill()
        service.wait()
        assert found == [], "they were in flight"
    with process(crowned, port):
        asking.join()
    # then
    assert found == [len(BIG)] * 3


def test_a_full_disk_costs_log_lines_and_a_new_champion_but_no_answer(crowned: Store, port: int) -> None:
    # given a log that cannot be written
    with Path("/dev/full").open("wb") as full, process(crowned, port, stderr=full) as service:
        before = restored(port, NOISY)
        # when files cannot grow
        resource.prlimit(service.pid, resource.RLIMIT_FSIZE, (SMALLER_THAN_A_MODEL, resource.RLIM_INFINITY))
        decide_on(crowned.context(WEEK_2), "promoted")
        until(lambda: "mendel_refresh_failing 1.0" in get(port, "/metrics"))
        # then
        assert restored(port, NOISY) == before
        assert before[0] == 1
        # and when there is room again
        resource.prlimit(service.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        until(lambda: restored(port, NOISY)[0] == 2)


def test_a_model_file_that_is_cut_short_under_the_process_changes_nothing(crowned: Store, port: int) -> None:
    with process(crowned, port):
        before = restored(port, NOISY)
        # when
        (file,) = Path(champions.resolve(crowned.root).restorer_uri.removeprefix("file://")).glob("*.safetensors")
        with file.open("r+b") as opened:
            opened.truncate(100)
        # then
        assert restored(port, NOISY) == before
        assert before[1] != NOISY, "nothing was restored"
