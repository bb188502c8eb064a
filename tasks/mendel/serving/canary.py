"""The canary: a second model, which answers a share of the requests or restores them in the champion's shadow."""

from __future__ import annotations

import asyncio
import hashlib
import os
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from mendel.core.errors import InputError
from mendel.core.log import log
from mendel.promotion import ledger
from mendel.restorers.restorer import Restoration
from mendel.serving import traces
from mendel.serving.batcher import Batcher, QueueFullError
from mendel.serving.metrics import Metrics
from mendel.serving.models import Model, Models
from mendel.serving.settings import Canary, Serve

IDLE = 19
"""Linux' lowest priority: the shadow computes when nobody else would."""


def takes(settings: Canary, request_id: str) -> bool:
    """Whether a request is the canary's: by its id's hash, so that the same id always meets the same model."""
    digest = hashlib.sha256(request_id.encode()).digest()
    return int.from_bytes(digest[:8], "big") < settings.fraction * 2**64


class CanaryModel:
    """The model that is the canary, if any; `refresh` loads it, so that belongs in a thread."""

    def __init__(self, settings: Canary, models: Models) -> None:
        self.settings = settings
        self.model: Model | None = None
        self.failure: str | None = "the ledger has not been read yet"
        """Why there is none."""
        self._models = models

    def refresh(self) -> None:
        """Follow the ledger. Whatever fails leaves the champion alone, and is tried again at the next call."""
        try:
            self._refresh()
        except Exception as error:
            self.model = None
            if (failure := str(error)) != self.failure:
                log.warning("no canary", error=failure)
            self.failure = failure

    def _refresh(self) -> None:
        decision = choose(self._models.history, self.settings)
        if self.model is None or self.model.digest != decision.candidate.digest:
            self.model = None  # its memory may be needed by the next one
            self.model = self._models.load(decision.version)
            log.info("canary loaded", version=decision.version, shadow=self.settings.shadow)
        self.failure = None


def choose(history: ledger.History, settings: Canary) -> ledger.Decision:
    """The decision about the version that is the canary. Raises InputError where none may be."""
    named = settings.version
    decision = ledger.about(history, named) if named else ledger.state(history).candidate
    if decision is None:
        none = "no candidate was declined since the last promotion: there is none to compare"
        raise InputError(f"the ledger has no version {named}" if named else none)
    champion = ledger.state(history).champion
    if champion and champion.candidate.digest == decision.candidate.digest:
        raise InputError(f"version {decision.version} is the champion")
    if not settings.shadow and ledger.turned_down(history, decision.version):
        raise InputError(f"version {decision.version} was declined, so it must not answer")
    return decision


class Shadow:
    """Restores again what the champion has answered, and counts where the two agree.

    In a thread of the lowest priority, with a queue of its own; while the champion has requests waiting, or that queue
    is full, the canary's part is dropped. Made and used on one event loop.
    """

    def __init__(self, settings: Serve, canary: Canary, champion: Batcher, metrics: Metrics) -> None:
        shadow_settings = settings.model_copy(update={"queue_characters": canary.queue_characters})
        self._batcher = Batcher(shadow_settings, worker=ThreadPoolExecutor(1, "shadow", initializer=_step_back))
        self._champion = champion
        self._metrics = metrics
        self._tasks: set[asyncio.Task[None]] = set()

    def compare(self, model: Model, texts: Sequence[str], answered: Sequence[Restoration]) -> None:
        """Hand over what has been answered; returns at once and raises nothing."""
        if self._champion.depth:
            self._metrics.shadow_dropped.inc()
            return
        task = asyncio.create_task(self._compare(model, texts, answered))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _compare(self, model: Model, texts: Sequence[str], answered: Sequence[Restoration]) -> None:
        started = time.monotonic()
        try:
            with traces.work("shadow", model.name):
                compared = await self._batcher.restore(model, texts)
        except QueueFullError:
            self._metrics.shadow_dropped.inc()
            return
        except Exception as error:
            log.warning("canary failed in the shadow", version=model.version, error=repr(error))
            self._metrics.failed.labels(model.name, "shadow").inc()
            return
        self._metrics.answer(model.name, "shadow", time.monotonic() - started, compared)
        for of_champion, of_canary in zip(answered, compared, strict=True):
            self._metrics.shadow_texts.labels(model.name, str(of_champion.text == of_canary.text).lower()).inc()

    async def close(self) -> None:
        """Let the batch under way end; what waits is forgotten."""
        for task in self._tasks:
            task.cancel()
        await asyncio.to_thread(self._batcher.close)


def _step_back() -> None:
    if sys.platform == "linux":  # where a thread has a priority of its own
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), IDLE)
