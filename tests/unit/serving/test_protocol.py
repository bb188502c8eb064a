"""The wire: one parser, heads that are capped, and what is left of a request that was refused early."""

from __future__ import annotations

import asyncio
import os
import re
import socket
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from mendel.serving import app, protocol
from mendel.serving.keys import Keys, new
from mendel.serving.server import options

from .conftest import REPO, Store, running, settings, until
from .test_faults import RESTORE, answered, connected, read

KEY, DIGEST = new()
HOLDER = Keys({"reports": DIGEST})
GET = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
MANY = b"".join(b"X-%d: %s\r\n" % (number, b"x" * 100) for number in range(200))
LONG = b"X-Long: " + b"x" * protocol.HEAD_BYTES + b"\r\n"


def rest(connection: socket.socket) -> bytes:
    """What comes until the other side ends."""
    connection.settimeout(30)
    found = b""
    while part := connection.recv(4096):
        found += part
    return found


def resident() -> int:
    """Bytes of memory that this process has, and the server in it."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


def test_the_parser_is_the_images_whatever_else_is_installed(tmp_path: Path) -> None:
    pytest.importorskip("httptools", reason="uvicorn would not prefer it where it is not installed")
    chosen = uvicorn.Config(app.create(str(tmp_path), settings()), **options(settings()))
    chosen.load()
    loop = asyncio.new_event_loop()
    protocol_class: Any = chosen.http_protocol_class  # asyncio's type for it knows no arguments
    made = protocol_class(config=chosen, server_state=uvicorn.server.ServerState(), app_state={}, _loop=loop)
    loop.close()
    assert isinstance(made, H11Protocol)


@pytest.mark.parametrize("lock", ["serve", "tasks", "gpu", "dev"])
def test_the_parser_is_locked_to_one_version(lock: str) -> None:
    def pinned(name: str) -> list[str]:
        return re.findall(r"^h11==\S+", (REPO / "requirements" / f"{name}.txt").read_text(), re.MULTILINE)

    assert len(pinned(lock)) == 1
    assert pinned(lock) == pinned("serve"), "the tests run on another one than the image"


@pytest.mark.parametrize(
    "head",
    [
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n" + LONG,
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n" + MANY,
        b"GET /" + b"x" * protocol.HEAD_BYTES + b" HTTP/1.1\r\nHost: localhost\r\n",
    ],
    ids=["one long header", "many headers", "a long path"],
)
@pytest.mark.parametrize("parts", [1, 40])
def test_a_head_is_capped_whether_it_comes_at_once_or_not(service: httpx.Client, head: bytes, parts: int) -> None:
    with connected(service) as caller:
        whole, size = head + b"\r\n", len(head) // parts + 1
        for at in range(0, len(whole), size):
            try:
                caller.sendall(whole[at : at + size])
            except ConnectionError:
                break
            if parts > 1:
                time.sleep(0.002)
        answer = read(caller)
        assert (answer.status, answer.headers["Connection"]) == (400, "close")
    assert answered(service) == 200


def test_a_head_that_never_ends_is_given_up_and_kept_nowhere(
    with_champion: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "LEFT_OVER_SECONDS", 0.5)
    with running(with_champion.root, settings()) as client, connected(client) as caller:
        caller.settimeout(30)
        caller.sendall(b"GET / HTTP/1.1\r\n")
        before = most = resident()
        until_given_up = time.monotonic() + 20
        with suppress(ConnectionError):  # what the client sends is not read any more
            while time.monotonic() < until_given_up:
                caller.sendall(MANY * 50)
                most = max(most, resident())
        assert time.monotonic() < until_given_up, "it takes whatever comes"
        assert most - before < 100_000_000, "bytes of memory for a head"
        assert client.get("/healthz").status_code == 200


def test_a_head_below_the_cap_is_answered(service: httpx.Client) -> None:
    token = "x" * (protocol.HEAD_BYTES - 1000)
    assert service.get("/healthz", headers={"X-Token": token}).status_code == 200


@pytest.mark.parametrize("framing", [b"Content-Length: 20000", b"Transfer-Encoding: chunked"])
def test_the_rest_of_a_refused_body_is_read_and_the_connection_goes_on(
    with_champion: Store, framing: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.2)
    body = b"x" * 20_000 if b"Length" in framing else b"4e20\r\n" + b"x" * 20_000 + b"\r\n0\r\n\r\n"
    with running(with_champion.root, settings(), HOLDER) as client, connected(client) as caller:
        # given a request that is refused for its head
        caller.sendall(RESTORE + framing + b"\r\n\r\n" + body[:10])
        assert read(caller).status == 401
        # when its body comes all the same, slower than a head may
        for at in range(10, len(body), 5000):
            time.sleep(0.15)
            caller.sendall(body[at : at + 5000])
        # then
        caller.sendall(GET)
        assert read(caller).status == 200, "the body was taken for the next head"


def test_a_refused_body_that_does_not_come_ends_the_connection_without_a_second_answer(
    with_champion: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.1)
    monkeypatch.setattr(protocol, "LEFT_OVER_SECONDS", 0.5)
    with running(with_champion.root, settings(), HOLDER) as client, connected(client) as caller:
        caller.sendall(RESTORE + b"Content-Length: 20000\r\n\r\n{")
        assert read(caller).status == 401
        began = time.monotonic()
        with suppress(ConnectionError):
            assert rest(caller) == b"", "a 408 to a request that was answered"
        assert time.monotonic() - began < 10, "it is held for a body that nobody wants"


def test_a_body_that_is_cut_off_at_the_limit_lets_its_answer_be_read(with_champion: Store) -> None:
    body = b"x" * 2_000_000
    with running(with_champion.root, settings(max_body_bytes=1000)) as client, connected(client) as caller:
        until(lambda: client.get("/readyz").status_code == 200)
        # given a client that sends its whole body before it reads, as most do
        caller.sendall(RESTORE + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        assert read(caller).status == 413
        caller.sendall(GET)
        assert read(caller).status == 200


def test_a_body_that_is_too_slow_is_answered_and_the_connection_ends(with_champion: Store) -> None:
    with running(with_champion.root, settings(body_seconds=0.2)) as client, connected(client) as caller:
        until(lambda: client.get("/readyz").status_code == 200)
        caller.sendall(RESTORE + b"Content-Length: 100\r\n\r\n{")
        answer = read(caller)
        assert (answer.status, answer.headers["Connection"]) == (408, "close")
        assert rest(caller) == b""
