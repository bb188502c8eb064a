"""Callers who would have the service for themselves: with long texts, with connections, by not reading; others are answered."""

from __future__ import annotations

import random
import socket
import string
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import httpx
import pytest
from pydantic import ValidationError

from mendel.promotion import champions
from mendel.restorers.restorer import Restorer
from mendel.serving.keys import Keys, new

from .conftest import Store, running, settings, until
from .test_faults import answered, connected, read

KEY, DIGEST = new()
HOLDER = Keys({"reports": DIGEST})
LONGEST = 49_000
"""Characters, of the 50,000 that a request may have."""
NOISY = "The goverment of teh people and our cuontry must work togehter. " * 40


def random_text(characters: int) -> str:
    """Far slower to restore than words."""
    return "".join(random.Random(0).choices(string.ascii_letters + string.punctuation, k=characters))


@contextmanager
def under_way(client: httpx.Client, text: str) -> Iterator[threading.Thread]:
    """While a long text is being restored."""
    asking = threading.Thread(target=lambda: client.post("/v1/restore", json={"text": text}))
    asking.start()
    try:
        until(lambda: "mendel_queue_requests 1.0" in client.get("/metrics").text)
        yield asking
    finally:
        asking.join()


def asked(connection: socket.socket) -> int:
    """The status of what a holder of a key asks on a connection that stays open."""
    connection.settimeout(60)
    connection.sendall(f"GET /v1/models HTTP/1.1\r\nHost: localhost\r\nX-API-Key: {KEY}\r\n\r\n".encode())
    return read(connection).status


def ended(connection: socket.socket) -> bool:
    """Whether the other side has closed it, or cut it off, without a word."""
    connection.settimeout(0.05)
    try:
        return connection.recv(1) == b""
    except TimeoutError:
        return False
    except ConnectionError:
        return True


@pytest.fixture
def fine(with_champion: Store) -> Iterator[httpx.Client]:
    """A service whose turns are short beside its longest text, on a fast machine too."""
    with running(with_champion.root, settings(batch_seconds=0.02)) as client:
        until(lambda: client.get("/readyz").status_code == 200)
        yield client


def test_a_short_text_is_answered_while_a_long_one_is_under_way(fine: httpx.Client) -> None:
    with under_way(fine, random_text(LONGEST)) as long:
        for _ in range(2):
            assert answered(fine) == 200
            assert fine.get("/healthz").status_code == 200
        assert long.is_alive(), "the long text held up the short ones"


def test_a_long_text_is_restored_as_the_restorer_does(with_champion: Store, service: httpx.Client) -> None:
    expected = Restorer.load(champions.resolve(with_champion.root).restorer_uri).restore([NOISY])[0]

    (found,) = service.post("/v1/restore", json={"text": NOISY}).json()["results"]

    assert (found["text"], len(found["edits"])) == (expected.text, len(expected.edits))
    assert found["confidence"] == pytest.approx(expected.confidence)
    assert found["changed"], "nothing was restored"


def test_a_caller_that_goes_away_takes_its_text_along(fine: httpx.Client) -> None:
    # given a long text that is given up
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(f"{fine.base_url}/v1/restore", json={"text": random_text(LONGEST)}, timeout=0.1)
    # when
    until(lambda: 'mendel_requests_total{route="/v1/restore",status="499"} 1.0' in fine.get("/metrics").text)
    assert answered(fine) == 200
    # then
    told = fine.get("/metrics").text
    assert "mendel_queue_characters 0.0" in told
    assert float(told.split("\nmendel_characters_total ")[1].split("\n")[0]) < LONGEST / 2, "it was restored for nobody"


def test_what_the_model_could_not_restore_in_time_is_refused_at_once(with_champion: Store) -> None:
    with running(with_champion.root, settings(answer_seconds=0.005)) as client:
        until(lambda: client.get("/readyz").status_code == 200)
        refused = client.post("/v1/restore", json={"text": "word " * 9_000})
    assert (refused.status_code, "in 0.005 s: send several" in refused.json()["detail"]) == (413, True), refused.text


