"""The dataset `feedback`: a day of it is one version, JSON Lines of `Feedback`."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from mendel.core import lake, manifest
from mendel.core.errors import InputError
from mendel.core.manifest import Manifest
from mendel.feedback.judged import Feedback

DATASET = "feedback"
NAME = "feedback.jsonl"


def content(records: Sequence[Feedback]) -> bytes:
    """The file that holds them."""
    return b"".join(record.model_dump_json().encode() + b"\n" for record in records)


def digest(records: Sequence[Feedback]) -> str:
    """Over the records, whatever their order."""
    return hashlib.sha256(b"\n".join(sorted(record.model_dump_json().encode() for record in records))).hexdigest()


def read(root: str, day: str) -> list[Feedback]:
    """The records of a day, `2026-11-29`, as collected last. Raises InputError where none was collected."""
    version = manifest.current(root, DATASET, day)
    if version is None:
        raise InputError(f"{root} has no feedback of {day}. Run: mendel feedback collect --partition {day}")
    return records_of(root, version)


def records_of(root: str, version: Manifest) -> list[Feedback]:
    """The records of a version, its file checked."""
    manifest.verify(root, version)
    (file,) = version.files
    return [Feedback.model_validate_json(line) for line in lake.read_bytes(lake.join(root, file.path)).splitlines()]
