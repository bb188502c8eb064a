"""Micro-batching: requests wait in a bounded queue, and one thread restores what has gathered meanwhile.

There is no timer: a batch begins as soon as the thread is free, so a lone request never waits for company, and under load
the batches grow by themselves, up to the work that fits into `batch_seconds`. Requests take turns piece by piece (turns.py),
so a long text does not hold up the short ones behind it, and one that nobody waits for any more costs a piece at most.
Everything but the restoring happens on the event loop: no locks.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import NamedTuple
from weakref import WeakKeyDictionary

from opentelemetry.trace import Span

from mendel.core.log import log
from mendel.restorers.restorer import Restoration
from mendel.serving import traces
from mendel.serving.models import Model
from mendel.serving.settings import Serve
from mendel.serving.turns import QueuedPiece, QueuedRequest, Turns

BATCH_CHARACTERS = 4000
"""In a batch at most, however fast those before it were: random characters take a hundred times as long as words."""
FADING = 0.7
"""Weight of a batch in the measured speed, against that of the next one."""
HUNG = 20
"""Times what a batch should take: then its thread has hung, and is not just slow."""


class QueueFullError(Exception):
    """There is no room; `retry_after` is in how many seconds there should be."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"the queue is full: try again in {retry_after} s")
        self.retry_after = retry_after


class Batch(NamedTuple):
    """Done: how many pieces of texts and characters, in what time, by which model."""

    texts: int
    characters: int
    seconds: float


class RecentSpeed:
    """Of a model, in characters a second: what the latest batches took, the older ones the less."""

    def __init__(self, first: float, seconds: float) -> None:
        """`first` counts as a batch that took so many seconds."""
        self._characters, self._seconds = first * seconds, seconds

    def __float__(self) -> float:
        return self._characters / self._seconds

    def add(self, characters: int, seconds: float) -> None:
        self._characters = FADING * self._characters + characters
        self._seconds = FADING * self._seconds + seconds


class Batcher:
    """Made and used on one event loop."""

    def __init__(
        self,
        settings: Serve,
        observe: Callable[[Batch], None] = lambda _: None,
        worker: ThreadPoolExecutor | None = None,
    ) -> None:
        """`worker` has one thread: that of the model."""
        self._settings = settings
        self._observe = observe
        self._worker = worker or ThreadPoolExecutor(1, "inference")
        self._queue = Turns()
        self._speeds: WeakKeyDictionary[Model, RecentSpeed] = WeakKeyDictionary()
        self._began: float | None = None
        self._expected = 0.0

    async def restore(self, model: Model, texts: Sequence[str], caller: str = "") -> list[Restoration]:
        """One restoration for each text, in order. Cancelled, its pieces leave the queue.

        Raises QueueFullError, and whatever the restorer raised on one of these texts.
        """
        with self._queued(model, texts, caller) as job:
            return await job.answer

    async def restore_document(
        self, seconds: float, model: Model, texts: Sequence[str], caller: str = ""
    ) -> Sequence[Restoration | None]:
        """As `restore`, for the texts of one document; of those whose turn has not come after so many seconds, None."""
        with self._queued(model, texts, caller, of_one_document=True) as job:
            try:
                async with asyncio.timeout(seconds):
                    return await job.answer
            except TimeoutError:
                return job.answers

    @contextmanager
    def _queued(
        self, model: Model, texts: Sequence[str], caller: str, *, of_one_document: bool = False
    ) -> Iterator[QueuedRequest]:
        self._check_room(model, sum(map(len, texts)), caller)
        answer = asyncio.get_running_loop().create_future()
        job = QueuedRequest(model, texts, caller, answer, of_one_document=of_one_document)
        with traces.work("restore", model.name) as job.span:
            if job.next is None:  # of no texts: there is nothing whose turn would come
                job.answer.set_result([])
            else:
                job.queue_span = traces.TRACER.start_span("queue")
                self._queue.add(job)
                self._start()
            try:
                yield job
            finally:
                self._queue.discard(job)
                traces.end(job.queue_span)

    @property
    def depth(self) -> int:
        """Requests that wait."""
        return sum(1 for _ in self._queue)

    @property
    def characters(self) -> int:
        """That wait."""
        return sum(job.waiting for job in self._queue)

    @property
    def hung_seconds(self) -> float:
        """How long the present batch has been under way, where that is far longer than it should be; else 0."""
        busy = self._busy_seconds
        return busy if busy > max(2 * self._settings.answer_seconds, HUNG * self._expected) else 0.0

    def close(self) -> None:
        """Let the batch under way end; what still waits is not begun."""
        self._worker.shutdown(wait=True, cancel_futures=True)

    @property
    def _busy_seconds(self) -> float:
        return 0.0 if self._began is None else time.monotonic() - self._began

    def _speed(self, model: Model) -> RecentSpeed:
        return self._speeds.setdefault(model, RecentSpeed(model.speed, self._settings.batch_seconds))

    def _check_room(self, model: Model, size: int, caller: str) -> None:
        """Turn away what would wait for too much, or too long to be answered in time. Where nobody waits, all is welcome."""
        if not (before := self._queue.before(caller, size)):
            return
        before[model] += size
        seconds = sum(characters / float(self._speed(other)) for other, characters in before.items())
        if before.total() > self._settings.queue_characters or seconds > self._settings.answer_seconds:
            raise QueueFullError(math.ceil(min(max(1.0, seconds), self._settings.answer_seconds)))

    def _start(self) -> None:
        if self._began is not None or (first := next(iter(self._queue), None)) is None:
            return
        speed = float(self._speed(first.model))
        budget = min(speed * self._settings.batch_seconds, BATCH_CHARACTERS)
        items = self._queue.batch(first.model, budget, self._settings.batch_texts)
        self._expected = _characters(items) / speed
        self._began = time.monotonic()
        requests = dict.fromkeys(item.job.span for item in items)
        span = traces.batch(requests, first.model.name, len(items), _characters(items))
        running = asyncio.get_running_loop().run_in_executor(self._worker, _restore, items)
        running.add_done_callback(lambda future: self._finish(items, future.result(), span))

    def _finish(self, items: Sequence[QueuedPiece], results: Sequence[Restoration | Exception], span: Span) -> None:
        characters, seconds = _characters(items), self._busy_seconds
        self._began = None
        span.set_attribute("mendel.failed", sum(isinstance(result, Exception) for result in results))
        span.end()
        if characters and seconds > 0:
            self._speed(items[0].job.model).add(characters, seconds)
        self._observe(Batch(len(items), characters, seconds))
        for item, result in zip(items, results, strict=True):
            item.job.hand_over(item.place, result)
            if item.job.answer.done():
                self._queue.discard(item.job)
        self._start()


def _characters(items: Sequence[QueuedPiece]) -> int:
    return sum(len(item.text) for item in items)


def _restore(items: Sequence[QueuedPiece]) -> Sequence[Restoration | Exception]:
    """In the worker thread. Where a batch fails, each piece is tried by itself: one bad text must not fail the others."""
    restorer = items[0].job.model.restorer
    try:
        return restorer.restore([item.text for item in items], [item.document for item in items])
    except Exception as error:
        log.warning("batch failed", texts=len(items), error=repr(error))
    results: list[Restoration | Exception] = []
    for item in items:
        try:
            results += restorer.restore([item.text], [item.document])
        except Exception as error:
            results.append(error)
    return results
