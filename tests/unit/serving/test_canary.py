"""The canary beside the champion: which version, on which requests, in whose shadow, and what is counted."""

from __future__ import annotations

import asyncio
import os
import re
import sys
import threading
from collections.abc import Sequence

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from mendel.core.errors import InputError
from mendel.promotion import ledger
from mendel.restorers.restorer import Restoration
from mendel.serving.batcher import Batcher
from mendel.serving.canary import Shadow, choose, takes
from mendel.serving.metrics import Metrics
from mendel.serving.models import Model
from mendel.serving.settings import Canary, Serve

from .conftest import WEEK_1, WEEK_2, Store, decide_on, running, settings, until
from .test_batcher import Upper, on_a_loop

NOISY = ["The goverment of teh people.", "Our cuontry and and our future."]


def value(client: httpx.Client, name: str, **labels: str) -> float:
    """A metric as Prometheus would read it; 0 where it has not been counted yet."""
    told = ",".join(f'{key}="{labels[key]}"' for key in sorted(labels))
    line = re.search(rf"^{re.escape(name + (f'{{{told}}}' if told else ''))} (\S+)$", client.get("/metrics").text, re.M)
    return float(line[1]) if line else 0.0


@given(st.floats(0.001, 1), st.text(max_size=64))
def test_the_same_id_always_meets_the_same_model(fraction: float, request_id: str) -> None:
    taken = takes(Canary(fraction=fraction), request_id)
    assert taken == takes(Canary(fraction=fraction), request_id)
    assert takes(Canary(fraction=1), request_id), "all"
    assert taken <= takes(Canary(fraction=min(1, fraction * 1.5)), request_id), (
        "a larger share keeps those of a smaller"
    )


def test_the_share_is_what_was_asked_for() -> None:
    taken = sum(takes(Canary(fraction=0.1), f"request-{number}") for number in range(10_000))
    assert 900 < taken < 1100


def test_an_answering_canary_is_named() -> None:
    with pytest.raises(ValidationError, match="name another version"):
        Canary(fraction=0.1, shadow=False)


def test_a_declined_canary_is_compared_and_never_answers(with_champion: Store) -> None:
    # given version 1 is champion and version 2 was declined
    decide_on(with_champion.context(WEEK_2), "declined")
    history = ledger.read(with_champion.root)
    # then
    assert choose(history, Canary(fraction=1)).version == 2
    with pytest.raises(InputError, match="version 2 was declined, so it must not answer"):
        choose(history, Canary(fraction=1, shadow=False, version=2))
    with pytest.raises(InputError, match="version 1 is the champion"):
        choose(history, Canary(fraction=1, version=1))
    with pytest.raises(InputError, match="no version 7"):
        choose(history, Canary(fraction=1, version=7))


def test_a_former_champion_may_answer_though_it_was_declined_while_in_force(with_champion: Store) -> None:
    decide_on(with_champion.context(WEEK_1), "declined")  # evaluated again, unchanged
    decide_on(with_champion.context(WEEK_2), "promoted")
    asked = Canary(fraction=1, shadow=False, version=1)
    assert choose(ledger.read(with_champion.root), asked).version == 1

    decide_on(with_champion.context(WEEK_1), "declined")  # against version 2
    with pytest.raises(InputError, match="declined"):
        choose(ledger.read(with_champion.root), asked)


def test_a_share_of_the_requests_is_answered_by_the_canary(with_champion: Store) -> None:
    decide_on(with_champion.context(WEEK_2), "promoted")
    canary = Canary(fraction=0.5, shadow=False, version=1)
    with running(with_champion.root, settings(canary=canary)) as client:
        until(lambda: value(client, "mendel_canary_version") == 1)
        ids = [f"r{number}" for number in range(12)]
        answered = {
            name: client.post("/v1/restore", json={"text": NOISY}, headers={"X-Request-ID": name}).json()["version"]
            for name in ids
        }
        assert value(client, "mendel_challenger_version") == 1, "the former name is exported until 0.3.0"
        pinned = client.post("/v1/restore", json={"text": NOISY, "version": 1}).json()["version"]
        assert client.get("/v1/models").json()["canary"] == {
            "version": 1,
            "fraction": 0.5,
            "shadow": False,
            "failure": None,
        }
        counted = {
            role: value(client, "mendel_answers_total", version=v, role=role)
            for v, role in [("1", "canary"), ("2", "champion"), ("1", "pinned")]
        }
    assert answered == {name: 1 if takes(canary, name) else 2 for name in ids}
    assert set(answered.values()) == {1, 2}
    assert (pinned, counted["pinned"]) == (1, 1)
    assert counted["canary"] + counted["champion"] == len(ids)


