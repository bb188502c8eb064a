"""Progress: what each micro-batch came to and how far behind the stream is; as log lines, sums, and for Prometheus."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql.functions import count, lit
from pyspark.sql.functions import min as least
from pyspark.sql.streaming.listener import (
    QueryIdleEvent,
    QueryProgressEvent,
    QueryStartedEvent,
    QueryTerminatedEvent,
    StreamingQueryListener,
)

from mendel.core.frozen import Frozen
from mendel.core.log import log

OBSERVED = "read"


class Step(Frozen):
    """One micro-batch, as Spark tells of it once it is done."""

    batch: int
    records: int
    """Read, whatever became of them."""
    rejected: int
    duplicates: int
    seconds: float
    lag_seconds: float | None
    """From when the source got the oldest record of the batch to the batch's end."""
    offsets_behind: int | None
    """Messages that wait in Kafka, of the partition that has most."""

    @property
    def restored(self) -> int:
        return self.records - self.rejected - self.duplicates


def observe(records: DataFrame) -> DataFrame:
    """The stream itself, counted as it goes by; `step` finds the counts."""
    read = count(lit(1)).alias("records")
    return records.observe(OBSERVED, read, count("reason").alias("rejected"), least("sent").alias("oldest"))


def step(progress: dict[str, Any]) -> Step | None:
    """What Spark's report of a micro-batch says; None of a report without one."""
    if not progress["numInputRows"]:
        return None
    read = progress["observedMetrics"][OBSERVED]
    operators = [operator["customMetrics"] for operator in progress["stateOperators"]]
    behind = [source.get("metrics", {}).get("maxOffsetsBehindLatest") for source in progress["sources"]]
    seconds = progress["batchDuration"] / 1000
    end = datetime.fromisoformat(progress["timestamp"]).timestamp() + seconds
    return Step(
        batch=progress["batchId"],
        records=read["records"],
        rejected=read["rejected"],
        duplicates=sum(metrics["numDroppedDuplicateRows"] for metrics in operators),
        seconds=seconds,
        lag_seconds=None if read["oldest"] is None else max(0.0, end - read["oldest"] / 1000),
        offsets_behind=next((int(offsets) for offsets in behind if offsets is not None), None),
    )


@dataclass
class RunTotals:
    """Sums over a run's micro-batches."""

    batches: list[int] = field(default_factory=list)
    records: int = 0
    rejected: int = 0
    duplicates: int = 0
    seconds: float = 0.0
    max_lag_seconds: float = 0.0

    @property
    def restored(self) -> int:
        return self.records - self.rejected - self.duplicates

    def add(self, step: Step) -> None:
        self.batches.append(step.batch)
        self.records += step.records
        self.rejected += step.rejected
        self.duplicates += step.duplicates
        self.seconds += step.seconds
        self.max_lag_seconds = max(self.max_lag_seconds, step.lag_seconds or 0.0)


class Watcher(StreamingQueryListener):
    """Hears Spark's reports: keeps the steps of a run that ends, and hands each to whoever else watches."""

    def __init__(self, gauges: Gauges | None = None) -> None:
        self.gauges = gauges
        self.totals = RunTotals()
        self.pause = threading.Event()
        """Set at the end of each micro-batch and whenever there is nothing to do."""
        self.ended = threading.Event()

    def onQueryStarted(self, event: QueryStartedEvent) -> None:  # noqa: N802 (Spark's name)
        log.info("stream started", query=str(event.id), run=str(event.runId))

    def onQueryProgress(self, event: QueryProgressEvent) -> None:  # noqa: N802
        micro_batch = step(json.loads(event.progress.json))
        if micro_batch is not None:
            self._tell(micro_batch)
        self.pause.set()

    def onQueryIdle(self, event: QueryIdleEvent) -> None:  # noqa: N802
        if self.gauges:
            self.gauges.idle()
        self.pause.set()

    def onQueryTerminated(self, event: QueryTerminatedEvent) -> None:  # noqa: N802
        self.ended.set()

    def _tell(self, micro_batch: Step) -> None:
        figures = {name: value for name, value in micro_batch if value is not None}
        log.info("micro-batch", **figures, restored=micro_batch.restored)
        if self.gauges:
            self.gauges.add(micro_batch)
        else:
            self.totals.add(micro_batch)


class Gauges:
    """Prometheus's metrics of the stream, on an address of this process."""

    def __init__(self, host: str, port: int) -> None:
        from prometheus_client import (
            CollectorRegistry,
            Counter,
            Gauge,
            Histogram,
            ProcessCollector,
            start_http_server,
        )

        registry = CollectorRegistry()
        self.records = Counter(
            "mendel_stream_records",
            "Records that were read, by outcome: restored, rejected or duplicates.",
            ["outcome"],
            registry=registry,
        )
        self.seconds = Histogram(
            "mendel_stream_batch_seconds",
            "Seconds that a micro-batch took.",
            registry=registry,
            buckets=(0.5, 1, 2, 5, 10, 30, 60, 120, 300, 600),
        )
        self.lag = Gauge(
            "mendel_stream_lag_seconds",
            "Age in seconds of the oldest record of the last micro-batch at its end; 0 while nothing waits.",
            registry=registry,
        )
        self.behind = Gauge(
            "mendel_stream_offsets_behind",
            "Messages that wait in the Kafka partition that has most of them.",
            registry=registry,
        )
        self.model = Gauge("mendel_stream_model_version", "Version of the model that restores.", registry=registry)
        self.last = Gauge(
            "mendel_stream_last_batch_timestamp_seconds",
            "Unix time, in seconds, at which the last micro-batch ended.",
            registry=registry,
        )
        self.report = Gauge(
            "mendel_stream_last_report_timestamp_seconds",
            "Unix time, in seconds, at which Spark last said that a micro-batch ended or that nothing waits.",
            registry=registry,
        )
        self.report.set_to_current_time()
        ProcessCollector(registry=registry)
        self._server, self._thread = start_http_server(port, host, registry=registry)

    def add(self, micro_batch: Step) -> None:
        for outcome in ("restored", "rejected", "duplicates"):
            self.records.labels(outcome).inc(getattr(micro_batch, outcome))
        self.seconds.observe(micro_batch.seconds)
        self.lag.set(micro_batch.lag_seconds or 0.0)
        self.behind.set(micro_batch.offsets_behind or 0)
        self.last.set_to_current_time()
        self.report.set_to_current_time()

    def idle(self) -> None:
        self.report.set_to_current_time()
        self.lag.set(0.0)
        self.behind.set(0)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
