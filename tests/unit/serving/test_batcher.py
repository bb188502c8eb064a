"""The queue: order, bounds, failures and cancelling, with a restorer that waits until it is told to go on."""

from __future__ import annotations

import asyncio
import functools
import threading
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

import pytest

from mendel.restorers.document import DocumentContext
from mendel.restorers.pieces import LONGEST
from mendel.restorers.restorer import Restoration, Restorer
from mendel.serving.batcher import Batch, Batcher, QueueFullError, RecentSpeed
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

    def restore(self, texts: Sequence[str], documents: object = None) -> list[Restoration]:
        self.batches.append(list(texts))
        assert self.go_on.wait(30)
        if "bad" in texts:
            raise ValueError("bad")
        return [Restoration(text=text.upper(), confidence=1, edits=(), fallback=False) for text in texts]


@pytest.fixture
def upper() -> Upper:
    return Upper()


def model(restorer: Restorer, speed: float = 5000.0) -> Model:
    return Model(1, "digest", restorer, speed)


async def asked(
    batcher: Batcher, by: Model, *requests: list[str], caller: str = ""
) -> list[asyncio.Task[list[Restoration]]]:
    """Requests that have reached the queue."""
    tasks = [asyncio.create_task(batcher.restore(by, request, caller)) for request in requests]
    await asyncio.sleep(0)
    return tasks


@on_a_loop
async def test_what_gathers_during_a_batch_becomes_one_and_large_requests_take_turns(upper: Upper) -> None:
    done: list[Batch] = []
    batcher, by = Batcher(Serve(batch_texts=4), done.append), model(upper)

    tasks = await asked(batcher, by, ["first"], ["a1", "a2", "a3", "a4", "a5"], ["b1"], ["c1"])
    upper.go_on.set()
    answers = [[found.text for found in await task] for task in tasks]

    assert upper.batches == [["first"], ["a1", "b1", "c1"], ["a2", "a3"], ["a4", "a5"]]
    assert answers == [["FIRST"], ["A1", "A2", "A3", "A4", "A5"], ["B1"], ["C1"]]
    assert [batch.texts for batch in done] == [1, 3, 2, 2]
    assert batcher.depth == 0


@on_a_loop
async def test_a_request_of_no_texts_is_answered_at_once_and_the_others_go_on(upper: Upper) -> None:
    batcher, by = Batcher(Serve()), model(upper)
    upper.go_on.set()
    async with asyncio.timeout(30):
        assert await batcher.restore(by, []) == []
        assert [found.text for found in await batcher.restore(by, ["a"])] == ["A"], "the queue stands still"
    assert batcher.depth == 0


class StopsAtB(Upper):
    def restore(self, texts: Sequence[str], documents: object = None) -> list[Restoration]:
        if texts == ["b"]:
            self.go_on.clear()
        else:
            self.go_on.set()
        return super().restore(texts)


@on_a_loop
async def test_after_its_time_a_request_has_what_is_done_and_leaves_the_queue() -> None:
    # given
    restorer = StopsAtB()
    batcher, by = Batcher(Serve(batch_texts=1)), model(restorer)
    # when
    answers = await batcher.restore_document(0.5, by, ["a", "b", "c"])
    # then
    assert [found and found.text for found in answers] == ["A", None, None]
    assert batcher.depth == 0
    restorer.go_on.set()
    whole = await batcher.restore_document(30, by, ["d", "e"])
    assert [found and found.text for found in whole] == ["D", "E"]
    assert ["c"] not in restorer.batches, "a text was restored for nobody"


class Remembers(Upper):
    def __init__(self) -> None:
        super().__init__()
        self.go_on.set()
        self.documents: list[DocumentContext | None] = []

    def restore(self, texts: Sequence[str], documents: object = None) -> list[Restoration]:
        assert isinstance(documents, list), "none were given"
        self.documents += documents
        return super().restore(texts)


@on_a_loop
async def test_texts_of_a_document_are_restored_as_such_and_others_are_not() -> None:
    # given
    restorer = Remembers()
    batcher, by = Batcher(Serve()), model(restorer)
    # when
    await batcher.restore_document(30, by, ["a", "b"])
    await batcher.restore(by, ["c", "d", "e " * LONGEST])
    # then
    (first, second), (third, fourth), pieces = restorer.documents[:2], restorer.documents[2:4], restorer.documents[4:]
    assert first is second is not None, "the texts of one document"
    assert third is fourth is None, "texts of one request need not be of one document"
    assert len(pieces) > 1
    assert pieces[0] is not None
    assert set(pieces) == {pieces[0]}, "the pieces of one text are"


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


