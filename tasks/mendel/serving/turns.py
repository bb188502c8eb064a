"""Who goes next: callers take turns, so do the requests of one caller, and a turn is one piece of a text."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from opentelemetry.trace import INVALID_SPAN, Span

from mendel.restorers import pieces
from mendel.restorers.document import DocumentContext, of_text
from mendel.restorers.restorer import Restoration
from mendel.serving import traces
from mendel.serving.models import Model


class QueuedRequest:
    """One request's texts, in pieces."""

    def __init__(
        self,
        model: Model,
        texts: Sequence[str],
        caller: str,
        answer: asyncio.Future[list[Restoration]],
        *,
        of_one_document: bool = False,
    ) -> None:
        self.model = model
        self.caller = caller
        self.answer = answer
        self._texts = [pieces.cut(text, model.restorer.language) for text in texts]
        self._pieces = [piece.text for text in self._texts for piece in text]
        whole = DocumentContext(texts) if of_one_document else None
        self._documents = [
            document
            for text, parts in zip(texts, self._texts, strict=True)
            for document in [whole or of_text(text, len(parts))]
            for _ in parts
        ]
        self.span: Span = INVALID_SPAN
        self.queue_span: Span = INVALID_SPAN
        """Of the time before its first turn."""
        self._next_place = 0
        self._results: dict[int, Restoration] = {}
        self.waiting = sum(map(len, self._pieces))
        """Characters that no batch has taken."""

    @property
    def next(self) -> str | None:
        """The piece whose turn it is; None where all have been taken."""
        return self._pieces[self._next_place] if self._next_place < len(self._pieces) else None

    @property
    def share(self) -> int:
        """Pieces that one batch may take: one more than are done, so that a slow text is known as such while it is few."""
        return len(self._results) + 1

    def take(self) -> QueuedPiece:
        traces.end(self.queue_span)
        item = QueuedPiece(self, self._next_place, self._pieces[self._next_place], self._documents[self._next_place])
        self._next_place += 1
        self.waiting -= len(item.text)
        return item

    def hand_over(self, place: int, result: Restoration | Exception) -> None:
        """A piece's result: the last one makes the answer, the first failure is it."""
        if self.answer.done():
            return
        if isinstance(result, Exception):
            self.answer.set_exception(result)
            return
        self._results[place] = result
        if len(self._results) == len(self._pieces):
            self.answer.set_result([restoration for restoration in self.answers if restoration is not None])

    @property
    def answers(self) -> list[Restoration | None]:
        """Of each text, in order, its restoration; None where a piece of it is not done."""
        places = iter(range(len(self._pieces)))
        answers: list[Restoration | None] = []
        for text in self._texts:
            results = [self._results.get(next(places)) for _ in text]
            whole = [result for result in results if result is not None]
            answers.append(pieces.join(text, whole) if len(whole) == len(text) else None)
        return answers


class QueuedPiece(NamedTuple):
    """One piece in a batch."""

    job: QueuedRequest
    place: int
    text: str
    document: DocumentContext | None
    """Which it is from, if others are too."""


class Turns:
    """The requests that wait, by caller, both in the order of their turns."""

    def __init__(self) -> None:
        self._callers: dict[str, dict[QueuedRequest, None]] = {}

    def __iter__(self) -> Iterator[QueuedRequest]:
        return (job for jobs in self._callers.values() for job in jobs)

    def add(self, job: QueuedRequest) -> None:
        self._callers.setdefault(job.caller, {})[job] = None

    def discard(self, job: QueuedRequest) -> None:
        jobs = self._callers.get(job.caller, {})
        jobs.pop(job, None)
        if not jobs:
            self._callers.pop(job.caller, None)

    def before(self, caller: str, size: int) -> Counter[Model]:
        """Characters of each model whose turn comes before so many of a caller are done, where nothing else arrives."""
        characters: Counter[Model] = Counter()
        step = max(size, pieces.LONGEST)
        for job in self._callers.get(caller, {}):
            characters[job.model] += min(job.waiting, step)
        of_caller = characters.total() + step
        for other, jobs in self._callers.items():
            characters_left = 0 if other == caller else of_caller
            for job in jobs:
                characters[job.model] += min(job.waiting, characters_left)
                characters_left -= min(job.waiting, characters_left)
        return characters

    def batch(self, model: Model, characters: float, most: int) -> list[QueuedPiece]:
        """So much of one model's work, and at least a piece of it; those that it is of go to the end of their rows."""
        items: list[QueuedPiece] = []
        counts: Counter[QueuedRequest] = Counter()
        while len(items) < most:
            job = next((job for job in self if job.model is model and counts[job] < job.share), None)
            if job is None or job.next is None or (items and len(job.next) > characters):
                break
            items.append(job.take())
            counts[job] += 1
            characters -= len(items[-1].text)
            self._last(job)
        return items

    def _last(self, job: QueuedRequest) -> None:
        jobs = self._callers.pop(job.caller)
        del jobs[job]
        if job.next is not None:
            jobs[job] = None
        if jobs:
            self._callers[job.caller] = jobs
