"""What the page shows, read from the lake's manifests and its ledger."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from itertools import islice
from typing import Any

from mendel.core import manifest
from mendel.core.frozen import Frozen
from mendel.core.manifest import PARTITION_KEY
from mendel.promotion import ledger
from mendel.promotion.ledger import Decision

DECISIONS = 20
DAYS = 14
RESTORED, DRIFT, FEEDBACK = "restored", "drift", "feedback"
READERS = 16
"""Manifests that are read at a time."""


class Decided(Frozen):
    """An entry of the ledger."""

    number: int
    action: str
    version: int
    decided: datetime
    reasons: tuple[str, ...]
    trained_because: tuple[str, ...]
    champion: int | None

    @classmethod
    def of(cls, decision: Decision) -> Decided:
        return cls(**{name: getattr(decision, name) for name in cls.model_fields})


class RestoredDay(Frozen):
    """A day: what was restored, how unlike the calibration it was, what readers said. None: there is no such version."""

    day: str
    model_version: int | None = None
    records: int | None = None
    rejected: int | None = None
    changed: float | None = None
    """Share of the records."""
    drift: str | None = None
    alarm: bool | None = None
    judged_changes: int | None = None
    accepted: int | None = None


class PageState(Frozen):
    champion: Decided | None
    """The decision that made it champion."""
    decisions: tuple[Decided, ...]
    """The newest first."""
    days: tuple[RestoredDay, ...]
    """The newest first."""


def read(root: str) -> PageState:
    """Raises InputError where the ledger cannot be read."""
    history = ledger.read(root)
    champion = ledger.state(history).champion
    promotion = champion and ledger.promotion_of(history, champion.version)
    with ThreadPoolExecutor(READERS) as readers:
        days = list(readers.map(lambda day: _day(root, day), _newest_days(root)))
    return PageState(
        champion=promotion and Decided.of(promotion),
        decisions=tuple(map(Decided.of, islice(reversed(history), DECISIONS))),
        days=tuple(days),
    )


def _newest_days(root: str) -> list[str]:
    keys = {key for dataset in (RESTORED, DRIFT, FEEDBACK) for key in manifest.keys(root, dataset)}
    return sorted(filter(PARTITION_KEY.fullmatch, keys), reverse=True)[:DAYS]


def _day(root: str, day: str) -> RestoredDay:
    restored, drift, feedback = (_metrics(root, dataset, day) for dataset in (RESTORED, DRIFT, FEEDBACK))
    return RestoredDay(
        day=day,
        model_version=restored.get("model_version"),
        records=restored.get("records_out"),
        rejected=restored.get("records_rejected"),
        changed=restored.get("share_changed"),
        drift=drift.get("verdict"),
        alarm=drift.get("alarm"),
        judged_changes=feedback.get("changes"),
        accepted=feedback.get("accepted"),
    )


def _metrics(root: str, dataset: str, day: str) -> dict[str, Any]:
    version = manifest.current(root, dataset, day)
    return version.metrics if version else {}
