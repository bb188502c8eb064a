"""`/v1/restore`: texts, within what limits, and what is counted of them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from fastapi import Request

from mendel.restorers.restorer import Restoration
from mendel.serving import api, schemas
from mendel.serving.answering import canary_for, choose, failures_counted, in_time, while_connected
from mendel.serving.metrics import Role
from mendel.serving.models import Model

if TYPE_CHECKING:
    from mendel.serving.app import Parts

router = api.router()


@router.post("/restore", responses=api.refusals(400, 404, 413, 422, 429, 500))
async def restore(body: schemas.RestoreRequest, request: Request) -> schemas.RestoreResponse:
    """Restore one text or many."""
    parts: Parts = request.app.state.parts
    texts = body.texts
    api.check_size(parts.settings, texts)
    log_fields = request.state.log_fields
    log_fields |= {"texts": len(texts), "characters": sum(map(len, texts))}
    if parts.settings.log_text:
        log_fields["text"] = texts
    async with in_time(parts.settings.answer_seconds):
        model, role = await choose(parts, body.version, request.state.request_id)
        log_fields |= {"version": model.name, "role": role}
        api.check_time(parts.settings, model, texts)
        restorations = await while_connected(request, _restored(parts, model, role, texts, request.state.caller))
    if role == "champion" and parts.shadow and (second := canary_for(parts, request.state.request_id)):
        parts.shadow.compare(second, texts, restorations)
    results = [
        schemas.Restored.of(text, restoration, body) for text, restoration in zip(texts, restorations, strict=True)
    ]
    return schemas.RestoreResponse(version=model.version, standing=model.standing, results=results)


async def _restored(parts: Parts, model: Model, role: Role, texts: Sequence[str], caller: str) -> list[Restoration]:
    started = time.monotonic()
    with failures_counted(parts, model, role):
        restorations = await parts.batcher.restore(model, texts, caller)
    parts.metrics.answer(model.name, role, time.monotonic() - started, restorations)
    return restorations
