"""uvicorn around the application. On SIGTERM it sends its callers elsewhere, lets what is in flight end, then ends."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from socket import socket
from threading import Thread
from typing import Any

import uvicorn

from mendel.serving import app, keys, traces
from mendel.serving.connections import Connections
from mendel.serving.gateway import Gateway
from mendel.serving.protocol import HEAD_BYTES, PunctualProtocol
from mendel.serving.settings import Serve

KEEP_ALIVE = 75
"""Seconds for which an idle connection stays: longer than proxies keep theirs (60 s), else they send into closing ones."""


def run(root: str, settings: Serve) -> None:
    """Serve until SIGTERM or SIGINT. Raises InputError where the address needs keys and there are none."""
    gateway = app.create(root, settings, keys.required(settings.host, settings.keys_file))
    config = uvicorn.Config(gateway, host=settings.host, port=settings.port, **options(settings))
    with suppress(KeyboardInterrupt):  # raised anew once the service has ended
        Server(config, gateway, settings.drain_seconds, traces.configure()).run()


def options(settings: Serve) -> dict[str, Any]:
    """uvicorn's, but for the address."""
    connections = Connections(settings.max_connections, settings.max_strangers)
    return {
        "loop": "asyncio",  # uvicorn would take what else it finds installed, and so run otherwise in tests than in the image
        "http": partial(PunctualProtocol, connections, settings.write_seconds),
        "h11_max_incomplete_event_size": HEAD_BYTES,
        "ws": "none",
        "access_log": False,  # the gateway writes it
        "log_config": None,  # as all libraries' lines: uvicorn's own would write what callers sent as it came
        "log_level": "warning",
        "server_header": False,
        "timeout_keep_alive": KEEP_ALIVE,
        "timeout_graceful_shutdown": math.ceil(settings.answer_seconds),
    }


class Server(uvicorn.Server):
    """Between the signal and the closed port lies the time in which a balancer still sends requests here."""

    def __init__(
        self, config: uvicorn.Config, gateway: Gateway, drain_seconds: float, ended: Callable[[], object]
    ) -> None:
        """`ended` is called, for a short time, when the last answer has been given."""
        super().__init__(config)
        self._gateway = gateway
        self._drain_seconds = drain_seconds
        self._ended = ended

    async def main_loop(self) -> None:
        await super().main_loop()
        self._gateway.drain()
        until = time.monotonic() + self._drain_seconds
        while time.monotonic() < until and not self.force_exit:
            await asyncio.sleep(0.1)

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        await super().shutdown(sockets)
        thread = Thread(target=self._ended, daemon=True)  # uvicorn raises the signal anew, so nothing runs after this
        thread.start()
        await asyncio.to_thread(thread.join, traces.FLUSH_SECONDS)
