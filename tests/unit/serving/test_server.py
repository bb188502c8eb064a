"""`mendel serve` as a process: how it ends, and what does not end it."""

from __future__ import annotations

import asyncio
import re
import resource
import signal
import socket
import threading
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import httpx

from mendel.client.client import Client
from mendel.promotion import champions

from .conftest import PATIENCE, WEEK_2, Store, decide_on, free_port, process, status, until

BIG = ["The goverment of teh people. " * 8] * 100
SMALLER_THAN_A_MODEL = 1000


def restored(url: str) -> tuple[int, str]:
    """The version that answers, and its restoration of a noisy text."""
    answer = httpx.post(f"{url}/v1/restore", json={"text": "The goverment of teh people."}, timeout=PATIENCE)
    body = answer.raise_for_status().json()
    return body["version"], body["results"][0]["text"]


def test_sigterm_lets_what_is_in_flight_end(with_champion: Store, tmp_path: Path) -> None:
    # given requests under way
    answers: list[int] = []

    def ask(url: str) -> None:
        answers.append(httpx.post(f"{url}/v1/restore", json={"text": BIG}, timeout=PATIENCE).status_code)

    with process(with_champion.root, tmp_path) as (service, url):
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


def test_requests_that_a_kill_cuts_off_are_answered_by_the_next_process(with_champion: Store, tmp_path: Path) -> None:
    # given requests under way
    port = free_port()
    found: list[int] = []

    async def ask() -> None:
        async with Client(f"http://127.0.0.1:{port}", patience=PATIENCE) as client:
            found.extend(len(each) for each in await asyncio.gather(*(client.restore(BIG) for _ in range(3))))

    asking = threading.Thread(target=lambda: asyncio.run(ask()))
    with process(with_champion.root, tmp_path, port=port) as (service, url):
        until(lambda: status(f"{url}/readyz") == 200)
        asking.start()
        until(lambda: "mendel_queue_requests 3.0" in httpx.get(f"{url}/metrics").text)
        # when
        service.kill()
        service.wait()
        assert found == [], "they were in flight"
    with process(with_champion.root, tmp_path, port=port):
        asking.join()
    # then
    assert found == [len(BIG)] * 3


def test_a_full_disk_costs_log_lines_and_a_new_champion_but_no_answer(with_champion: Store, tmp_path: Path) -> None:
    # given a log that cannot be written
    with Path("/dev/full").open("wb") as full, process(with_champion.root, tmp_path, stderr=full) as (service, url):
        until(lambda: status(f"{url}/readyz") == 200)
        before = restored(url)
        # when files cannot grow
        resource.prlimit(service.pid, resource.RLIMIT_FSIZE, (SMALLER_THAN_A_MODEL, resource.RLIM_INFINITY))
        decide_on(with_champion.context(WEEK_2), "promoted")
        until(lambda: "mendel_refresh_failing 1.0" in httpx.get(f"{url}/metrics").text)
        # then
        assert restored(url) == before
        assert before[0] == 1
        # and when there is room again
        resource.prlimit(service.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        until(lambda: restored(url)[0] == 2)


def test_a_model_file_that_is_cut_short_under_the_process_changes_nothing(with_champion: Store, tmp_path: Path) -> None:
    with process(with_champion.root, tmp_path) as (_, url):
        until(lambda: status(f"{url}/readyz") == 200)
        before = restored(url)
        # when
        (file,) = Path(champions.resolve(with_champion.root).restorer_uri.removeprefix("file://")).glob("*.safetensors")
        with file.open("r+b") as opened:
            opened.truncate(100)
        # then
        assert restored(url) == before
        assert before[1] == "The government of the people."


def test_callers_are_sent_elsewhere_before_the_port_closes(with_champion: Store, tmp_path: Path) -> None:
    with (
        process(with_champion.root, tmp_path, drain_seconds=2) as (service, url),
        httpx.Client(timeout=PATIENCE) as kept,
    ):
        until(lambda: status(f"{url}/readyz") == 200)
        # given a caller whose connection stays open
        before = kept.post(f"{url}/v1/restore", json={"text": "Teh people."})
        # when
        service.send_signal(signal.SIGTERM)
        until(lambda: status(f"{url}/readyz") == 503)
        # then it is answered, and so is a new caller: each for the last time
        for post in (kept.post, httpx.post):
            answer = post(f"{url}/v1/restore", json={"text": "Teh people."})
            assert answer.status_code == 200
            assert answer.headers["Connection"] == "close"
            assert answer.json() == before.json()
        assert "Connection" not in before.headers
        assert status(f"{url}/healthz") == 200
        # and its metrics count the probe as a probe, not among the requests that failed
        refused = re.findall(r'mendel_requests_total\{route="([^"]*)",status="503"\}', httpx.get(f"{url}/metrics").text)
        assert refused == ["/readyz"]
        assert service.wait(PATIENCE) == -signal.SIGTERM


def test_what_a_caller_sends_writes_no_line_of_its_own_into_the_log(tmp_path: Path) -> None:
    # given a path with ends of lines and a terminal's commands, and a request id of the same kind
    forged = "\r\n".join(["/a", 'level=error event=forged path="'])
    sent = [forged, "/\x1b]0;title\x07\x1b[2J", "/\u2028\x9b2J\u202e", "/v1/restore?" + forged]
    with (tmp_path / "log").open("wb") as log, process(str(tmp_path), tmp_path, stderr=log) as (_, url):
        until(lambda: status(f"{url}/healthz") == 200)
        # when
        for path in sent:
            status(url + quote(path, safe="/?"))
        with closing(socket.create_connection(("127.0.0.1", int(url.rpartition(":")[2])))) as raw:
            raw.sendall(b"GET /last HTTP/1.1\r\nHost: localhost\r\nX-Request-ID: \x1b[2J\x9b\r\n\r\n")
            assert raw.recv(12) == b"HTTP/1.1 404"
        until(lambda: b"path=/last" in (tmp_path / "log").read_bytes())
    # then
    lines = (tmp_path / "log").read_bytes().decode().removesuffix("\n").split("\n")
    assert [line for line in lines if not line.isprintable()] == []
    assert [line for line in lines if line.startswith("level=error event=forged")] == []
    told = [line for line in lines if " event=request " in line and "path=/healthz" not in line]
    assert len(told) == len(sent) + 1, "one line for each request"
    assert r"path=/\u2028\x9b2J\u202e" in told[2], told[2]
    assert r"\x1b" not in told[-1], "the caller's id was kept, though it is none"
