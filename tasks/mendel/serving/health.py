"""For those who run the service: whether it lives, whether it can answer, its metrics. Open, and without texts."""

from __future__ import annotations

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from mendel.serving import problems, schemas

router = APIRouter()
NOT_READY = "No champion is loaded yet; the log says why."


@router.get(
    "/healthz",
    responses={
        503: {"description": "Hung", "content": problems.described(503, "One batch has been under way for 130 s.")}
    },
)
async def alive(request: Request) -> schemas.Alive:
    """200 while the event loop runs and no batch has hung, however much waits; else restart the process."""
    parts = request.app.state.parts
    if seconds := parts.batcher.hung_seconds:
        raise HTTPException(503, f"One batch has been under way for {seconds:.0f} s.")
    return schemas.Alive(status="alive")


@router.get(
    "/readyz", responses={503: {"description": "No champion yet", "content": problems.described(503, NOT_READY)}}
)
async def ready(request: Request) -> schemas.Ready:
    """200 once a champion is loaded."""
    models = request.app.state.parts.models
    if models.champion is None:
        raise HTTPException(503, NOT_READY)
    model = models.champion
    return schemas.Ready(version=model.version, candidate=model.fingerprint, standing=model.standing)


@router.get(
    "/metrics",
    response_class=PlainTextResponse,
    responses={200: {"content": {"text/plain": {"example": "mendel_model_version 2.0\n"}}}},
)
async def metrics(request: Request) -> Response:
    """In Prometheus' text format."""
    parts = request.app.state.parts
    parts.metrics.queue.set(parts.batcher.depth)
    parts.metrics.queue_characters.set(parts.batcher.characters)
    return Response(generate_latest(parts.metrics.registry), media_type=CONTENT_TYPE_LATEST)
