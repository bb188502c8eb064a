"""Prometheus's metrics of the lake: what no process that runs for long knows, read from manifests and the ledger.

A look costs a listing and two small files for each dataset, and a file for each day of the inbox. So it is made at a rate
of its own, however often somebody scrapes.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

from prometheus_client import CollectorRegistry, Gauge, ProcessCollector, start_http_server

from mendel.core import lake, manifest
from mendel.core.log import log
from mendel.core.manifest import Manifest
from mendel.drift.reference import DATASET as REFERENCE
from mendel.drift.report import DATASET as DRIFT
from mendel.inference import inbox, restored
from mendel.promotion import ledger

DATASETS = (
    *("corpus", "corpus_validation", "pairs", "pairs_validation", "version", "candidate", "evaluation", "promotion"),
    *("restore_plan", restored.DATASET, "stream_run", "feedback", DRIFT, REFERENCE, "retraining"),
)
"""Those that have a version a day."""
DAYS = 31
"""How far back days are looked for that were not restored."""
BY_DATASET = ("dataset",)


class LakeMetrics:
    """What the last look at the lake has seen; nothing is shown of what is not there."""

    def __init__(self, root: str) -> None:
        self.root = root
        self.registry = CollectorRegistry()
        r = self.registry
        self.day = Gauge(
            "mendel_lake_newest_day_timestamp_seconds",
            "Unix time, in seconds, at which the newest day begins that has a version in force.",
            BY_DATASET,
            registry=r,
        )
        self.finished = Gauge(
            "mendel_lake_newest_finished_timestamp_seconds",
            "Unix time, in seconds, at which the version in force of that day was finished.",
            BY_DATASET,
            registry=r,
        )
        self.seconds = Gauge(
            "mendel_lake_newest_seconds", "Seconds that it took to make that version.", BY_DATASET, registry=r
        )
        self.rows = Gauge("mendel_lake_newest_rows", "Rows of that version.", BY_DATASET, registry=r)
        self.bytes = Gauge("mendel_lake_newest_bytes", "Bytes of that version's files.", BY_DATASET, registry=r)
        self.records = Gauge(
            "mendel_lake_restored_records",
            "Records of the newest restored day, by outcome: restored or rejected.",
            ["outcome"],
            registry=r,
        )
        self.drift = Gauge(
            "mendel_lake_drift_alarm",
            "Whether the newest day that was compared with its model's reference is an alarm: 1, else 0, as before the first.",
            registry=r,
        )
        self.waiting = Gauge(
            "mendel_lake_unrestored_days",
            "Finished days of the last 31 that have files in the inbox and no restored version.",
            registry=r,
        )
        self.waiting_since = Gauge(
            "mendel_lake_unrestored_since_timestamp_seconds",
            "Unix time, in seconds, at which the oldest of these days ended; 0 where there is none.",
            registry=r,
        )
        self.champion = Gauge(
            "mendel_lake_champion_version", "Version of the ledger's champion; 0 where there is none.", registry=r
        )
        self.champion_since = Gauge(
            "mendel_lake_champion_timestamp_seconds",
            "Unix time, in seconds, at which it became champion; 0 where there is none.",
            registry=r,
        )
        self.looked = Gauge(
            "mendel_lake_look_timestamp_seconds",
            "Unix time, in seconds, of the last look at the lake that succeeded; 0 before the first.",
            registry=r,
        )
        self._ledger: list[str] | None = None

    def look(self, now: datetime) -> None:
        """Bring all up to date. Raises what the lake's store raises, and InputError for a ledger that is broken."""
        for dataset in DATASETS:
            if version := _newest(self.root, dataset):
                self._show(version)
        waiting = list(_unrestored(self.root, now.date()))
        self.waiting.set(len(waiting))
        self.waiting_since.set(_midnight(min(waiting) + timedelta(days=1)) if waiting else 0)
        self._show_champion()
        self.looked.set(now.timestamp())

    def _show(self, version: Manifest) -> None:
        name = version.dataset
        self.day.labels(name).set(_midnight(date.fromisoformat(version.partition)))
        self.finished.labels(name).set(version.finished.timestamp())
        self.seconds.labels(name).set(version.seconds)
        self.rows.labels(name).set(version.rows)
        self.bytes.labels(name).set(sum(file.bytes for file in version.files))
        if name == restored.DATASET:
            self.records.labels("restored").set(version.rows)
            self.records.labels("rejected").set(version.metrics.get("records_rejected", 0))
        if name == DRIFT:
            self.drift.set(version.metrics["alarm"])

    def _show_champion(self) -> None:
        entries = lake.list_files(lake.join(self.root, ledger.FOLDER))
        if entries == self._ledger:  # they never change
            return
        champion = ledger.state(ledger.read(self.root)).champion
        self.champion.set(champion.version if champion else 0)
        self.champion_since.set(champion.decided.timestamp() if champion else 0)
        self._ledger = entries


def serve(root: str, host: str, port: int, every: float) -> None:
    """Show the metrics at `/metrics` and look at the lake again `every` so many seconds, until SIGTERM or SIGINT.

    A look that fails is logged, and what the one before has seen stays.
    """
    metrics = LakeMetrics(root)
    ProcessCollector(registry=metrics.registry)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    server, thread = start_http_server(port, host, metrics.registry)
    log.info("lake is watched", lake=root, port=port, every=every)
    while not stop.is_set():
        try:
            metrics.look(datetime.now(UTC))
        except Exception as error:  # each store's library has its own ways to say that it is away
            log.warning("look failed", error=f"{type(error).__name__}: {error}")
        stop.wait(every)
    server.shutdown()
    server.server_close()
    thread.join()


def _newest(root: str, dataset: str) -> Manifest | None:
    day = manifest.newest(root, dataset)
    return manifest.current(root, dataset, day) if day else None


def _unrestored(root: str, today: date) -> Iterator[date]:
    """Finished days with files that nobody has restored."""
    for key in manifest.keys(root, inbox.DATASET):
        if not manifest.PARTITION_KEY.fullmatch(key) or not 0 < (today - date.fromisoformat(key)).days <= DAYS:
            continue
        if not manifest.is_in_force(root, restored.DATASET, key) and inbox.files(root, key):
            yield date.fromisoformat(key)


def _midnight(day: date) -> float:
    return datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()
