"""What the routes under `/v1` have in common: strict JSON, keys, limits, and how their refusals are described."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from fastapi import APIRouter, HTTPException, Request, Response, Security
from fastapi.routing import APIRoute
from fastapi.security import APIKeyHeader, HTTPBearer
from pydantic_core import from_json

from mendel.restorers import pieces
from mendel.serving import problems
from mendel.serving.models import Model
from mendel.serving.settings import Serve

REFUSALS = {
    400: (
        "Not JSON in UTF-8, or not what its format says",
        "The body is not JSON in UTF-8: expected value at line 1 column 1",
    ),
    401: ("No known key", "Send a known key as X-API-Key or Authorization: Bearer."),
    403: ("Turned off: the detail says how to turn it on", "This service keeps no feedback."),
    404: (
        "No such thing: the detail says which there are",
        "there is no version 9; choose one of [1, 2], or leave it out",
    ),
    408: ("The body came too slowly", "The body did not arrive within 10 s."),
    413: ("Too large: the detail says the limit", "300 texts; at most 256 in one request: send several."),
    415: (
        "No document that is read: the detail says which are",
        "the document's format is not known: say it, as in ?format=markdown; choose one of csv, docx, markdown, text",
    ),
    421: ("Called by another name than its own", "The service does not answer under this name."),
    422: ("A field is wrong: the detail says which", "body.txet: Extra inputs are not permitted"),
    429: ("The queue is full: see Retry-After", "The service is busy: try again later."),
    500: ("The model failed on this text", problems.UNEXPECTED),
    503: ("Too many requests, no model, or no answer in time", "No champion is loaded yet."),
}
"""Status → meaning, and an example of the detail."""
EVERYWHERE = (401, 408, 413, 421, 503)
"""What the gateway may say to any request."""
RETRY_AFTER = {"Retry-After": {"description": "Seconds to wait", "schema": {"type": "integer", "example": 5}}}


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


def refusals(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """How OpenAPI describes these answers."""
    return {
        status: {
            "description": REFUSALS[status][0],
            "headers": RETRY_AFTER if status in (429, 503) else {},
            "content": problems.described(status, REFUSALS[status][1]),
        }
        for status in statuses
    }


def router() -> APIRouter:
    return APIRouter(
        prefix="/v1",
        route_class=StrictRoute,
        responses=refusals(*EVERYWHERE),
        # For the documentation: keys are checked in the gateway, before a body is read.
        dependencies=[
            Security(APIKeyHeader(name="X-API-Key", auto_error=False)),
            Security(HTTPBearer(auto_error=False)),
        ],
    )


def check_size(settings: Serve, texts: Sequence[str]) -> None:
    """Refuse what is too much for one request."""
    if len(texts) > settings.max_texts:
        raise HTTPException(413, f"{len(texts)} texts; at most {settings.max_texts} in one request: send several.")
    if (size := sum(map(len, texts))) > settings.max_characters:
        raise HTTPException(413, f"{size} characters; at most {settings.max_characters} in one request: send several.")


def check_time(settings: Serve, model: Model, texts: Sequence[str]) -> None:
    """Refuse what this model could not restore in time, though it had nothing else to do."""
    most = max(pieces.LONGEST, int(model.speed * settings.answer_seconds))
    if (size := sum(map(len, texts))) > most:
        raise HTTPException(
            413,
            f"{size} characters; version {model.version} restores some {most} in {settings.answer_seconds:g} s: "
            "send several requests.",
        )
