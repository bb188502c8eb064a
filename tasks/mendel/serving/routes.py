"""`/v1/restore`: which model answers, within what limits, and what is counted of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine, Sequence
from typing import TYPE_CHECKING, Any

from fastapi import HTTPException, Request

from mendel.core.errors import InputError
from mendel.core.log import log
from mendel.restorers.restorer import Restoration
from mendel.serving import api, canary, schemas
from mendel.serving.batcher import QueueFullError
from mendel.serving.metrics import Role
from mendel.serving.models import Model

if TYPE_CHECKING:
    from mendel.serving.app import Parts

GONE = 499
"""Nobody reads this answer: the client has closed the connection."""


router = api.router()


@router.post("/restore", responses=api.refusals(400, 404, 413, 422, 429, 500))
async def restore(asked: schemas.RestoreRequest, request: Request) -> schemas.RestoreResponse:
    """Restore one text or many."""
    parts: Parts = request.app.state.parts
    texts = asked.texts
    api.check_size(parts.settings, texts)
    log_fields = request.state.log_fields
    log_fields |= {"texts": len(texts), "characters": sum(map(len, texts))}
    if parts.settings.log_text:
        log_fields["text"] = texts
    try:
        async with asyncio.timeout(parts.settings.answer_seconds):
            model, role = await _choose(parts, asked.version, request.state.request_id)
            log_fields |= {"version": model.name, "role": role}
            api.check_time(parts.settings, model, texts)
            restorations = await _while_connected(request, _restored(parts, model, role, texts, request.state.caller))
    except QueueFullError as full:
        raise HTTPException(
            429, "The service is busy: try again later.", {"Retry-After": str(full.retry_after)}
        ) from full
    except TimeoutError as error:
        raise HTTPException(
            503,
            f"No answer within {parts.settings.answer_seconds:g} s: send less text, or later.",
            {"Retry-After": "5"},
        ) from error
    if role == "champion" and parts.shadow and (second := _canary(parts, request.state.request_id)):
        parts.shadow.compare(second, texts, restorations)
    results = [
        schemas.Restored.of(text, restoration, asked) for text, restoration in zip(texts, restorations, strict=True)
    ]
    return schemas.RestoreResponse(version=model.version, standing=model.standing, results=results)


async def _choose(parts: Parts, version: int | None, request_id: str) -> tuple[Model, Role]:
    """The model that answers, and as what."""
    champion = parts.models.champion
    if version is None:
        if champion is None:
            raise HTTPException(503, "No champion is loaded yet.", {"Retry-After": "5"})
        if not parts.shadow and (second := _canary(parts, request_id)):
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


def _canary(parts: Parts, request_id: str) -> Model | None:
    """The canary's model where this request is one for it."""
    if parts.canary and canary.takes(parts.canary.settings, request_id):
        return parts.canary.model
    return None


async def _restored(parts: Parts, model: Model, role: Role, texts: Sequence[str], caller: str) -> list[Restoration]:
    started = time.monotonic()
    try:
        restorations = await parts.batcher.restore(model, texts, caller)
    except QueueFullError:
        raise
    except Exception:
        parts.metrics.failed.labels(model.name, role).inc()
        raise
    parts.metrics.answer(model.name, role, time.monotonic() - started, restorations)
    return restorations


async def _while_connected(request: Request, work: Coroutine[Any, Any, list[Restoration]]) -> list[Restoration]:
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
