"""Structured logs (`event=… key=value`) and progress: a bar on a terminal, one line every ten seconds elsewhere."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Iterable, Iterator, Sized
from contextlib import suppress
from typing import TextIO, TypeVar, cast

import structlog

PROGRESS_SECONDS = 10.0
T = TypeVar("T")


def configure() -> None:
    """Send logs to stderr as logfmt lines, and quiet the libraries."""
    logging.basicConfig(
        level=logging.WARNING, stream=sys.stderr, format="level=%(levelname)s logger=%(name)s %(message)s"
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="%Y-%m-%dT%H:%M:%SZ", utc=True),
            structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "event"], drop_missing=True),
        ],
        logger_factory=structlog.PrintLoggerFactory(cast(TextIO, Expendable(sys.stderr))),
    )


class Expendable:
    """A stream whose lines are lost where its disk is full: that must not fail the work that they tell of."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        with suppress(OSError):
            self._stream.write(text)

    def flush(self) -> None:
        with suppress(OSError):
            self._stream.flush()


log: structlog.BoundLogger = structlog.get_logger()


def track(items: Iterable[T], what: str, total: int | None = None) -> Iterator[T]:
    """Yield the items and say how far it is. `total` is needed where `items` has no length."""
    if total is None and isinstance(items, Sized):
        total = len(items)
    if sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import track as bar

        yield from bar(items, description=what, total=total, console=Console(stderr=True), transient=True)
        return
    started = said = time.monotonic()
    for done, item in enumerate(items, start=1):
        yield item
        if (now := time.monotonic()) - said >= PROGRESS_SECONDS:
            said = now
            log.info("progress", what=what, done=done, total=total, seconds=round(now - started, 1))
