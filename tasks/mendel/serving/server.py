"""uvicorn around the application: SIGTERM stops accepting, lets what is in flight end, then ends."""

from __future__ import annotations

import math

import uvicorn

from mendel.serving import app, keys
from mendel.serving.settings import Serve


def run(root: str, settings: Serve) -> None:
    """Serve until SIGTERM or SIGINT. Raises InputError where the address needs keys and there are none."""
    application = app.create(root, settings, keys.required(settings.host, settings.keys_file))
    uvicorn.run(
        application,
        host=settings.host,
        port=settings.port,
        access_log=False,  # the gateway writes it
        log_level="warning",
        server_header=False,
        timeout_graceful_shutdown=math.ceil(settings.answer_seconds),
    )