WORDS = "word " * 400  # five pieces


@on_a_loop
async def test_a_long_text_is_restored_piece_by_piece_and_comes_back_whole(upper: Upper) -> None:
    batcher, by = Batcher(Serve()), model(upper)
    upper.go_on.set()

    (found,) = await batcher.restore(by, [WORDS])

    assert found.text == WORDS.upper(), "the pieces and what lay between them are the text"
    assert max(len(text) for batch in upper.batches for text in batch) <= LONGEST
    assert [len(batch) for batch in upper.batches] == [1, 2, 2], "what it costs is seen before there is more of it"


@on_a_loop
async def test_a_short_text_waits_for_one_piece_of_each_long_one(upper: Upper) -> None:
    batcher, by = Batcher(Serve(batch_texts=1)), model(upper)
    long = await asked(batcher, by, [WORDS], [WORDS], caller="long")
    (short,) = await asked(batcher, by, ["short"], caller="short")
    upper.go_on.set()
    await short

    assert upper.batches.index(["short"]) == 2, "before it: the piece under way, and one of the other caller"
    await asyncio.gather(*long)


@on_a_loop
async def test_callers_take_turns_however_much_each_of_them_asks(upper: Upper) -> None:
    batcher, by = Batcher(Serve(batch_texts=1)), model(upper)
    many = await asked(batcher, by, *([f"many {number}"] for number in range(5)), caller="many")
    few = await asked(batcher, by, ["few 0", "few 1"], caller="few")

    upper.go_on.set()
    await asyncio.gather(*many, *few)

    assert [text for batch in upper.batches for text in batch] == [
        *("many 0", "many 1", "few 0", "many 2", "few 1", "many 3", "many 4")
    ]


@on_a_loop
async def test_what_nobody_waits_for_any_more_costs_the_piece_under_way(upper: Upper) -> None:
    # given
    batcher, by = Batcher(Serve()), model(upper, speed=400)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await batcher.restore(by, [WORDS])
    # when
    upper.go_on.set()
    await batcher.restore(by, ["next"])
    # then
    assert [len(batch) for batch in upper.batches] == [1, 1]
    assert upper.batches[1] == ["next"]
    assert batcher.depth == 0


@on_a_loop
async def test_whoever_fills_the_queue_is_turned_away_and_others_are_not(upper: Upper) -> None:
    batcher, by = Batcher(Serve(queue_characters=5000)), model(upper)
    waiting = await asked(batcher, by, *([WORDS] for _ in range(2)), caller="greedy")

    with pytest.raises(QueueFullError):
        await batcher.restore(by, [WORDS], "greedy")
    waiting += await asked(batcher, by, ["short"], caller="other")

    upper.go_on.set()
    await asyncio.gather(*waiting)


@on_a_loop
async def test_what_could_not_be_answered_in_time_is_turned_away(upper: Upper) -> None:
    batcher, by = Batcher(Serve(answer_seconds=10)), model(upper, speed=400)  # 4,000 characters in time
    waiting = await asked(batcher, by, [WORDS], [WORDS])

    with pytest.raises(QueueFullError) as full:
        await batcher.restore(by, [WORDS])

    assert 1 <= full.value.retry_after <= 10
    upper.go_on.set()
    await asyncio.gather(*waiting)


@pytest.mark.parametrize(("speed", "hung"), [(5000.0, True), (1.0, False)], ids=["fast", "slow"])
def test_a_slow_model_has_not_hung(speed: float, hung: bool, upper: Upper) -> None:
    async def ask() -> None:
        batcher = Batcher(Serve(answer_seconds=0.01))
        (waiting,) = await asked(batcher, model(upper, speed), ["first"])
        await asyncio.sleep(0.1)
        assert (batcher.hung_seconds > 0) == hung
        upper.go_on.set()
        await waiting

    asyncio.run(ask())


def test_the_speed_is_that_of_the_latest_batches_by_their_time() -> None:
    speed = RecentSpeed(40_000, seconds=0.25)
    speed.add(400, 2.0)
    assert float(speed) < 5000, "one slow piece is most of the time"
    for _ in range(20):
        speed.add(4000, 0.1)
    assert float(speed) == pytest.approx(40_000, rel=0.05)
