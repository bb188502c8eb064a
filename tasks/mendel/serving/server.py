"""uvicorn around the application: SIGTERM stops accepting, lets what is in flight end, then ends."""

from __future__ import annotations

import math
from typing import Any

import uvicorn

from mendel.serving import app, keys
from mendel.serving.protocol import PunctualProtocol
from mendel.serving.settings import Serve


def run(root: str, settings: Serve) -> None:
    """Serve until SIGTERM or SIGINT. Raises InputError where the address needs keys and there are none."""
    application = app.create(root, settings, keys.required(settings.host, settings.keys_file))
    uvicorn.run(application, host=settings.host, port=settings.port, **options(settings))


def options(settings: Serve) -> dict[str, Any]:
    """uvicorn's, but for the address."""
    return {
        "http": PunctualProtocol,
        "ws": "none",
        "access_log": False,  # the gateway writes it
        "log_level": "warning",
        "server_header": False,
        "timeout_graceful_shutdown": math.ceil(settings.answer_seconds),
    }
