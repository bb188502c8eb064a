"""The dataset `feedback`: a day of it is one version, JSON Lines of `Feedback`."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence

from mendel.core import lake, manifest
from mendel.core.errors import InputError
from mendel.core.manifest import InputEntry, Manifest
from mendel.core.stage import Context
from mendel.feedback.judged import Feedback

DATASET = "feedback"
NAME = "feedback.jsonl"
OF_DAY = f"{DATASET} of "
"""Before the day in the name of a stage's input, of which there may be several."""


def content(records: Sequence[Feedback]) -> bytes:
    """The file that holds them."""
    return b"".join(record.model_dump_json().encode() + b"\n" for record in records)


def digest(records: Sequence[Feedback]) -> str:
    """Over the records, whatever their order."""
    return hashlib.sha256(b"\n".join(sorted(record.model_dump_json().encode() for record in records))).hexdigest()


def figures(records: Sequence[Feedback]) -> dict[str, int]:
    """How much they say."""
    changes = [change for record in records for text in record.texts for change in text.changes]
    accepted = sum(change.accepted for change in changes)
    return {"answers": len(records), "changes": len(changes), "accepted": accepted}


def read(root: str, day: str) -> list[Feedback]:
    """The records of a day, `2026-11-29`, as collected last. Raises InputError where none was collected."""
    version = manifest.current(root, DATASET, day)
    if version is None:
        raise InputError(f"{root} has no feedback of {day}. Run: mendel feedback collect --partition {day}")
    return _records(root, version)


def as_inputs(context: Context, days: Iterable[str]) -> Iterator[InputEntry]:
    """What was collected of these days, as inputs of a stage; a day of which nothing was is passed over."""
    for day in days:
        if version := manifest.current(context.root, DATASET, day):
            yield context.as_input(version).model_copy(update={"name": f"{OF_DAY}{day}"})


def of_inputs(context: Context, inputs: Mapping[str, InputEntry]) -> dict[str, list[Feedback]]:
    """The records of those inputs that are days of feedback, by day."""
    return {
        name.removeprefix(OF_DAY): _records(context.root, context.manifest_of(entry))
        for name, entry in inputs.items()
        if name.startswith(OF_DAY)
    }


def _records(root: str, version: Manifest) -> list[Feedback]:
    manifest.verify(root, version)
    (file,) = version.files
    return [Feedback.model_validate_json(line) for line in lake.read_bytes(lake.join(root, file.path)).splitlines()]
