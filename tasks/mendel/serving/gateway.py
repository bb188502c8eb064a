"""Around the application: request ids, access log, keys, and bodies that are too large or too slow.

Plain ASGI, so that a refused request costs no parsing, and a client that goes away is seen by the handler.
"""

from __future__ import annotations

import asyncio
import re
import time
import uuid
from collections.abc import Iterator

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mendel.log import log
from mendel.serving.keys import Keys
from mendel.serving.metrics import Metrics
from mendel.serving.problems import problem
from mendel.serving.settings import Serve

REQUEST_ID = re.compile(r"[\w.-]{1,64}", re.ASCII)
GUARDED = "/v1/"
READY = "/readyz"


class Gateway:
    def __init__(self, app: ASGIApp, settings: Serve, metrics: Metrics, keys: Keys | None) -> None:
        self._app = app
        self._settings = settings
        self._metrics = metrics
        self._keys = keys
        self._under_way = 0
        self._draining = False

    def drain(self) -> None:
        """From now on not ready, and every answer closes its connection: the caller's next one goes elsewhere."""
        self._draining = True

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        asked = headers.get("x-request-id", "")
        request_id = asked if REQUEST_ID.fullmatch(asked) else uuid.uuid4().hex
        started = time.monotonic()
        status = 499  # nobody was there any more to be answered
        told: dict[str, object] = {}
        scope.setdefault("state", {}).update(told=told, request_id=request_id)

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                own = MutableHeaders(scope=message)
                own["X-Request-ID"] = request_id
                if self._draining:
                    own["Connection"] = "close"
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            self._under_way += 1
            try:
                # Not uvicorn's limit_concurrency: that refuses probes too, and a busy process would be restarted.
                if scope["path"].startswith(GUARDED) and self._under_way > self._settings.max_requests:
                    busy = problem(503, "Too many requests are under way: try again later.", {"Retry-After": "5"})
                    await busy(scope, receive, answer)
                elif scope["path"] == READY and self._draining:
                    await problem(503, "The service is ending.")(scope, receive, answer)
                else:
                    await self._guarded(scope, headers, told, receive, answer)
            finally:
                self._under_way -= 1
                seconds = time.monotonic() - started
                route = getattr(scope.get("route"), "path", "other")
                self._metrics.requests.labels(route, status).inc()
                self._metrics.seconds.labels(route).observe(seconds)
                log.info(
                    "request",
                    method=scope["method"],
                    path=scope["path"],
                    status=status,
                    ms=round(1000 * seconds, 1),
                    client=(scope.get("client") or ["?"])[0],
                    **told,
                )

    async def _guarded(
        self, scope: Scope, headers: Headers, told: dict[str, object], receive: Receive, send: Send
    ) -> None:
        if self._keys is not None and scope["path"].startswith(GUARDED):
            holder = self._keys.holder(_key(headers))
            if holder is None:
                refusal = problem(
                    401, "Send a known key as X-API-Key or Authorization: Bearer.", {"WWW-Authenticate": "Bearer"}
                )
                await refusal(scope, receive, send)
                return
            told["caller"] = holder
        limit = self._settings.max_body_bytes
        too_large = problem(413, f"The body is larger than {limit} bytes: send several smaller requests.")
        if headers.get("content-length", "").isdigit() and int(headers["content-length"]) > limit:
            await too_large(scope, receive, send)
            return
        try:
            async with asyncio.timeout(self._settings.body_seconds):
                messages = await _read(receive, limit)
        except TimeoutError:
            slow = f"The body did not arrive within {self._settings.body_seconds:g} s."
            await problem(408, slow, {"Connection": "close"})(scope, receive, send)
            return
        if messages is None:
            await too_large(scope, receive, send)
            return
        await self._app(scope, _replayed(iter(messages), receive), send)


def _key(headers: Headers) -> str:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return headers.get("x-api-key") or (token if scheme.lower() == "bearer" else "")


async def _read(receive: Receive, limit: int) -> list[Message] | None:
    """The messages up to the end of the body; None where it is too large."""
    messages: list[Message] = []
    size = 0
    while True:
        message = await receive()
        messages.append(message)
        size += len(message.get("body", b""))
        if size > limit:
            return None
        if not message.get("more_body", False):
            return messages


def _replayed(messages: Iterator[Message], receive: Receive) -> Receive:
    async def replay() -> Message:
        if (message := next(messages, None)) is not None:
            return message
        return await receive()

    return replay
