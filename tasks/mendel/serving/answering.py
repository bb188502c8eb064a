"""What every route that restores has in common: which model answers, what is counted of it, how it is refused."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from fastapi import HTTPException, Request

from mendel.core.errors import InputError
from mendel.core.log import log
from mendel.serving import canary
from mendel.serving.batcher import QueueFullError
from mendel.serving.metrics import Role
from mendel.serving.models import Model

if TYPE_CHECKING:
    from mendel.serving.app import Parts

GONE = 499
"""Nobody reads this answer: the client has closed the connection."""
T = TypeVar("T")


@asynccontextmanager
async def in_time(seconds: float) -> AsyncIterator[None]:
    """Refuses where the queue is full, or what is done in it takes longer than so many seconds."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except QueueFullError as full:
        raise HTTPException(
            429, "The service is busy: try again later.", {"Retry-After": str(full.retry_after)}
        ) from full
    except TimeoutError as error:
        raise HTTPException(
            503, f"No answer within {seconds:g} s: send less text, or later.", {"Retry-After": "5"}
        ) from error


@contextmanager
def failures_counted(parts: Parts, model: Model, role: Role) -> Iterator[None]:
    """A full queue is no failure of the model."""
    try:
        yield
    except QueueFullError:
        raise
    except Exception:
        parts.metrics.failed.labels(model.name, role).inc()
        raise


async def choose(parts: Parts, version: int | None, request_id: str) -> tuple[Model, Role]:
    """The model that answers, and as what."""
    champion = parts.models.champion
    if version is None:
        if champion is None:
            raise HTTPException(503, "No champion is loaded yet.", {"Retry-After": "5"})
        if not parts.shadow and (second := canary_for(parts, request_id)):
            return second, "canary"
        return champion, "champion"
    loaded = (champion, parts.canary and parts.canary.model)
    if model := next((model for model in loaded if model and model.version == version), None):
        return model, "pinned"
    if version not in (versions := parts.models.versions()):
        raise HTTPException(404, f"there is no version {version}; choose one of {sorted(versions)}, or leave it out")
    try:
        return await parts.pins.get(version), "pinned"
    except InputError as error:
        log.error("version cannot be loaded", version=version, error=str(error))
        raise HTTPException(503, f"Version {version} cannot be loaded; the server's log says why.") from error


def canary_for(parts: Parts, request_id: str) -> Model | None:
    """The canary's model where this request is one for it."""
    if parts.canary and canary.takes(parts.canary.settings, request_id):
        return parts.canary.model
    return None


async def while_connected(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """The work's result; cancelled, and out of the queue, when the client goes away."""
    working, gone = asyncio.ensure_future(work), asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait({working, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise HTTPException(GONE, "The client has closed the connection.")
        return working.result()
    finally:
        working.cancel()
        gone.cancel()


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
