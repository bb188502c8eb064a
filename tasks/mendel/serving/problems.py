"""Errors as RFC 9457 `application/problem+json`: what is wrong and what to change, never the caller's text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http.client import responses

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from mendel.log import log

LONGEST_NAME = 40
"""Characters of a field's name that are repeated: enough for a misspelt one, too few for a text in its place."""


def problem(status: int, detail: str, headers: Mapping[str, str] | None = None) -> Response:
    body = {
        "type": "about:blank",
        "title": responses.get(status, "Client Closed Request"),
        "status": status,
        "detail": detail,
    }
    return Response(json.dumps(body), status, dict(headers or {}), "application/problem+json")


def install(app: FastAPI) -> None:
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(Exception, _unexpected)


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException), error
    return problem(error.status_code, str(error.detail), error.headers)


async def _invalid(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError), error
    told = [
        f"{'.'.join(str(part)[:LONGEST_NAME] for part in item['loc'])}: {item['msg']}" for item in error.errors()[:5]
    ]
    return problem(422, "; ".join(told))


async def _unexpected(_: Request, error: Exception) -> Response:
    log.error("request failed", error=repr(error))
    return problem(500, "The text could not be restored; the server's log says why, under this request's X-Request-ID.")
