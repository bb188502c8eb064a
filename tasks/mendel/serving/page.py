"""The page at `/`: static files that ask the API of the same address for everything else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.staticfiles import StaticFiles
from starlette.types import Scope

FOLDER = Path(__file__).with_name("static")
HEADERS = {
    "Content-Security-Policy": "; ".join(
        [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self' blob:",  # plots are fetched with the caller's key, which an <img> cannot send
            "connect-src 'self'",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
            "require-trusted-types-for 'script'",
            "trusted-types 'none'",
        ]
    ),
    "Cache-Control": "no-cache",  # asked again by its ETag, so that an update is seen at once
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class PageFiles(StaticFiles):
    async def get_response(self, path: str, scope: Scope) -> Response:
        response: Any = await super().get_response(path, scope)
        response.headers.update(HEADERS)
        return response  # type: ignore[no-any-return]


files = PageFiles(directory=FOLDER)
router = APIRouter(include_in_schema=False)


@router.get("/")
async def index(request: Request) -> Response:
    return await files.get_response("index.html", request.scope)
