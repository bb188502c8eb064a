"""What Prometheus gets to see."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

SECONDS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60)
CONFIDENCES = tuple(step / 10 for step in range(1, 11))


class Metrics:
    """One registry per application, so that two in a process do not meet."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        r = self.registry
        self.requests = Counter("mendel_requests", "Answered", ["route", "status"], registry=r)
        self.seconds = Histogram(
            "mendel_request_seconds", "From head to answer", ["route"], buckets=SECONDS, registry=r
        )
        self.batch_texts = Histogram("mendel_batch_texts", "Texts", buckets=(1, 2, 4, 8, 16, 32, 64), registry=r)
        self.batch_seconds = Histogram("mendel_batch_seconds", "Of the model", buckets=SECONDS, registry=r)
        self.characters = Counter("mendel_characters", "Restored", registry=r)
        self.confidence = Histogram("mendel_confidence", "Of texts", ["version"], buckets=CONFIDENCES, registry=r)
        self.changed = Counter("mendel_texts_changed", "Given back otherwise than they came", registry=r)
        self.queue = Gauge("mendel_queue_requests", "That wait", registry=r)
        self.queue_characters = Gauge("mendel_queue_characters", "That wait", registry=r)
        self.version = Gauge("mendel_model_version", "Of the champion in force; 0 before the first", registry=r)
        self.refresh_failing = Gauge("mendel_refresh_failing", "1 while ledger or model cannot be read", registry=r)
