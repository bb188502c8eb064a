"""Where the service leaves feedback: `feedback_inbox/dt=DATE/`, a file for each request, created and never changed.

It is no dataset; `mendel feedback collect` makes one of a day.
"""

from __future__ import annotations

import hashlib
import uuid
from datetime import UTC

from pydantic import ValidationError

from mendel.core import lake, manifest
from mendel.core.errors import InputError
from mendel.feedback.judged import Feedback

DATASET = "feedback_inbox"


def put(root: str, feedback: Feedback) -> str:
    """Leave feedback in the folder of its day (UTC); the file's URI. Raises InputError where it cannot be written."""
    at = feedback.at.astimezone(UTC)
    name = f"{at:%H%M%S%f}-{uuid.uuid4().hex[:12]}.json"
    uri = lake.join(root, manifest.partition_path(DATASET, f"{at:%Y-%m-%d}"), name)
    if not lake.create(uri, feedback.model_dump_json().encode()):
        raise InputError(f"{uri} is there already")
    return uri


def files(root: str, day: str) -> dict[str, bytes]:
    """The files of a day by their URIs, in order of time."""
    folder = lake.join(root, manifest.partition_path(DATASET, day))
    return {uri: lake.read_bytes(uri) for uri in sorted(lake.list_files(folder)) if uri.endswith(".json")}


def digest(day: str, contents: dict[str, bytes]) -> str:
    """Of the day and all that was said on it."""
    checksums = [hashlib.sha256(content).hexdigest() for content in contents.values()]
    return hashlib.sha256("\n".join([day, *checksums]).encode()).hexdigest()


def latest(contents: dict[str, bytes]) -> list[Feedback]:
    """The last that each caller said about each answer, in order of time. Raises InputError naming a file that is none."""
    latest_of: dict[tuple[str | None, str], Feedback] = {}
    for uri, content in contents.items():
        try:
            feedback = Feedback.model_validate_json(content)
        except ValidationError as error:
            raise InputError(f"{uri} is no feedback: {error}. Move it away") from error
        latest_of.pop(key := (feedback.caller, feedback.request_id), None)
        latest_of[key] = feedback
    return list(latest_of.values())
