"""The application: its parts put together, and what starts and ends with it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from fastapi import FastAPI

from mendel.serving import health, problems, routes
from mendel.serving.batcher import Batch, Batcher
from mendel.serving.gateway import Gateway
from mendel.serving.keys import Keys
from mendel.serving.metrics import Metrics
from mendel.serving.models import Models
from mendel.serving.noise import Noises
from mendel.serving.settings import Serve


@dataclass(frozen=True)
class Parts:
    """What the routes need; `app.state.parts`."""

    settings: Serve
    models: Models
    batcher: Batcher
    metrics: Metrics
    noises: Noises
    loading: asyncio.Lock
    """One model is loaded at a time: two would need the memory of three."""

    def observe(self, batch: Batch) -> None:
        self.metrics.batch_texts.observe(batch.texts)
        self.metrics.batch_seconds.observe(batch.seconds)
        self.metrics.characters.inc(batch.characters)


def create(root: str, settings: Serve, keys: Keys | None = None) -> Gateway:
    """The service over a lake; `keys` None leaves it open."""
    metrics = Metrics()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        def observe(batch: Batch) -> None:
            parts.observe(batch)

        parts = Parts(
            settings, Models(root), Batcher(settings, observe), metrics, Noises(settings.profiles), asyncio.Lock()
        )
        app.state.parts = parts
        watch = asyncio.create_task(_watch(parts))
        yield
        watch.cancel()
        with suppress(asyncio.CancelledError):
            await watch
        await asyncio.to_thread(parts.batcher.close)

    app = FastAPI(
        title="Mendel",
        description="Restores corrupted text with the champion of the registry.",
        docs_url=None,  # its page loads assets from elsewhere
        redoc_url=None,
        lifespan=lifespan,
    )
    problems.install(app)
    app.include_router(health.router)
    app.include_router(routes.router)
    return Gateway(app, settings, metrics, keys)


async def _watch(parts: Parts) -> None:
    """Keep the champion the one of the ledger."""
    while True:
        async with parts.loading:
            await asyncio.to_thread(parts.models.refresh)
        champion = parts.models.champion
        parts.metrics.version.set(champion.version if champion else 0)
        parts.metrics.refresh_failing.set(parts.models.failure is not None)
        await asyncio.sleep(parts.settings.poll_seconds)
