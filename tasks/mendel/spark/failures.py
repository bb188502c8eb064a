"""Foreseen failures on their way through the JVM, where an exception becomes a text.

What a Python worker raises, and what the driver raises when Spark calls it (`foreachBatch`), comes back within an exception
of Spark or Py4J. Its text holds Python's traceback, whose last lines are the exception's full name and its message.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from py4j.protocol import Py4JError
from pyspark.errors import PySparkException

from mendel.core.errors import GateError, InputError, MendelError

FORESEEN: dict[str, type[MendelError]] = {
    f"{kind.__module__}.{kind.__name__}": kind for kind in (InputError, GateError)
}
RAISED = re.compile(
    rf"^({'|'.join(map(re.escape, FORESEEN))}): (.+?)\s*(?:\n\s*\n|\n SQLSTATE: |\Z)",  # what Spark puts behind a traceback
    re.MULTILINE | re.DOTALL,
)


@contextmanager
def as_raised() -> Iterator[None]:
    """Let a foreseen failure of Python code that Spark runs be raised as itself; all else as it comes."""
    try:
        yield
    except (PySparkException, Py4JError) as error:
        if (failure := _foreseen(str(error))) is None:
            raise
        raise failure from error


def _foreseen(text: str) -> MendelError | None:
    """The failure that a text tells of; the last one, since a traceback ends with what was raised in the end."""
    raised = RAISED.findall(text)
    return FORESEEN[raised[-1][0]](raised[-1][1]) if raised else None
