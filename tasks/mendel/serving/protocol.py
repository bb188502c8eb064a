"""uvicorn's HTTP protocol on h11, with the limits that it lacks: on heads, on left-over bodies, on answers that nobody reads.

Without them, connections that say nothing, or do not listen, hold the process's file descriptors until nobody else gets one.
"""

from __future__ import annotations

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from mendel.serving.connections import Connections

HEAD_BYTES = 16_384
HEAD_SECONDS = 10.0
LEFT_OVER_SECONDS = 10.0
"""For which the rest of a body is read and thrown away, once its request has been refused."""
TOO_SLOW = b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class CappedConnection(h11.Connection):
    """h11 caps heads that come in parts only; a whole one may be as long as what the socket gives at once."""

    def next_event(self) -> Any:
        event = super().next_event()
        if isinstance(event, h11.Request):
            size = len(event.target) + sum(len(name) + len(value) for name, value in event.headers)
            if size > HEAD_BYTES:
                raise h11.RemoteProtocolError("the head is too long")
        return event


class Lingering:
    """A transport. Closed with a part of the request to come, it lets the client read the answer before the connection ends:

    what arrives at a socket that is closed resets the connection, and its client loses the answer.
    """

    def __init__(self, transport: Any, conn: h11.Connection, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._conn = conn
        self._loop = loop
        self.lingers = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def is_closing(self) -> bool:
        return self.lingers or bool(self._transport.is_closing())

    def close(self) -> None:
        if self._conn.their_state not in (h11.SEND_BODY, h11.ERROR):
            self._transport.close()
        elif not self.is_closing():
            self.lingers = True
            self._transport.write_eof()
            self._transport.resume_reading()
            self._loop.call_later(LEFT_OVER_SECONDS, self._transport.close)


class PunctualProtocol(H11Protocol):
    """Each stage of a connection has its deadline, but for the application's own part."""

    def __init__(self, connections: Connections, write_seconds: float, **uvicorns: Any) -> None:
        """`write_seconds`: in which the client has to read what was written."""
        super().__init__(**uvicorns)
        self.conn = CappedConnection(h11.SERVER, HEAD_BYTES)
        self.app_state = {**self.app_state, "connection": self}  # each request's `state`
        self._connections = connections
        self._write_seconds = write_seconds
        self._stage = ""
        self._deadline: asyncio.TimerHandle | None = None
        self._unread: asyncio.TimerHandle | None = None

    @property
    def busy(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def admitted(self) -> None:
        """A request on this connection was one of a caller who may ask."""
        self._connections.admitted(self)

    def cut_off(self) -> None:
        self.transport.abort()

    def connection_made(self, transport: Any) -> None:
        transport.set_write_buffer_limits(high=0)  # so that any unread byte is told by `pause_writing`
        super().connection_made(Lingering(transport, self.conn, self.loop))  # type: ignore[arg-type]
        self._check()
        self._connections.opened(self)

    def data_received(self, data: bytes) -> None:
        if not self.transport.is_closing():
            super().data_received(data)
            self._check()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._check()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._unread = self.loop.call_later(self._write_seconds, self.cut_off)

    def resume_writing(self) -> None:
        super().resume_writing()
        _cancel(self._unread)

    def connection_lost(self, exc: Exception | None) -> None:
        self._connections.closed(self)
        _cancel(self._deadline)
        _cancel(self._unread)
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            super().send_400_response(msg)
        else:  # it has begun to answer
            self.transport.abort()
        if self.cycle is not None:  # whoever answers, or waits for the body, need not go on
            self.cycle.disconnected = True
            self.cycle.message_event.set()

    def _check(self) -> None:
        """Put the deadline of the stage that the connection is in."""
        if (stage := self._current_stage()) == self._stage:
            return
        self._stage = stage
        _cancel(self._deadline)
        if stage == "head":
            self._deadline = self.loop.call_later(HEAD_SECONDS, self._give_up)
        elif stage == "left over":
            self._deadline = self.loop.call_later(LEFT_OVER_SECONDS, self.cut_off)
        elif stage == "idle":  # uvicorn's own ends with the first byte, of whatever that is
            self._deadline = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)

    def _current_stage(self) -> str:
        if self.busy or self.transport.is_closing():
            return ""
        if self.conn.their_state is h11.SEND_BODY:
            return "left over"
        return "head" if self.cycle is None or self.conn.trailing_data[0] else "idle"

    def _give_up(self) -> None:
        self.transport.write(TOO_SLOW)
        self.transport.close()


def _cancel(timer: asyncio.TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()
