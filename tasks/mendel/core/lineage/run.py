"""A stage's run as lineage tools see it: it starts, then completes or fails, with what it read and what it made.

Where OpenLineage's own variables name no backend, nothing is loaded and nothing is sent. Events are sent by a thread: a
backend that is slow, down or misconfigured fails no stage, and holds it up for PATIENCE_SECONDS at its end at most.
"""

from __future__ import annotations

import os
import traceback
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from importlib.util import find_spec
from threading import Thread

from mendel.core.errors import MendelError
from mendel.core.lineage.moment import Ancestry, RunMoment, RunName
from mendel.core.log import log
from mendel.core.manifest import InputEntry, Manifest

PATIENCE_SECONDS = 3.0
"""How long the end of a stage waits for what is still to be sent."""

PIPELINE: ContextVar[str | None] = ContextVar("PIPELINE", default=None)
"""The pipeline that this process runs a stage of: part of the names of its jobs."""


@dataclass
class RunReport:
    """What is to be told of a run; a stage fills it in as it goes."""

    inputs: Sequence[InputEntry] = ()
    output: Manifest | None = None


_ancestry: ContextVar[Ancestry | None] = ContextVar("_ancestry", default=None)
"""Of runs that a stage makes while it runs: it is their parent."""


def is_configured(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether OpenLineage's client is told where to send to, by a variable of its own, and not told to be silent."""
    if environment.get("OPENLINEAGE_DISABLED", "").strip().lower() == "true":
        return False
    return any(
        value and (name in ("OPENLINEAGE_URL", "OPENLINEAGE_CONFIG") or name.startswith("OPENLINEAGE__TRANSPORT"))
        for name, value in environment.items()
    )


@contextmanager
def told(stage: str, lake: str) -> Iterator[RunReport]:
    """Tell of a stage's run while the block runs; it fails as the block does."""
    report = RunReport()
    if not is_configured():
        yield report
        return
    if find_spec("openlineage") is None:
        log.warning(
            "lineage is not told: OpenLineage's client is absent", to_install_it="pip install 'mendel[lineage]'"
        )
        yield report
        return
    run = RunName(namespace(), job_name(stage), str(uuid.uuid4()))
    ancestry = _ancestry.get() or Ancestry.of_environment()
    sending = _Sending()
    sending.send(RunMoment(run, ancestry, lake, "START"))
    within = _ancestry.set(Ancestry(run, ancestry.root if ancestry else run))
    try:
        yield report
    except BaseException as error:
        trace = None if isinstance(error, MendelError) else traceback.format_exc()
        message = str(error) or type(error).__name__
        sending.send(RunMoment(run, ancestry, lake, "FAIL", inputs=report.inputs, message=message, stack_trace=trace))
        raise
    else:
        sending.send(RunMoment(run, ancestry, lake, "COMPLETE", inputs=report.inputs, output=report.output))
    finally:
        _ancestry.reset(within)
        sending.close()


def namespace() -> str:
    """Of jobs, as the other integrations have it."""
    return os.environ.get("OPENLINEAGE_NAMESPACE") or "default"


def job_name(stage: str) -> str:
    """`mendel.demo.validate_corpus`; without the pipeline where none was loaded."""
    pipeline = PIPELINE.get()
    return ".".join(["mendel", *([pipeline] if pipeline else []), stage.replace(" ", "_")])


class _Sending:
    """Sends a run's moments, each when the one before it is through."""

    def __init__(self) -> None:
        self._last: Thread | None = None

    def send(self, moment: RunMoment) -> None:
        self._last = Thread(target=self._send, args=(moment, self._last), name="lineage", daemon=True)
        self._last.start()

    def close(self) -> None:
        """Wait for what is still to be sent, a short time."""
        assert self._last is not None, "a run has started"
        self._last.join(PATIENCE_SECONDS)
        if self._last.is_alive():
            log.warning("lineage is not told in time; the stage goes on without", seconds=PATIENCE_SECONDS)

    @staticmethod
    def _send(moment: RunMoment, before: Thread | None) -> None:
        if before is not None:
            before.join()
        try:
            from mendel.core.lineage import events  # loads openlineage, requests

            events.emit(moment)
        except Exception as error:  # a backend's, a transport's, a configuration's: none is worth a stage
            log.warning("lineage is not told", job=moment.run.job, state=moment.state, error=str(error))