def test_in_the_shadow_the_champion_answers_and_both_are_counted(with_champion: Store) -> None:
    decide_on(with_champion.context(WEEK_2), "declined")
    with running(with_champion.root, settings(canary={"fraction": 1})) as client:
        until(lambda: value(client, "mendel_canary_version") == 2)
        champion, other = (
            client.post("/v1/restore", json={"text": NOISY, "version": version}).json()["results"] for version in (1, 2)
        )
        answered = client.post("/v1/restore", json={"text": NOISY}).json()
        until(lambda: value(client, "mendel_answers_total", version="2", role="shadow") == 1)
        agreed, differed = (
            value(client, "mendel_shadow_texts_total", version="2", agreed=agreed) for agreed in ("true", "false")
        )
        for role, version in (("champion", "1"), ("shadow", "2")):
            assert value(client, "mendel_answer_seconds_count", version=version, role=role) == 1
            assert value(client, "mendel_confidence_count", version=version, role=role) == len(NOISY)
    assert (answered["version"], answered["results"]) == (1, champion)
    same = [one["text"] == two["text"] for one, two in zip(champion, other, strict=True)]
    assert (agreed, differed) == (same.count(True), same.count(False))


def test_a_canary_that_is_promoted_is_the_champion_and_no_canary_any_more(with_champion: Store) -> None:
    decide_on(with_champion.context(WEEK_2), "declined")
    with running(with_champion.root, settings(canary={"fraction": 1})) as client:
        until(lambda: value(client, "mendel_canary_version") == 2)
        decide_on(with_champion.context(WEEK_2), "promoted")
        until(lambda: value(client, "mendel_model_version") == 2 and value(client, "mendel_canary_version") == 0)
        assert client.post("/v1/restore", json={"text": NOISY}).json()["version"] == 2
        assert client.get("/v1/models").json()["canary"]["failure"]


def counts(metrics: Metrics, name: str) -> float:
    return sum(
        sample.value for family in metrics.registry.collect() for sample in family.samples if sample.name == name
    )


@on_a_loop
async def test_a_slow_or_failing_canary_is_neither_waited_for_nor_felt() -> None:
    # given a canary whose restorer waits for a signal
    metrics, serve = Metrics(), Serve()
    champion = Batcher(serve)
    shadow = Shadow(serve, Canary(fraction=1, queue_characters=10), champion, metrics)
    canary = Model(2, "two", upper := Upper(), 5000.0)
    answered = [Restoration(text="BAD", confidence=1, edits=(), fallback=False)]
    # when
    for text in ("bad", "12345678", "123"):  # under way, in the queue, and one too many
        shadow.compare(canary, [text], answered)
        await asyncio.sleep(0)
    dropped = counts(metrics, "mendel_shadow_dropped_total")
    upper.go_on.set()
    while counts(metrics, "mendel_shadow_texts_total") < 1:
        await asyncio.sleep(0.01)
    # then
    assert dropped == 1
    assert counts(metrics, "mendel_answers_failed_total") == 1
    await shadow.close()


class Polite(Upper):
    """Remembers the priority of the thread that it restores in."""

    def restore(self, texts: Sequence[str], documents: object = None) -> list[Restoration]:
        self.priority = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
        return super().restore(texts)


@pytest.mark.skipif(sys.platform != "linux", reason="threads have priorities of their own on Linux only")
@on_a_loop
async def test_the_shadow_computes_when_nobody_else_would() -> None:
    metrics, polite = Metrics(), Polite()
    polite.go_on.set()
    shadow = Shadow(Serve(), Canary(fraction=1), Batcher(Serve()), metrics)

    shadow.compare(
        Model(2, "two", polite, 5000.0), ["a"], [Restoration(text="A", confidence=1, edits=(), fallback=False)]
    )
    while counts(metrics, "mendel_shadow_texts_total") < 1:
        await asyncio.sleep(0.01)

    assert polite.priority == 19 > os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    await shadow.close()


@on_a_loop
async def test_a_busy_champion_has_no_shadow() -> None:
    metrics, serve = Metrics(), Serve()
    champion = Batcher(serve)
    shadow = Shadow(serve, Canary(fraction=1), champion, metrics)
    model = Model(1, "one", upper := Upper(), 5000.0)
    waiting = [asyncio.create_task(champion.restore(model, [text])) for text in ("under way", "waiting")]
    await asyncio.sleep(0)

    shadow.compare(Model(2, "two", Upper(), 5000.0), ["a"], [])

    assert counts(metrics, "mendel_shadow_dropped_total") == 1
    upper.go_on.set()
    await asyncio.gather(*waiting)
    await shadow.close()
