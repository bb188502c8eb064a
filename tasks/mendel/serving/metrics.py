"""The service's metrics for Prometheus."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

from mendel.restorers.restorer import Restoration

SECONDS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60)
CONFIDENCES = tuple(step / 10 for step in range(1, 11))

Role = Literal["champion", "canary", "pinned", "shadow"]
"""As what a model restores: by default, for the share of a canary, because a request named it, or for comparison only."""
BY_MODEL = ("version", "role")


class Metrics:
    """One registry per application, so that two in a process do not meet."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        r = self.registry
        ProcessCollector(registry=r)
        self.requests = Counter(
            "mendel_requests",
            "HTTP requests that were answered, by route and status code.",
            ["route", "status"],
            registry=r,
        )
        self.seconds = Histogram(
            "mendel_request_seconds",
            "Seconds from the arrival of a request's head to the end of its answer.",
            ["route"],
            buckets=SECONDS,
            registry=r,
        )
        self.batch_texts = Histogram(
            "mendel_batch_texts",
            "Pieces of texts that a model restored together in one batch.",
            buckets=(1, 2, 4, 8, 16, 32, 64),
            registry=r,
        )
        self.batch_seconds = Histogram(
            "mendel_batch_seconds", "Seconds that the model took for one batch.", buckets=SECONDS, registry=r
        )
        self.characters = Counter("mendel_characters", "Characters of input that were restored.", registry=r)
        self.answers = Counter(
            "mendel_answers", "Requests that a model restored, by its version and role.", BY_MODEL, registry=r
        )
        self.failed = Counter(
            "mendel_answers_failed", "Requests on which a model failed, by its version and role.", BY_MODEL, registry=r
        )
        self.answer_seconds = Histogram(
            "mendel_answer_seconds",
            "Seconds that a request waited in the queue and was restored, without the transfer.",
            BY_MODEL,
            buckets=SECONDS,
            registry=r,
        )
        self.confidence = Histogram(
            "mendel_confidence",
            "Confidence of each restored text: the probability, 0 to 1, that it was right to change it or to leave it.",
            BY_MODEL,
            buckets=CONFIDENCES,
            registry=r,
        )
        self.changed = Counter("mendel_texts_changed", "Texts that a model changed.", BY_MODEL, registry=r)
        self.shadow_texts = Counter(
            "mendel_shadow_texts",
            "Texts that champion and canary both restored, by whether the two agreed.",
            ["version", "agreed"],
            registry=r,
        )
        self.shadow_dropped = Counter(
            "mendel_shadow_dropped",
            "Requests that were not compared in the shadow, for the champion was busy or the shadow's queue full.",
            registry=r,
        )
        self.queue = Gauge("mendel_queue_requests", "Requests that wait for the model.", registry=r)
        self.queue_characters = Gauge("mendel_queue_characters", "Characters that wait for the model.", registry=r)
        self.version = Gauge(
            "mendel_model_version", "Version of the model that answers; 0 before the first is loaded.", registry=r
        )
        self.canary_version = Gauge(
            "mendel_canary_version", "Version of the canary; 0 where there is none.", registry=r
        )
        self.challenger_version = Gauge(
            "mendel_challenger_version", "Former name of mendel_canary_version; it goes in 0.3.0.", registry=r
        )
        self.refresh_failing = Gauge(
            "mendel_refresh_failing",
            "1 while the ledger or the newest champion cannot be read, so that an older one answers; else 0.",
            registry=r,
        )

    def set_canary(self, version: int) -> None:
        """Show the canary's version; 0 where there is none."""
        self.canary_version.set(version)
        self.challenger_version.set(version)

    def answer(self, version: str, role: Role, seconds: float, restorations: Sequence[Restoration]) -> None:
        """Count what a model made of one request."""
        self.answers.labels(version, role).inc()
        self.answer_seconds.labels(version, role).observe(seconds)
        self.changed.labels(version, role).inc(sum(bool(restoration.edits) for restoration in restorations))
        for restoration in restorations:
            self.confidence.labels(version, role).observe(restoration.confidence)
