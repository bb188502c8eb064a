"""The queue: order, bounds, failures and cancelling, with a restorer that waits until it is told to go on."""

from __future__ import annotations

import asyncio
import functools
import threading
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

import pytest

from mendel.restoration.restorer import Restoration, Restorer
from mendel.serving.batcher import Batch, Batcher, QueueFullError
from mendel.serving.models import Model
from mendel.serving.settings import Serve


def on_a_loop(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Run a coroutine test to its end."""

    @functools.wraps(test)
    def run(**fixtures: Any) -> None:
        asyncio.run(test(**fixtures))

    return run


class Upper(Restorer):
    kind = "upper"

    def __init__(self) -> None:
        self.go_on = threading.Event()
        self.batches: list[list[str]] = []

    @classmethod
    def read(cls, folder: Path) -> Upper:
        return cls()

    def restore(self, texts: Sequence[str]) -> list[Restoration]:
        self.batches.append(list(texts))
        assert self.go_on.wait(30)
        if "bad" in texts:
            raise ValueError("bad")
        return [Restoration(text=text.upper(), confidence=1, edits=(), fallback=False) for text in texts]


@pytest.fixture
def upper() -> Upper:
    return Upper()


def model(restorer: Restorer) -> Model:
    return Model(1, "digest", restorer)


async def asked(batcher: Batcher, by: Model, *requests: list[str]) -> list[asyncio.Task[list[Restoration]]]:
    """Requests that have reached the queue."""
    tasks = [asyncio.create_task(batcher.restore(by, request)) for request in requests]
    await asyncio.sleep(0)
    return tasks


@on_a_loop
async def test_what_gathers_during_a_batch_becomes_one_and_large_requests_take_turns(upper: Upper) -> None:
    done: list[Batch] = []
    batcher, by = Batcher(Serve(batch_texts=4), done.append), model(upper)

    tasks = await asked(batcher, by, ["first"], ["a1", "a2", "a3", "a4", "a5"], ["b1"], ["c1"])
    upper.go_on.set()
    answers = [[found.text for found in await task] for task in tasks]

    assert upper.batches == [["first"], ["a1", "b1", "c1", "a2"], ["a3", "a4", "a5"]]
    assert answers == [["FIRST"], ["A1", "A2", "A3", "A4", "A5"], ["B1"], ["C1"]]
    assert [batch.texts for batch in done] == [1, 4, 3]
    assert batcher.depth == 0


@on_a_loop
async def test_a_full_queue_says_when_to_come_again(upper: Upper) -> None:
    batcher, by = Batcher(Serve(queue_characters=10)), model(upper)
    tasks = await asked(batcher, by, ["first"], ["12345678"])

    with pytest.raises(QueueFullError) as full:
        await batcher.restore(by, ["123"])

    assert full.value.retry_after >= 1
    upper.go_on.set()
    assert [found.text for task in tasks for found in await task] == ["FIRST", "12345678"]


@on_a_loop
async def test_a_cancelled_request_leaves_the_queue(upper: Upper) -> None:
    batcher, by = Batcher(Serve()), model(upper)
    first, second, third = await asked(batcher, by, ["first"], ["second"], ["third"])

    second.cancel()
    await asyncio.wait([second])
    upper.go_on.set()
    await asyncio.gather(first, third)

    assert upper.batches == [["first"], ["third"]]


@on_a_loop
async def test_one_bad_text_does_not_fail_its_neighbours(upper: Upper) -> None:
    batcher, by = Batcher(Serve()), model(upper)
    first, good, bad = await asked(batcher, by, ["first"], ["good"], ["bad"])

    upper.go_on.set()
    answers = await asyncio.gather(first, good, bad, return_exceptions=True)

    assert [found.text for found in answers[1]] == ["GOOD"]  # type: ignore[union-attr]
    assert isinstance(answers[2], ValueError)


@on_a_loop
async def test_a_batch_is_of_one_model(upper: Upper) -> None:
    batcher, old, new = Batcher(Serve()), model(upper), model(newer := Upper())
    newer.go_on.set()
    blocked = await asked(batcher, old, ["first"], ["old"])
    rest = [*blocked, *await asked(batcher, new, ["new"])]

    upper.go_on.set()
    await asyncio.gather(*rest)

    assert (upper.batches, newer.batches) == ([["first"], ["old"]], [["new"]])
