"""Structured logs (`event=… key=value`) and progress: a bar on a terminal, one line every ten seconds elsewhere."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Iterable, Iterator, Sized
from contextlib import suppress
from typing import Any, TextIO, TypeVar, cast

import structlog

PROGRESS_SECONDS = 10.0
T = TypeVar("T")


def configure() -> None:
    """Send logs to stderr as logfmt lines, and quiet the libraries."""
    others = logging.StreamHandler(sys.stderr)
    others.setFormatter(Plain("level=%(levelname)s logger=%(name)s %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[others])
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="%Y-%m-%dT%H:%M:%SZ", utc=True),
            structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "event"], drop_missing=True),
            lambda _, __, line: plain(cast(str, line)),
        ],
        logger_factory=structlog.PrintLoggerFactory(cast(TextIO, Expendable(sys.stderr))),
    )


def plain(text: str) -> str:
    """`text` as one line that does nothing to a terminal.

    What is not printed is written as Python would: a line's end as `\\n`, ESC as `\\x1b`. Else whoever is quoted in a log, such
    as a caller with a path, could write lines of its own into it.
    """
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode() for character in text
    )


class Plain(logging.Formatter):
    """A library's message on one line; a traceback on lines that do not look like the log's own."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 (logging's name)
        return plain(super().formatMessage(record))

    def formatException(self, ei: Any) -> str:  # noqa: N802
        return "\n".join(f"  {plain(line)}" for line in super().formatException(ei).split("\n"))


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
    started = reported = time.monotonic()
    for count, item in enumerate(items, start=1):
        yield item
        if (moment := time.monotonic()) - reported >= PROGRESS_SECONDS:
            reported = moment
            log.info("progress", what=what, done=count, total=total, seconds=round(moment - started, 1))
