"""What a candidate's folder says of itself: `restorer.json`, a schema with a number, written and read here alone.

The kind says which class reads the rest of the folder. A file without a number is of format 1: release 0.1.0 wrote none.
Format 2 may tell by what changes are accepted, and the language.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import ValidationError

from mendel.core.errors import InputError
from mendel.core.frozen import Frozen

FORMATS = (1, 2)
"""That are read; the last one is written."""
NAME = "restorer.json"
ENGLISH = "en"
"""What a candidate is taken to have learned that tells no language."""
ADAPTER = "adapter"
"""Folder of a LoRA adapter, where a restorer has one."""


class Artifact(Frozen):
    """What every kind tells."""

    format: Literal[1, 2] = 2
    kind: str
    language: str = ENGLISH
    """Of its corpus, as an ISO code: by whose rules texts are cut into sentences."""


Kind = TypeVar("Kind", bound=Artifact)


def write(folder: Path, artifact: Artifact) -> None:
    (folder / NAME).write_text(artifact.model_dump_json(indent=2))


def kind_of(folder: Path, name: str) -> str:
    """The kind of the restorer in a folder, which messages call `name`.

    Raises InputError where the folder holds none, or one that a newer version made.
    """
    settings = _read(folder, name)
    if (number := settings.get("format", 1)) not in FORMATS:
        raise InputError(
            f"{name}: {NAME} is of format {number!r}; this version reads {' and '.join(map(str, FORMATS))}. "
            "Install the one that made it"
        )
    if not isinstance(settings.get("kind"), str):
        raise InputError(f"{name} holds no restorer: {NAME} tells no kind")
    return str(settings["kind"])


def read(folder: Path, kind: type[Kind]) -> Kind:
    """What a folder's `restorer.json` tells. Raises InputError naming what is missing or wrong."""
    try:
        return kind.model_validate(_read(folder, str(folder)))
    except ValidationError as error:
        problem = error.errors()[0]
        where = ".".join(map(str, problem["loc"]))
        raise incomplete(folder, f"{NAME}: {where}: {problem['msg']}") from error


def incomplete(folder: Path, what: object) -> InputError:
    return InputError(f"{folder} holds no whole restorer: {what}. Bring its files back, or train again.")


def _read(folder: Path, name: str) -> dict[str, Any]:
    try:
        settings = json.loads((folder / NAME).read_text())
        if not isinstance(settings, dict):
            raise TypeError(f"{NAME} holds no object")
    except (OSError, ValueError, TypeError) as error:
        raise InputError(f"{name} holds no restorer: {NAME}: {error!r}") from error
    return settings
