"""What goes wrong around the service, one thing at a time, and what its callers get to see."""

from __future__ import annotations

import socket
import threading
from collections.abc import Sequence
from contextlib import ExitStack
from http.client import HTTPResponse
from pathlib import Path

import httpx
import pytest

from mendel.promotion import champions, ledger
from mendel.restorers.channel import ChannelRestorer
from mendel.restorers.restorer import Restoration
from mendel.serving import protocol

from .conftest import Store, running, settings, until

RESTORE = b"POST /v1/restore HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


def connected(client: httpx.Client) -> socket.socket:
    assert client.base_url.port is not None
    return socket.create_connection((client.base_url.host, client.base_url.port), timeout=60)


def read(connection: socket.socket) -> HTTPResponse:
    """The next answer, to its last byte: its head and its body come when they come."""
    answer = HTTPResponse(connection)
    answer.begin()
    answer.read()
    return answer


def answered(client: httpx.Client) -> int:
    return client.post("/v1/restore", json={"text": "and"}).status_code


def model_file(store: Store) -> Path:
    (found,) = Path(champions.resolve(store.root).restorer_uri.removeprefix("file://")).glob("*.safetensors")
    return found


def test_a_registry_that_goes_away_leaves_the_champion_in_force(with_champion: Store, service: httpx.Client) -> None:
    # when
    folder = with_champion.lake / ledger.FOLDER
    folder.rename(folder.with_name("elsewhere"))
    until(lambda: "mendel_refresh_failing 1.0" in service.get("/metrics").text)
    # then
    assert answered(service) == 200
    assert service.get("/readyz").status_code == 200
    # and when it is back
    folder.with_name("elsewhere").rename(folder)
    until(lambda: "mendel_refresh_failing 0.0" in service.get("/metrics").text)


def test_a_model_that_is_broken_at_the_start_is_taken_once_it_is_mended(with_champion: Store) -> None:
    # given
    file = model_file(with_champion)
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    with running(with_champion.root, settings()) as client:
        until(lambda: "mendel_refresh_failing 1.0" in client.get("/metrics").text)
        # then
        assert (client.get("/healthz").status_code, client.get("/readyz").status_code) == (200, 503)
        assert answered(client) == 503
        # and when
        file.write_bytes(whole)
        until(lambda: client.get("/readyz").status_code == 200)
        assert answered(client) == 200


class ThreadEnd(BaseException):
    """Nothing that handlers of `Exception` catch."""


@pytest.mark.parametrize("kind", ["hangs", "dies"])
def test_an_inference_thread_that_is_gone_is_said_to_callers_and_to_the_probe(
    with_champion: Store, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = threading.Event()

    def restore(_: ChannelRestorer, texts: Sequence[str], documents: object) -> list[Restoration]:
        if kind == "dies":
            raise ThreadEnd
        assert go_on.wait(60)
        return [Restoration(text=text, confidence=1, edits=(), fallback=False) for text in texts]

    with running(with_champion.root, settings(answer_seconds=0.2)) as client:
        until(lambda: client.get("/readyz").status_code == 200)
        assert client.get("/healthz").status_code == 200
        # when
        monkeypatch.setattr(ChannelRestorer, "restore", restore)
        refused = client.post("/v1/restore", json={"text": "and"})
        # then
        assert (refused.status_code, "Retry-After" in refused.headers) == (503, True), refused.text
        until(lambda: client.get("/healthz").status_code == 503)  # so whoever watches restarts the process
        go_on.set()


def test_a_body_without_a_length_is_cut_off_at_the_limit(with_champion: Store) -> None:
    with running(with_champion.root, settings(max_body_bytes=100_000)) as client, connected(client) as endless:
        until(lambda: client.get("/readyz").status_code == 200)
        endless.sendall(RESTORE + b"Transfer-Encoding: chunked\r\n\r\n" + b"c350\r\n" + b"x" * 50_000 + b"\r\n")
        endless.sendall(b"c351\r\n" + b"x" * 50_001 + b"\r\n")
        assert endless.recv(12) == b"HTTP/1.1 413"
        assert answered(client) == 200


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 20,
        b"GET /" + b"\xff" * 10 + b" HTTP/1.1\r\n\r\n",
        b"\r\n" * 9 + b"x",
    ],
    ids=["TLS", "bytes in the path", "no method"],
)
def test_what_is_not_http_is_400(service: httpx.Client, sent: bytes) -> None:
    with connected(service) as other:
        other.sendall(sent + b"\r\n\r\n")
        assert other.recv(12) == b"HTTP/1.1 400"
    assert answered(service) == 200


def test_heads_that_do_not_arrive_give_their_connections_back(
    with_champion: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.5)
    with running(with_champion.root, settings()) as client, ExitStack() as slow:
        until(lambda: client.get("/readyz").status_code == 200)
        connections = [slow.enter_context(connected(client)) for _ in range(50)]
        for place, each in enumerate(connections):
            each.sendall(RESTORE[:place])  # the first says nothing at all
        # then the others are answered meanwhile
        assert answered(client) == 200
        for each in connections:
            assert each.recv(12) == b"HTTP/1.1 408"


def test_a_pause_within_a_second_head_is_given_up_too(with_champion: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.5)
    with running(with_champion.root, settings()) as client, connected(client) as slow:
        slow.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert read(slow).status == 200
        slow.sendall(b"GET /he")
        assert slow.recv(12) == b"HTTP/1.1 408"


def test_a_client_that_does_not_read_holds_up_nobody(service: httpx.Client) -> None:
    with socket.socket() as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        assert service.base_url.port is not None
        slow.connect((service.base_url.host, service.base_url.port))
        for _ in range(300):  # some ten megabytes of answers
            slow.sendall(b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert answered(service) == 200
        assert service.get("/healthz").status_code == 200
    until(lambda: answered(service) == 200)
