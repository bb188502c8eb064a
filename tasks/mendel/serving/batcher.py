"""Micro-batching: requests wait in a bounded queue, and one thread restores what has gathered meanwhile.

There is no timer: a batch begins as soon as the thread is free, so a lone request never waits for company, and under load
the batches grow by themselves, up to the work that fits into `batch_seconds`. Requests take turns text by text, so a
large one does not hold up the small ones behind it. Everything but the restoring happens on the event loop: no locks.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import NamedTuple

from mendel.log import log
from mendel.restoration.restorer import Restoration
from mendel.serving.models import Model
from mendel.serving.settings import Serve

FIRST_GUESS = 5000.0
"""Characters a second, until a batch has been measured."""
SMOOTHING = 0.3
"""Weight of the latest batch in the measured speed."""


class QueueFullError(Exception):
    """There is no room; `retry_after` is in how many seconds there should be."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"the queue is full: try again in {retry_after} s")
        self.retry_after = retry_after


@dataclass(eq=False)
class Job:
    """One request's texts."""

    model: Model
    texts: Sequence[str]
    answer: asyncio.Future[list[Restoration]]
    taken: int = 0
    """Texts that have been put into batches."""
    found: dict[int, Restoration] = field(default_factory=dict)

    @property
    def waiting(self) -> int:
        return sum(map(len, self.texts[self.taken :]))


class Item(NamedTuple):
    job: Job
    place: int

    @property
    def text(self) -> str:
        return self.job.texts[self.place]


class Batch(NamedTuple):
    """Done: how many texts and characters, in what time, by which model."""

    texts: int
    characters: int
    seconds: float


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
        self._queue: dict[Job, None] = {}
        self._speed = FIRST_GUESS
        self._began: float | None = None

    async def restore(self, model: Model, texts: Sequence[str]) -> list[Restoration]:
        """One restoration for each text, in order. Cancelled, its texts leave the queue.

        Raises QueueFullError, and whatever the restorer raised on one of these texts.
        """
        size = sum(map(len, texts))
        if self._queue and self.characters + size > self._settings.queue_characters:
            raise QueueFullError(max(1, math.ceil(self.characters / self._speed)))
        job = Job(model, texts, asyncio.get_running_loop().create_future())
        self._queue[job] = None
        self._start()
        try:
            return await job.answer
        finally:
            self._queue.pop(job, None)

    @property
    def depth(self) -> int:
        """Requests that wait."""
        return len(self._queue)

    @property
    def characters(self) -> int:
        """That wait."""
        return sum(job.waiting for job in self._queue)

    @property
    def busy_seconds(self) -> float:
        """How long the present batch has been under way; 0 where there is none."""
        return 0.0 if self._began is None else time.monotonic() - self._began

    def close(self) -> None:
        """Let the batch under way end; what still waits is not begun."""
        self._worker.shutdown(wait=True, cancel_futures=True)

    def _start(self) -> None:
        if self._began is not None or not self._queue:
            return
        items = self._take()
        self._began = time.monotonic()
        running = asyncio.get_running_loop().run_in_executor(self._worker, _restore, items)
        running.add_done_callback(lambda done: self._finish(items, done.result()))

    def _take(self) -> list[Item]:
        """The texts of the next batch: one model, that of the oldest request; the requests take turns."""
        model = next(iter(self._queue)).model
        turns = deque(job for job in self._queue if job.model is model)
        budget = self._speed * self._settings.batch_seconds
        items: list[Item] = []
        while turns and len(items) < self._settings.batch_texts and (budget > 0 or not items):
            job = turns.popleft()
            items.append(Item(job, job.taken))
            budget -= len(items[-1].text)
            job.taken += 1
            if job.taken < len(job.texts):
                turns.append(job)
            else:
                del self._queue[job]
        return items

    def _finish(self, items: Sequence[Item], found: Sequence[Restoration | Exception]) -> None:
        characters = sum(len(item.text) for item in items)
        seconds = self.busy_seconds
        self._began = None
        if characters and seconds > 0:
            self._speed += SMOOTHING * (characters / seconds - self._speed)
        self._observe(Batch(len(items), characters, seconds))
        for item, result in zip(items, found, strict=True):
            _hand_over(item, result)
            if item.job.answer.done():
                self._queue.pop(item.job, None)
        self._start()


def _hand_over(item: Item, result: Restoration | Exception) -> None:
    job = item.job
    if job.answer.done():
        return
    if isinstance(result, Exception):
        job.answer.set_exception(result)
        return
    job.found[item.place] = result
    if len(job.found) == len(job.texts):
        job.answer.set_result([job.found[index] for index in range(len(job.texts))])


def _restore(items: Sequence[Item]) -> Sequence[Restoration | Exception]:
    """In the worker thread. Where a batch fails, each text is tried by itself: one bad text must not fail the others."""
    restorer = items[0].job.model.restorer
    try:
        return restorer.restore([item.text for item in items])
    except Exception as error:
        log.warning("batch failed", texts=len(items), error=repr(error))
    results: list[Restoration | Exception] = []
    for item in items:
        try:
            results += restorer.restore([item.text])
        except Exception as error:
            results.append(error)
    return results
