"""`/v1`: restoring, the models there are, and noise to try it with."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, HTTPException, Request, Response, Security
from fastapi.routing import APIRoute
from fastapi.security import APIKeyHeader, HTTPBearer
from pydantic_core import from_json

from mendel.errors import InputError
from mendel.log import log
from mendel.restoration.restorer import Restoration
from mendel.serving import schemas
from mendel.serving.batcher import QueueFullError
from mendel.serving.models import Model, UnknownVersionError

if TYPE_CHECKING:
    from mendel.serving.app import Parts

GONE = 499
"""Nobody reads this answer: the client has closed the connection."""


class StrictRequest(Request):
    async def json(self) -> Any:
        """With pydantic's parser: invalid UTF-8, lone surrogates and endless nesting are errors that say where."""
        try:
            return from_json(await self.body(), allow_inf_nan=False)
        except ValueError as error:
            raise HTTPException(400, f"The body is not JSON in UTF-8: {error}") from error


class StrictRoute(APIRoute):
    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def strict(request: Request) -> Response:
            return await handle(StrictRequest(request.scope, request.receive))

        return strict


REFUSALS: dict[int | str, dict[str, Any]] = {
    status: {"model": schemas.Problem, "description": told}
    for status, told in {
        400: "Not JSON in UTF-8",
        401: "No known key",
        404: "No such version or profile",
        408: "The body came too slowly",
        413: "Too large: the detail says the limit",
        422: "A field is wrong: the detail says which",
        429: "The queue is full: see Retry-After",
        503: "No model, or no answer in time",
    }.items()
}
router = APIRouter(
    prefix="/v1",
    route_class=StrictRoute,
    responses=REFUSALS,
    # For the documentation: keys are checked in the gateway, before a body is read.
    dependencies=[Security(APIKeyHeader(name="X-API-Key", auto_error=False)), Security(HTTPBearer(auto_error=False))],
)


@router.post("/restore")
async def restore(asked: schemas.RestoreRequest, request: Request) -> schemas.RestoreResponse:
    """Restore one text or many."""
    parts: Parts = request.app.state.parts
    texts = asked.texts
    _check_size(parts, texts)
    told = request.state.told
    told |= {"texts": len(texts), "characters": sum(map(len, texts))}
    if parts.settings.log_text:
        told["text"] = texts
    try:
        async with asyncio.timeout(parts.settings.answer_seconds):
            model = await _model(parts, asked.version)
            told["version"] = model.version
            found = await _while_connected(request, parts.batcher.restore(model, texts))
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
    results = [schemas.Restored.of(text, each, asked) for text, each in zip(texts, found, strict=True)]
    for result in results:
        parts.metrics.confidence.labels(model.version).observe(result.confidence)
        parts.metrics.changed.inc(result.changed)
    return schemas.RestoreResponse(version=model.version, results=results)


@router.get("/models")
async def models(request: Request) -> schemas.ModelList:
    """The versions that can be asked for, and the decisions about them."""
    found = request.app.state.parts.models
    champion = found.champion.version if found.champion else None
    return schemas.ModelList(
        champion=champion,
        failure=found.failure and "the newest champion cannot be read or loaded; the log says why",
        models=[
            schemas.ModelEntry(
                version=version,
                action=decision.action,
                decided=decision.decided.isoformat(),
                reasons=decision.reasons,
                champion=version == champion,
            )
            for version, decision in sorted(found.versions().items())
        ],
    )


@router.get("/profiles")
async def profiles(request: Request) -> list[str]:
    """Noise profiles for `/v1/corrupt`."""
    return list(request.app.state.parts.noises.uris)


@router.post("/corrupt")
async def corrupt(asked: schemas.CorruptRequest, request: Request) -> schemas.CorruptResponse:
    """Damage a clean text, the same way each time for the same seed."""
    parts: Parts = request.app.state.parts
    _check_size(parts, [asked.text])
    try:
        text, cer = await asyncio.to_thread(parts.noises.corrupt, asked.text, asked.profile, asked.seed)
    except InputError as error:
        raise HTTPException(404, str(error)) from error
    return schemas.CorruptResponse(text=text, cer=cer)


def _check_size(parts: Parts, texts: Sequence[str]) -> None:
    settings = parts.settings
    if len(texts) > settings.max_texts:
        raise HTTPException(413, f"{len(texts)} texts; at most {settings.max_texts} in one request: send several.")
    if (size := sum(map(len, texts))) > settings.max_characters:
        raise HTTPException(413, f"{size} characters; at most {settings.max_characters} in one request: send several.")


async def _model(parts: Parts, version: int | None) -> Model:
    if (champion := parts.models.champion) is None:
        raise HTTPException(503, "No champion is loaded yet.", {"Retry-After": "5"})
    if version is None or version == champion.version:
        return champion
    async with parts.loading:
        try:
            return await asyncio.to_thread(parts.models.pinned, version)
        except UnknownVersionError as error:
            raise HTTPException(404, str(error)) from error
        except InputError as error:
            log.error("version cannot be loaded", version=version, error=str(error))
            raise HTTPException(503, f"Version {version} cannot be loaded; the server's log says why.") from error


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
