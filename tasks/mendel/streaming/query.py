"""The streaming query: from source to sink in micro-batches, each restored by one model, that of its start."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.functions import col, count, current_timestamp, when
from pyspark.sql.pandas.types import from_arrow_schema

from mendel.core import lake
from mendel.core.log import log
from mendel.core.stage import Context
from mendel.inference import restored
from mendel.lakehouse import following
from mendel.spark import corruption as spark
from mendel.spark import failures
from mendel.streaming import batches, kafka, progress, sources
from mendel.streaming.batches import MicroBatch
from mendel.streaming.current_model import CurrentModel
from mendel.streaming.progress import Gauges, RunTotals, Watcher
from mendel.streaming.restoring import restorer
from mendel.streaming.settings import KafkaSink, Stream

if TYPE_CHECKING:
    from pyspark.sql.streaming.query import StreamingQuery

GRACE_SECONDS = 20.0
"""How long a stop waits for the micro-batch under way: less than the 30 s after which Kubernetes kills."""
QUERY = "sql.streaming.queryId"


class Run(NamedTuple):
    """A run of the stream that came to its end."""

    query: str
    totals: RunTotals


def defaults(settings: Stream) -> dict[str, str]:
    """Spark's settings for a stream, the pipeline's own over them.

    A restorer uses all the cores it may, so an executor has one task at a time, and with it one Python worker and one
    model.
    """
    properties = {
        "spark.app.name": f"mendel stream {settings.name}",
        "spark.master": "local[1]",
        "spark.sql.shuffle.partitions": "1",
        "spark.sql.execution.arrow.maxRecordsPerBatch": str(settings.batch_records),
        "spark.sql.streaming.noDataMicroBatches.enabled": "false",  # ids are forgotten along with the next records
        **kafka.connector(settings),
        **settings.spark,
    }
    if cores := properties.get("spark.executor.cores"):
        properties.setdefault("spark.task.cpus", cores)
    return properties


def run(root: str, settings: Stream, context: Context, *, once: bool) -> Run:
    """Restore what is there now and end (`once`), or go on until SIGTERM or SIGINT.

    Raises InputError where no version has the stream's alias, and what a micro-batch raised.
    """
    with spark.session(defaults(settings)) as session:
        return run_in(session, root, settings, context, once=once)


def run_in(session: SparkSession, root: str, settings: Stream, context: Context, *, once: bool) -> Run:
    """As `run`, in a session that is there."""
    current_model = CurrentModel(root, settings.alias)
    current_model.resolve()  # without a model nothing is read
    gauges = Gauges(settings.metrics_host, settings.metrics_port) if settings.metrics_port and not once else None
    watcher = Watcher(gauges)
    write_batch = EachBatch(context, settings, current_model, gauges)
    session.streams.addListener(watcher)
    try:
        with failures.as_raised(), _stop_asked() as stop:
            query = _start(_pipeline(session, root, settings), root, settings, write_batch, once=once)
            _wait(query, watcher, stop)
        watcher.ended.wait(GRACE_SECONDS)
        return Run(str(query.id), watcher.totals)
    finally:
        session.streams.removeListener(watcher)
        if gauges:
            gauges.close()


class EachBatch:
    """What Spark calls with every micro-batch."""

    def __init__(self, context: Context, settings: Stream, current_model: CurrentModel, gauges: Gauges | None) -> None:
        self.context = context
        self.settings = settings
        self.current_model = current_model
        self.gauges = gauges

    def __call__(self, frame: DataFrame, number: int) -> None:
        query = frame.sparkSession.sparkContext.getLocalProperty(QUERY)
        assert query, f"Spark sets {QUERY} for the thread of a query"
        frame = frame.persist()  # else each of the writes below would read, parse and drop duplicates again
        try:
            self._write(frame, query, number)
        finally:
            frame.unpersist()

    def _write(self, frame: DataFrame, query: str, number: int) -> None:
        good = col("reason").isNull()
        # before all else: Spark wants every batch read, one that is left as it is too, for the ids it has seen
        counted = frame.agg(count(when(good, 1)), count(when(~good, 1))).head()
        assert counted is not None, "an aggregate has one row"
        expected = (int(counted[0]), int(counted[1]))
        if not sum(expected):
            return
        root = self.context.root
        lake_sink = not isinstance(self.settings.sink, KafkaSink)
        if lake_sink and (existing := batches.find(root, query, number)) is not None:
            batches.put_in_force(root, existing, expected)
            following.follow(root, existing)
            return
        model = self.current_model.resolve()
        if self.gauges:
            self.gauges.model.set(model.registered)
        schema = from_arrow_schema(restored.schema())
        restore = restorer(model, self.settings.threshold)
        rows = frame.where(good).select("id", "text", "file", "ordinal", "extra").mapInArrow(restore, schema)
        rejected = frame.where(~good).select("file", "ordinal", "reason", "detail", "excerpt")
        if isinstance(self.settings.sink, KafkaSink):
            kafka.write(self.settings.sink, rows, rejected)
            return
        batch = MicroBatch(self.context, self.settings, query, number)
        following.follow(root, batch.write(rows, rejected, expected, model, self.current_model.as_input(model)))


def _pipeline(session: SparkSession, root: str, settings: Stream) -> DataFrame:
    """Records and rejections, without duplicates.

    The watermark is over the time of arrival, which Spark keeps with the batch: by it nothing is ever late, whereas
    records that came late by their own time would be dropped in silence.
    """
    records = progress.observe(sources.read(session, settings, root))
    arriving = records.withColumn("arrived", current_timestamp())
    window = f"{settings.duplicate_seconds} seconds"
    return arriving.withWatermark("arrived", window).dropDuplicatesWithinWatermark(["key"])


def _start(frame: DataFrame, root: str, settings: Stream, write_batch: EachBatch, *, once: bool) -> StreamingQuery:
    writer = frame.writeStream.foreachBatch(write_batch).option(
        "checkpointLocation", lake.spark_uri(settings.checkpoint(root))
    )
    if once:
        return writer.trigger(availableNow=True).start()
    return writer.trigger(processingTime=f"{int(settings.interval_seconds * 1000)} milliseconds").start()


def _wait(query: StreamingQuery, watcher: Watcher, stop: threading.Event) -> None:
    """Until the query ends by itself, or until a stop is asked for and the micro-batch under way is done."""
    while not query.awaitTermination(1):
        if stop.is_set():
            watcher.pause.clear()
            if query.status["isTriggerActive"] and not watcher.pause.wait(GRACE_SECONDS):
                log.warning("stopped within a micro-batch", because=f"it took longer than {GRACE_SECONDS} s more")
            query.stop()
            return


@contextmanager
def _stop_asked() -> Iterator[threading.Event]:
    """An event that SIGTERM and SIGINT set."""
    stop_event = threading.Event()
    before = {number: signal.signal(number, lambda *_: stop_event.set()) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop_event
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
