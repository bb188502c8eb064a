"""The API over HTTP: answers, refusals, and the swap of the champion."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from mendel.promotion import champions
from mendel.restorers.restorer import Restoration, Restorer, Span
from mendel.serving.keys import Keys, new
from mendel.serving.schemas import Restored, RestoreRequest

from .conftest import WEEK_2, Store, decide_on, running, settings, until

NOISY = ["The goverment of teh people.", "Our cuontry and and our future.", ""]


def test_answers_are_those_of_the_champion(with_champion: Store, service: httpx.Client) -> None:
    # given
    expected = Restorer.load(champions.resolve(with_champion.root).restorer_uri).restore(NOISY)

    # when
    answered = service.post("/v1/restore", json={"text": NOISY})

    # then
    assert answered.status_code == 200, answered.text
    body = answered.json()
    assert body["version"] == 1
    assert [result["text"] for result in body["results"]] == [found.text for found in expected]
    assert any(result["changed"] for result in body["results"]), "nothing was restored"


def test_the_edits_lead_from_the_input_to_the_answer(service: httpx.Client) -> None:
    (result, *_) = service.post("/v1/restore", json={"text": NOISY}).json()["results"]

    text = NOISY[0]
    for edit in reversed(result["edits"]):
        assert text[edit["start"] : edit["end"]] == edit["original"]
        assert 0 < edit["confidence"] <= 1
        text = text[: edit["start"]] + edit["replacement"] + text[edit["end"] :]
    assert result["edits"], "nothing was restored"
    assert text == result["text"]


def test_a_threshold_keeps_what_is_not_sure_enough(service: httpx.Client) -> None:
    free = service.post("/v1/restore", json={"text": NOISY[0]}).json()["results"][0]
    held = service.post("/v1/restore", json={"text": NOISY[0], "threshold": 1.0}).json()["results"][0]
    assert free["changed"]
    assert (held["text"], held["changed"], held["kept"], held["edits"]) == (NOISY[0], False, True, [])


def test_a_threshold_parts_the_changes_of_each_text(service: httpx.Client) -> None:
    # given
    texts = [*NOISY, "and the people of our nation"]
    free = service.post("/v1/restore", json={"text": texts}).json()["results"]
    confidences = sorted(edit["confidence"] for result in free for edit in result["edits"])
    assert confidences[0] < confidences[-1], "all changes are equally sure"
    # when
    asked = {"text": texts, "threshold": confidences[-1]}
    held = service.post("/v1/restore", json=asked).json()["results"]
    unsaid = service.post("/v1/restore", json=asked | {"edits": False}).json()["results"]
    # then
    for text, before, after in zip(texts, free, held, strict=True):
        assert after["edits"] == [edit for edit in before["edits"] if edit["confidence"] == confidences[-1]]
        assert after["changed"] == (after["text"] != text) == bool(after["edits"])
        assert after["kept"] == (not after["edits"] and (before["changed"] or before["kept"]))
        assert after["confidence"] == before["confidence"]
    assert unsaid == [result | {"edits": None} for result in held], "nobody asked for them"


def test_a_text_keeps_the_changes_that_are_sure_enough() -> None:
    edits = (
        Span(start=0, end=3, replacement="the", confidence=0.9),
        Span(start=4, end=8, replacement="king", confidence=0.6),
    )
    found = Restoration(text="the king", confidence=0.4, edits=edits, fallback=False)
    answers = {
        threshold: Restored.of("teh kign", found, RestoreRequest(text="teh kign", threshold=threshold))
        for threshold in (None, 0.6, 0.8, 1.0)
    }
    assert {threshold: (answer.text, answer.changed, answer.kept) for threshold, answer in answers.items()} == {
        None: ("the king", True, False),
        0.6: ("the king", True, False),
        0.8: ("the kign", True, False),
        1.0: ("teh kign", False, True),
    }


def test_a_confidence_is_a_probability_though_sums_are_rounded() -> None:
    span = Span(start=0, end=1, replacement="b", confidence=1 + 1e-12)
    found = Restoration(text="b", confidence=1 + 1e-12, edits=(span,), fallback=False)
    answer = Restored.of("a", found, RestoreRequest(text="a", threshold=1.0))
    assert (answer.text, answer.confidence, answer.edits and answer.edits[0].confidence) == ("b", 1, 1)


@pytest.mark.parametrize(
    ("body", "status", "told"),
    [
        (b'{"text": "\xff\xfe"}', 400, "not JSON in UTF-8"),
        (b"[" * 100_000, 400, "recursion limit"),
        (b'{"text": "\\ud800"}', 400, "hex escape"),
        (b"x" * 10_000_000, 413, "larger than 1000000 bytes"),
        (json.dumps({"text": ["a"] * 100_000}).encode(), 413, "100000 texts; at most 256"),
        (json.dumps({"text": "a" * 60_000}).encode(), 413, "60000 characters; at most 50000"),
        (b'{"text": []}', 422, "at least 1 item"),
        (b'{"txet": "a"}', 422, "txet: Extra inputs"),
        (json.dumps({"b" * 5000: "a", "text": "a"}).encode(), 422, f"body.{'b' * 40}: Extra inputs"),
        (b'{"text": "a", "version": 9}', 404, "no version 9; choose one of [1]"),
    ],
    ids=["utf-8", "nesting", "surrogate", "10 MB", "100,000 texts", "long", "no text", "typo", "long name", "version"],
)
def test_bad_input_is_refused_and_the_service_goes_on(
    service: httpx.Client, body: bytes, status: int, told: str
) -> None:
    refused = service.post("/v1/restore", content=body, headers={"Content-Type": "application/json"})

    assert refused.status_code == status, refused.text
    assert told in refused.json()["detail"]
    assert refused.headers["content-type"] == "application/problem+json"
    assert service.post("/v1/restore", json={"text": "and"}).status_code == 200, "the process is up"


def test_a_new_champion_comes_into_force_without_a_failed_request(with_champion: Store, service: httpx.Client) -> None:
    # given requests all the time
    seen: list[tuple[int, int]] = []
    ended = threading.Event()

    def ask() -> None:
        with httpx.Client(base_url=service.base_url, timeout=60) as client:
            while not ended.is_set():
                answered = client.post("/v1/restore", json={"text": NOISY[0]})
                seen.append((answered.status_code, answered.json().get("version", 0)))

    asking = [threading.Thread(target=ask) for _ in range(3)]
    for thread in asking:
        thread.start()
    # when
    try:
        decide_on(with_champion.context(WEEK_2), "promoted")
        until(lambda: (200, 2) in seen)
    finally:
        ended.set()
        for thread in asking:
            thread.join()
    # then
    assert {status for status, _ in seen} == {200}
    assert service.post("/v1/restore", json={"text": "and", "version": 1}).json()["version"] == 1, "pinned"


def test_a_broken_champion_leaves_the_old_one_in_force(with_champion: Store, service: httpx.Client) -> None:
    # given
    decision = decide_on(with_champion.context(WEEK_2), "declined")
    path = (
        Path(champions.resolved(with_champion.root, decision).restorer_uri.removeprefix("file://"))
        / "ngram.safetensors"
    )
    path.write_bytes(path.read_bytes()[:-1])
    # when
    decide_on(with_champion.context(WEEK_2), "promoted")
    until(lambda: service.get("/v1/models").json()["failure"] is not None)
    # then
    answered = service.post("/v1/restore", json={"text": "and"})
    assert (answered.status_code, answered.json()["version"]) == (200, 1)
    assert "mendel_refresh_failing 1.0" in service.get("/metrics").text


def test_without_a_registry_it_lives_and_is_not_ready(tmp_path: Path) -> None:
    with running(tmp_path.as_uri(), settings()) as client:
        assert client.get("/healthz").status_code == 200
        assert client.get("/readyz").status_code == 503
        refused = client.post("/v1/restore", json={"text": "a"})
        assert (refused.status_code, "Retry-After" in refused.headers) == (503, True)


def test_keys_are_asked_for_and_probes_are_open(with_champion: Store) -> None:
    key, digest = new()
    with running(with_champion.root, settings(), Keys({"reports": digest})) as client:
        until(lambda: client.get("/readyz").status_code == 200)
        asked = [
            client.post("/v1/restore", json={"text": "a"}, headers=headers).status_code
            for headers in ({}, {"X-API-Key": key + "x"}, {"X-API-Key": key}, {"Authorization": f"Bearer {key}"})
        ]
    assert asked == [401, 401, 200, 200]


def test_a_body_that_does_not_come_is_given_up(with_champion: Store) -> None:
    import socket

    with running(with_champion.root, settings(body_seconds=0.2)) as client:
        with socket.create_connection((client.base_url.host, client.base_url.port or 0), timeout=30) as slow:
            slow.sendall(b"POST /v1/restore HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{")
            assert slow.recv(12) == b"HTTP/1.1 408"
        assert client.get("/healthz").status_code == 200


def test_noise_is_the_same_for_the_same_seed(service: httpx.Client) -> None:
    text = "The people of our nation must work together for the future. " * 4
    first, again, other = (
        service.post("/v1/corrupt", json={"text": text, "profile": "heavy", "seed": seed}).json() for seed in (1, 1, 2)
    )
    assert first == again
    assert first["text"] not in (text, other["text"])
    assert first["cer"] > 0
    assert service.post("/v1/corrupt", json={"text": text, "profile": "nought"}).status_code == 404


def test_noise_has_the_characters_of_the_champions_corpus(with_champion: Store, service: httpx.Client) -> None:
    # given a champion, whose corpus does not have all of ASCII
    folder = Path(champions.resolve(with_champion.root).restorer_uri.removeprefix("file://"))
    alphabet = set(json.loads((folder / "noise.json").read_text())["alphabet"])
    assert set(map(chr, range(32, 127))) - alphabet, "all of ASCII is in the corpus"

    # when
    asked = {"text": "eeee " * 1000, "profile": "heavy"}
    noise = set(service.post("/v1/corrupt", json=asked).json()["text"]) - set("e ")

    # then
    assert noise, "nothing was inserted"
    assert noise <= alphabet, f"{noise - alphabet} is not of the corpus"


def test_error_rates_are_per_character_of_the_reference(service: httpx.Client) -> None:
    asked = {"reference": "naïve 👍", "texts": ["naïve 👍", "naive 👍", "", "naïve 👍👍👍"]}
    assert service.post("/v1/score", json=asked).json() == {"cer": [0, 1 / 7, 1, 2 / 7]}
    assert service.post("/v1/score", json={"reference": "", "texts": ["a"]}).status_code == 422
    assert service.post("/v1/score", json={"reference": "a" * 30_000, "texts": ["a" * 30_000]}).status_code == 413


def test_a_request_id_is_kept_or_made(service: httpx.Client) -> None:
    assert service.get("/healthz", headers={"X-Request-ID": "abc-1"}).headers["X-Request-ID"] == "abc-1"
    made = service.get("/healthz", headers={"X-Request-ID": "no good"}).headers["X-Request-ID"]
    assert len(made) == 32


BIG = {"text": ["The goverment of teh people. " * 8] * 200}


@contextmanager
def at_work(client: httpx.Client) -> Iterator[list[int]]:
    """While a large request is being restored; its status lies in the list afterwards."""
    statuses: list[int] = []
    large = threading.Thread(target=lambda: statuses.append(client.post("/v1/restore", json=BIG).status_code))
    large.start()
    try:
        until(lambda: "mendel_queue_requests 1.0" in client.get("/metrics").text)
        yield statuses
    finally:
        large.join()


def test_a_full_queue_is_429_with_retry_after(with_champion: Store) -> None:
    with running(with_champion.root, settings(queue_characters=1)) as client:
        until(lambda: client.get("/readyz").status_code == 200)
        with at_work(client) as statuses:
            refused = client.post("/v1/restore", json={"text": "and"})
    assert refused.status_code == 429, refused.text
    assert int(refused.headers["Retry-After"]) >= 1
    assert refused.headers["content-type"] == "application/problem+json"
    assert statuses == [200], "what was in the queue is answered"


def test_a_client_that_goes_away_leaves_the_queue(service: httpx.Client) -> None:
    with at_work(service) as statuses:
        with pytest.raises(httpx.ReadTimeout):
            httpx.post(f"{service.base_url}/v1/restore", json=BIG, timeout=0.2)
        until(lambda: 'mendel_requests_total{route="/v1/restore",status="499"} 1.0' in service.get("/metrics").text)
        assert statuses == [], "the one before it is still under way"
    assert statuses == [200]


def test_too_many_requests_are_refused_and_probes_are_answered(with_champion: Store) -> None:
    with running(with_champion.root, settings(max_requests=1)) as client:
        until(lambda: client.get("/readyz").status_code == 200)
        with at_work(client):
            refused = client.post("/v1/restore", json={"text": "and"})
            assert (refused.status_code, "Retry-After" in refused.headers) == (503, True)
            assert client.get("/healthz").status_code == 200
