"""The application: its parts put together, and what starts and ends with it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from fastapi import FastAPI

from mendel.serving import documents, feedback, health, history, page, problems, routes, trial
from mendel.serving.batcher import Batch, Batcher
from mendel.serving.canary import CanaryModel, Shadow
from mendel.serving.gateway import Gateway
from mendel.serving.keys import Keys
from mendel.serving.loading import Loader, Pins
from mendel.serving.metrics import Metrics
from mendel.serving.models import Models
from mendel.serving.noise import Noises
from mendel.serving.settings import Serve


@dataclass(frozen=True)
class Parts:
    """What the routes need; `app.state.parts`. Made on the event loop that they run on."""

    root: str
    """URI of the lake."""
    settings: Serve
    metrics: Metrics
    models: Models
    loader: Loader
    pins: Pins
    batcher: Batcher
    canary: CanaryModel | None
    shadow: Shadow | None
    noises: Noises

    @classmethod
    def of(cls, root: str, settings: Serve, metrics: Metrics) -> Parts:
        def observe(batch: Batch) -> None:
            metrics.batch_texts.observe(batch.texts)
            metrics.batch_seconds.observe(batch.seconds)
            metrics.characters.inc(batch.characters)

        models, loader, batcher, canary = (
            Models(root, settings.model),
            Loader(),
            Batcher(settings, observe),
            settings.canary,
        )
        return cls(
            root,
            settings,
            metrics,
            models,
            loader,
            Pins(loader, models.load, settings.pinned_models),
            batcher,
            CanaryModel(canary, models) if canary else None,
            Shadow(settings, canary, batcher, metrics) if canary and canary.shadow else None,
            Noises(settings.profiles),
        )

    async def close(self) -> None:
        self.loader.close()
        if self.shadow:
            await self.shadow.close()
        await asyncio.to_thread(self.batcher.close)


def create(root: str, settings: Serve, keys: Keys | None = None) -> Gateway:
    """The service over a lake; `keys` None leaves it open."""
    metrics = Metrics()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        parts = app.state.parts = Parts.of(root, settings, metrics)
        watch = asyncio.create_task(_watch(parts))
        yield
        watch.cancel()
        with suppress(asyncio.CancelledError):
            await watch
        await parts.close()

    app = FastAPI(
        title="Mendel",
        description="Restores corrupted text with the champion of the registry.",
        docs_url=None,  # its page loads assets from elsewhere
        redoc_url=None,
        lifespan=lifespan,
    )
    problems.install(app)
    for part in (routes, documents, feedback, history, trial, health, page):
        app.include_router(part.router)
    app.mount("/static", page.files)
    return Gateway(app, settings, metrics, keys)


async def _watch(parts: Parts) -> None:
    """Keep champion and canary those of the ledger."""
    while True:
        await parts.loader.run(parts.models.refresh)
        champion = parts.models.champion
        parts.metrics.version.set((champion.version or 0) if champion else 0)
        parts.metrics.refresh_failing.set(parts.models.failure is not None)
        if parts.canary:
            await parts.loader.run(parts.canary.refresh)
            model = parts.canary.model
            parts.metrics.set_canary((model.version or 0) if model else 0)
        await asyncio.sleep(parts.settings.poll_seconds)
