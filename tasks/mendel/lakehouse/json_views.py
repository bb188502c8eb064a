"""What lies in the lake as JSON, as Arrow tables: manifests, decisions, rejections, feedback. They have no log."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import pyarrow as pa

from mendel.core import lake
from mendel.core.manifest import PARTITION_KEY, Manifest
from mendel.feedback import collected
from mendel.feedback.judged import Feedback
from mendel.lakehouse.following import in_force
from mendel.lakehouse.tables import DatasetTable, rows_files
from mendel.promotion import ledger

MOMENT = pa.timestamp("us", "UTC")
REJECTIONS = [DatasetTable(name, r"rejected/part-[^/]+") for name in ("restored", "restored_stream")]
SCHEMAS = {
    "versions": pa.schema(
        {
            "dataset": pa.string(),
            "partition": pa.string(),
            "fingerprint": pa.string(),
            "stage": pa.string(),
            "rows": pa.int64(),
            "bytes": pa.int64(),
            "started": MOMENT,
            "finished": MOMENT,
            "seconds": pa.float64(),
            "core_seconds": pa.float64(),
            "gpu_seconds": pa.float64(),
            "digest": pa.string(),
            "revision": pa.string(),
            "same_as": pa.string(),
            "run_id": pa.string(),
            "code_version": pa.string(),
            "inputs": pa.string(),
            "parameters": pa.string(),
            "metrics": pa.string(),
        }
    ),
    "decisions": pa.schema(
        {
            "number": pa.int64(),
            "action": pa.string(),
            "version": pa.int64(),
            "champion": pa.int64(),
            "champion_before": pa.int64(),
            "candidate": pa.string(),
            "evaluation": pa.string(),
            "rejected_by": pa.string(),
            "reasons": pa.list_(pa.string()),
            "trained_because": pa.list_(pa.string()),
            "decided": MOMENT,
        }
    ),
    "rejected": pa.schema(
        {
            "dataset": pa.string(),
            "partition": pa.string(),
            "file": pa.string(),
            "ordinal": pa.int64(),
            "reason": pa.string(),
            "detail": pa.string(),
            "excerpt": pa.string(),
        }
    ),
    "feedback": pa.schema(
        {
            "dt": pa.date32(),
            "request_id": pa.string(),
            "at": MOMENT,
            "caller": pa.string(),
            "model_version": pa.int64(),
            "text": pa.string(),
            "start": pa.int64(),
            "end": pa.int64(),
            "original": pa.string(),
            "replacement": pa.string(),
            "confidence": pa.float64(),
            "accepted": pa.bool_(),
        }
    ),
}
"""Columns. `inputs`, `parameters` and `metrics` hold JSON; `feedback` has a row for each change."""


def read(root: str, name: str, as_of: date | None) -> pa.Table:
    """One of SCHEMAS; with `as_of`, of the days up to then: where a partition is none, the day that it was made."""
    return pa.Table.from_pylist(list(ROWS[name](root, as_of)), schema=SCHEMAS[name])


def _versions(root: str, as_of: date | None) -> Iterator[dict[str, Any]]:
    for dataset in lake.list_folders(root):
        if not dataset.startswith("_"):
            yield from map(_version, _of_days(root, dataset, as_of))


def _version(version: Manifest) -> dict[str, Any]:
    plain = version.model_dump(mode="json")
    as_json = {name: json.dumps(plain[name]) for name in ("inputs", "parameters", "metrics")}
    moments = {"started": version.started, "finished": version.finished}
    size = sum(file.bytes for file in version.files)
    usage = version.usage.model_dump() if version.usage else {}
    return {**plain, **as_json, **moments, **usage, "bytes": size, "seconds": version.seconds}


def _decisions(root: str, as_of: date | None) -> Iterator[dict[str, Any]]:
    for decision in ledger.read(root):
        if as_of is None or decision.decided.date() <= as_of:
            yield {
                **{name: getattr(decision, name) for name in SCHEMAS["decisions"].names},
                "candidate": decision.candidate.path,
                "evaluation": decision.evaluation.uri if decision.evaluation else None,
            }


def _rejected(root: str, as_of: date | None) -> Iterator[dict[str, Any]]:
    for lines in REJECTIONS:
        for version in _of_days(root, lines.name, as_of):
            for file in rows_files(lines, version):
                for line in _lines(root, f"{lines.name}/{file.path}"):
                    yield {**json.loads(line), "dataset": lines.name, "partition": version.partition}


def _feedback(root: str, as_of: date | None) -> Iterator[dict[str, Any]]:
    for version in _of_days(root, collected.DATASET, as_of):
        for line in (line for file in version.files for line in _lines(root, file.path)):
            said = Feedback.model_validate_json(line)
            answer = {
                "dt": date.fromisoformat(version.partition),
                **said.model_dump(include={"request_id", "at", "caller", "model_version"}),
            }
            for text in said.texts:
                yield from ({**answer, "text": text.text, **change.model_dump()} for change in text.changes)


ROWS: dict[str, Callable[[str, date | None], Iterator[dict[str, Any]]]] = {
    "versions": _versions,
    "decisions": _decisions,
    "rejected": _rejected,
    "feedback": _feedback,
}


def _of_days(root: str, dataset: str, as_of: date | None) -> list[Manifest]:
    """The versions in force of a dataset, up to a day."""
    versions, _ = in_force(root, DatasetTable(dataset, ""))
    return [version for version in versions if as_of is None or _day(version) <= as_of]


def _day(version: Manifest) -> date:
    is_day = PARTITION_KEY.fullmatch(version.partition)
    return date.fromisoformat(version.partition) if is_day else version.finished.date()


def _lines(root: str, path: str) -> list[bytes]:
    return lake.read_bytes(lake.join(root, path)).splitlines()
