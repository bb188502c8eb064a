"""uvicorn's HTTP protocol, with a limit that it lacks: the head of a request has to arrive in time.

Without it, connections that never say what they want hold the process's file descriptors until nobody else gets one.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.auto import AutoHTTPProtocol

HEAD_SECONDS = 10.0
TOO_SLOW = b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class PunctualProtocol(AutoHTTPProtocol):  # type: ignore[valid-type, misc]
    """A pause between requests is uvicorn's own affair (`timeout_keep_alive`); this one sees to heads that have begun."""

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._check()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._check()

    def connection_lost(self, exc: Exception | None) -> None:
        self._clear()
        super().connection_lost(exc)

    def _check(self) -> None:
        complete = self.cycle is not None and not self.cycle.response_complete
        if complete:
            self._clear()
        elif self._deadline is None:
            self._deadline = self.loop.call_later(HEAD_SECONDS, self._give_up)

    def _clear(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _give_up(self) -> None:
        self.transport.write(TOO_SLOW)
        self.transport.close()
