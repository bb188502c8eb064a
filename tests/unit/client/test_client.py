"""The client against the service, and against a server that is busy or away at first."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from mendel.client.client import Client, UnavailableError
from mendel.core.errors import InputError

from ..serving.conftest import candidates_template, service, with_champion

__all__ = ["candidates_template", "service", "with_champion"]

NOISY = ["The goverment of teh people.", "and"]


def restored(url: str, texts: list[str], patience: float = 30, **options: object) -> list[dict[str, Any]]:
    async def ask() -> list[dict[str, Any]]:
        async with Client(url, patience=patience) as client:
            return await client.restore(texts, **options)

    return asyncio.run(ask())


@contextmanager
def answering(port: int, *answers: tuple[int, dict[str, str]]) -> Iterator[tuple[str, list[float]]]:
    """A server that gives these statuses and headers in turn; its URL, and when each request came."""
    left, came = iter(answers), []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            came.append(time.monotonic())
            self.rfile.read(int(self.headers["Content-Length"]))
            status, headers = next(left)
            body = b'{"results": [{"text": "late"}], "detail": "as told"}'
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", port), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", came
        finally:
            server.shutdown()
            thread.join()


def test_it_gets_what_the_service_answers(service: httpx.Client) -> None:
    direct = service.post("/v1/restore", json={"text": NOISY}).json()["results"]
    assert restored(str(service.base_url), NOISY) == direct


def test_a_refusal_is_an_input_error_with_the_services_words(service: httpx.Client) -> None:
    with pytest.raises(InputError, match=r"404: there is no version 9; choose one of \[1\]"):
        restored(str(service.base_url), NOISY, version=9)


def test_a_busy_server_is_asked_again_but_not_before_its_time() -> None:
    with answering(0, (429, {"Retry-After": "1"}), (503, {}), (200, {})) as (url, came):
        assert restored(url, ["a"]) == [{"text": "late"}]
    assert len(came) == 3
    assert came[1] - came[0] >= 1, "sooner than Retry-After"


def test_a_wait_beyond_its_patience_is_not_begun() -> None:
    with (
        answering(0, (503, {"Retry-After": "3600"})) as (url, came),
        pytest.raises(UnavailableError, match="503: as told"),
    ):
        restored(url, ["a"], patience=5)
    assert len(came) == 1


def test_what_failed_for_good_is_not_asked_again() -> None:
    with answering(0, (500, {})) as (url, came), pytest.raises(UnavailableError, match="500: as told"):
        restored(url, ["a"])
    assert len(came) == 1


def test_a_server_that_is_away_is_waited_for() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    found: list[list[dict[str, Any]]] = []
    asking = threading.Thread(target=lambda: found.append(restored(f"http://127.0.0.1:{port}", ["a"])))
    asking.start()
    time.sleep(0.3)  # some attempts find nobody
    with answering(port, (200, {})):
        asking.join(30)
    assert found == [[{"text": "late"}]]


def test_nobody_there_is_said() -> None:
    with pytest.raises(UnavailableError, match="cannot be reached"):
        restored("http://127.0.0.1:9", ["a"], patience=0)


@pytest.mark.parametrize("url", ["127.0.0.1:8080", "ftp://a", "http://a:b"])
def test_what_is_no_url_is_refused(url: str) -> None:
    with pytest.raises(InputError, match="URL"):
        restored(url, ["a"])


def test_a_key_with_other_characters_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="API key"):
        Client("http://a", "schlüssel")
