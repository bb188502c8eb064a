"""Around the application: request ids, access log, names, keys, and bodies that are too large or too slow.

Plain ASGI, so that a refused request costs no parsing, and a client that goes away is seen by the handler.
"""

from __future__ import annotations

import asyncio
import re
import time
import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext

import structlog
from opentelemetry.trace import INVALID_SPAN, Span
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mendel.core.log import log
from mendel.serving import hosts, traces
from mendel.serving.keys import Keys
from mendel.serving.metrics import Metrics
from mendel.serving.problems import problem
from mendel.serving.settings import Serve

REQUEST_ID = re.compile(r"[\w.-]{1,64}", re.ASCII)
GUARDED = "/v1/"
READY = "/readyz"
PROBED = ("/healthz", READY, "/metrics")
OTHER = "other"
"""The route of what no route is for."""
NO_BODY = "Such a request takes no body."


class Gateway:
    def __init__(self, app: ASGIApp, settings: Serve, metrics: Metrics, keys: Keys | None) -> None:
        self._app = app
        self._settings = settings
        self._metrics = metrics
        self._keys = keys
        self._hosts = hosts.trusted(settings.host, settings.hosts)
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
        header = headers.get("x-request-id", "")
        request_id = header if REQUEST_ID.fullmatch(header) else uuid.uuid4().hex
        client = (scope.get("client") or ["?"])[0]
        started = time.monotonic()
        status = 499  # nobody was there any more to be answered
        log_fields: dict[str, object] = {}
        scope.setdefault("state", {}).update(log_fields=log_fields, request_id=request_id, caller=client)

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                answer_headers = MutableHeaders(scope=message)
                answer_headers["X-Request-ID"] = request_id
                if self._draining:
                    answer_headers["Connection"] = "close"
            await send(message)

        with (
            _span(scope, headers) as span,
            structlog.contextvars.bound_contextvars(request_id=request_id, **traces.trace_id(span)),
        ):
            span.set_attribute("mendel.request_id", request_id)
            try:
                if (refusal := self._refused(scope, headers)) is not None:
                    await refusal(scope, receive, answer)
                elif scope["path"].startswith(GUARDED):
                    await self._counted(scope, headers, receive, answer)
                else:
                    await self._passed_on(scope, headers, receive, answer)
            finally:
                seconds = time.monotonic() - started
                route = _route(scope)
                traces.answered(span, scope["method"], None if route == OTHER else route, status, log_fields)
                self._metrics.requests.labels(route, status).inc()
                self._metrics.seconds.labels(route).observe(seconds)
                log.info(
                    "request",
                    method=scope["method"],
                    path=scope["path"],
                    status=status,
                    ms=round(1000 * seconds, 1),
                    client=client,
                    **log_fields,
                )

    def _refused(self, scope: Scope, headers: Headers) -> Response | None:
        """What strangers get to hear; of a caller who may ask, its name and its connection are noted."""
        path, state = scope["path"], scope["state"]
        if not self._known_as(headers.get("host", ""), path):
            return problem(421, "The service does not answer under this name: list it in serve.hosts, if it is yours.")
        if path == READY and self._draining:
            return problem(503, "The service is ending.")
        if not path.startswith(GUARDED):
            return None
        if self._keys is not None:
            holder = self._keys.holder(_key(headers))
            if holder is None:
                asking = {"WWW-Authenticate": "Bearer"}
                return problem(401, "Send a known key as X-API-Key or Authorization: Bearer.", asking)
            state["caller"] = state["log_fields"]["caller"] = holder
        if (connection := state.get("connection")) is not None:
            connection.admitted()
        return None

    def _known_as(self, host: str, path: str) -> bool:
        """Probes and Prometheus call a pod by its address, whatever its callers' names for it are."""
        probed = self._keys is not None and path in PROBED
        return self._hosts is None or probed or hosts.name(host) in self._hosts

    async def _counted(self, scope: Scope, headers: Headers, receive: Receive, send: Send) -> None:
        # Not uvicorn's limit_concurrency: that refuses probes too, and a busy process would be restarted.
        if self._under_way >= self._settings.max_requests:
            busy = problem(503, "Too many requests are under way: try again later.", {"Retry-After": "5"})
            await busy(scope, receive, send)
            return
        self._under_way += 1
        try:
            await self._passed_on(scope, headers, receive, send)
        finally:
            self._under_way -= 1

    async def _passed_on(self, scope: Scope, headers: Headers, receive: Receive, send: Send) -> None:
        """To the application, with a body that is there and not too large."""
        accepts_body = scope["method"] == "POST" and scope["path"].startswith(GUARDED)
        limit = self._settings.max_body_bytes if accepts_body else 0
        refusal = f"The body is larger than {limit} bytes: send several smaller requests." if accepts_body else NO_BODY
        length = headers.get("content-length", "")
        if (length.isdigit() and int(length) > limit) or ("transfer-encoding" in headers and not accepts_body):
            await problem(413, refusal)(scope, receive, send)
            return
        try:
            async with asyncio.timeout(self._settings.body_seconds):
                messages = await _read(receive, limit)
        except TimeoutError:
            slow = f"The body did not arrive within {self._settings.body_seconds:g} s."
            await problem(408, slow, {"Connection": "close"})(scope, receive, send)
            return
        if messages is None:
            await problem(413, refusal)(scope, receive, send)
            return
        await self._app(scope, _replayed(iter(messages), receive), send)


def _route(scope: Scope) -> str:
    """As metrics name it. A probe has its own even where the gateway answers it: a pod that ends is no failed request."""
    asked: str = scope["path"]
    return getattr(scope.get("route"), "path", asked if asked in PROBED else OTHER)


def _span(scope: Scope, headers: Headers) -> AbstractContextManager[Span]:
    """Probes come all the time, and nobody asks how they went."""
    path = scope["path"]
    return nullcontext(INVALID_SPAN) if path in PROBED else traces.request(scope["method"], path, headers)


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