def test_requests_without_a_key_take_no_place_of_those_with_one(with_champion: Store) -> None:
    with running(with_champion.root, settings(max_requests=1), HOLDER) as client, ExitStack() as strangers:
        until(lambda: client.get("/readyz").status_code == 200)
        # given requests whose bodies do not come
        for line in (b"POST /v1/restore", b"GET /healthz", b"POST /", b"GET /v1/models") * 5:
            stranger = strangers.enter_context(connected(client))
            stranger.sendall(line + b" HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{")
        time.sleep(0.2)
        # then
        answer = client.post("/v1/restore", json={"text": "and"}, headers={"X-API-Key": KEY})
        assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("head", ["GET /v1/models", "GET /healthz", "GET /", "POST /healthz", "HEAD /"])
@pytest.mark.parametrize("length", ["Content-Length: 5", "Transfer-Encoding: chunked"])
def test_only_what_takes_a_body_is_given_one(service: httpx.Client, head: str, length: str) -> None:
    with connected(service) as caller:
        caller.sendall(f"{head} HTTP/1.1\r\nHost: localhost\r\n{length}\r\n\r\n".encode())
        assert caller.recv(12) == b"HTTP/1.1 413", "it waits for the body"


def test_strangers_push_out_each_other_and_nobody_else(with_champion: Store) -> None:
    with running(with_champion.root, settings(max_strangers=5), HOLDER) as client, ExitStack() as open_:
        until(lambda: client.get("/readyz").status_code == 200)
        # given a holder of a key, and then a crowd that says nothing
        holder = open_.enter_context(connected(client))
        assert asked(holder) == 200
        crowd = [open_.enter_context(connected(client)) for _ in range(20)]
        # then the latest of them may stay, and the holder too
        until(lambda: [ended(each) for each in crowd].count(True) >= 15)
        assert not ended(crowd[-1]), "a newcomer was turned away before it could say anything"
        assert asked(holder) == 200
        # and another one comes in
        assert asked(open_.enter_context(connected(client))) == 200


def test_a_connection_too_many_takes_the_place_of_the_one_that_has_been_idle_longest(with_champion: Store) -> None:
    with (
        running(with_champion.root, settings(max_connections=5, max_requests=1), HOLDER) as client,
        ExitStack() as open_,
    ):
        until(lambda: client.get("/readyz").status_code == 200)
        idle = []
        for _ in range(10):
            idle.append(open_.enter_context(connected(client)))
            assert asked(idle[-1]) == 200
        until(lambda: [ended(each) for each in idle].count(True) >= 5)
        assert [ended(each) for each in idle[-3:]] == [False] * 3
        assert client.get("/healthz").status_code == 200


def test_probes_have_a_connection_under_any_load() -> None:
    with pytest.raises(ValidationError, match="max_connections must be more than max_requests"):
        settings(max_connections=10, max_requests=10)


def test_a_client_that_does_not_read_is_cut_off(with_champion: Store) -> None:
    with running(with_champion.root, settings(write_seconds=0.5)) as client, socket.socket() as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        assert client.base_url.port is not None
        deaf.connect((client.base_url.host, client.base_url.port))

        def cut_off() -> bool:
            try:
                deaf.sendall(b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n")
            except ConnectionError:
                return True
            return False

        for _ in range(300):  # some ten megabytes of answers
            if cut_off():
                break
        until(cut_off)
        assert client.get("/healthz").status_code == 200


def test_a_client_that_reads_slowly_is_answered_whole(service: httpx.Client) -> None:
    expected = len(service.get("/openapi.json").content)
    with connected(service) as slow:
        slow.sendall(b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        read = b""
        while part := slow.recv(2000):
            read += part
            time.sleep(0.01)
    assert len(read.partition(b"\r\n\r\n")[2]) == expected
