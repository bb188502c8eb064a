"""For those who run the service: whether it lives, whether it can answer, its metrics. Open, and without texts."""

from __future__ import annotations

from fastapi import APIRouter, HTTPException, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

router = APIRouter()


@router.get("/healthz", responses={503: {}})
async def alive(request: Request) -> dict[str, str]:
    """200 while the event loop runs and no batch has hung; where it does not, restart the process."""
    parts = request.app.state.parts
    if (seconds := parts.batcher.busy_seconds) > 2 * parts.settings.answer_seconds:
        raise HTTPException(503, f"One batch has been under way for {seconds:.0f} s.")
    return {"status": "alive"}


@router.get("/readyz", responses={503: {}})
async def ready(request: Request) -> dict[str, int]:
    """200 once a champion is loaded."""
    models = request.app.state.parts.models
    if models.champion is None:
        raise HTTPException(503, "No champion is loaded yet; the log says why.")
    return {"version": models.champion.version}


@router.get("/metrics", response_class=Response)
async def metrics(request: Request) -> Response:
    """In Prometheus' text format."""
    parts = request.app.state.parts
    parts.metrics.queue.set(parts.batcher.depth)
    parts.metrics.queue_characters.set(parts.batcher.characters)
    return Response(generate_latest(parts.metrics.registry), media_type=CONTENT_TYPE_LATEST)
