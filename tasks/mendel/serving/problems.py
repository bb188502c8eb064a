"""Errors as RFC 9457 `application/problem+json`: what is wrong and what to change, never the caller's text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http.client import responses
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from mendel.core.log import log
from mendel.serving.schemas import Problem

LONGEST_NAME = 40
"""Characters of a field's name that are repeated: enough for a misspelt one, too few for a text in its place."""


MEDIA_TYPE = "application/problem+json"
UNEXPECTED = "The text could not be restored; the server's log says why, under this request's X-Request-ID."


def problem(status: int, detail: str, headers: Mapping[str, str] | None = None) -> Response:
    return Response(json.dumps(_body(status, detail)), status, dict(headers or {}), MEDIA_TYPE)


def described(status: int, detail: str) -> dict[str, Any]:
    """The `content` of such a response in OpenAPI, with an example."""
    return {MEDIA_TYPE: {"schema": Problem.model_json_schema(), "example": _body(status, detail)}}


def _body(status: int, detail: str) -> dict[str, Any]:
    title = responses.get(status, "Client Closed Request")
    return Problem(type="about:blank", title=title, status=status, detail=detail).model_dump()


def install(app: FastAPI) -> None:
    app.add_exception_handler(HTTPException, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(Exception, _unexpected)


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException), error
    return problem(error.status_code, str(error.detail), error.headers)


async def _invalid(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError), error
    faults = [
        f"{'.'.join(str(part)[:LONGEST_NAME] for part in item['loc'])}: {item['msg']}" for item in error.errors()[:5]
    ]
    return problem(422, "; ".join(faults))


async def _unexpected(_: Request, error: Exception) -> Response:
    log.error("request failed", error=repr(error))
    return problem(500, UNEXPECTED)
