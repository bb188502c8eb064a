"""Classes of stages: a folder of YAML files for a target, each its settings and the stages that they are for."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from mendel_airflow.command import begins_with

VARIABLE = re.compile(r"\$\{([A-Z_]+)(?::-([^}]*))?\}")
"""`${NAME}`, or `${NAME:-what to take without it}`."""

STAGES = {"register": "version"}
"""Stages that are not called as their commands are: in classes, labels and Secrets."""


class StageClassError(ValueError):
    """The folder of classes, or Airflow's environment, has to be changed."""


class StageClass(BaseModel):
    """One file; a target adds what it wants to know."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    stages: tuple[str, ...]


Class = TypeVar("Class", bound=StageClass)


def stage_class(kind: type[Class], folder: Path, words: Sequence[str]) -> Class:
    """The class of the stage that a command line begins with; `restore shard` goes before `restore`.

    Raises StageClassError saying what to change.
    """
    name = STAGES.get(words[0], words[0])
    command = " ".join([name, *words[1:]])
    matches = [
        (stage, path)
        for path in sorted(folder.glob("*.yaml"))
        for stage in _stages(path)
        if begins_with(command, stage)
    ]
    if not matches:
        raise StageClassError(f"no file of {folder} has the stage {name!r} in its `stages`: add it to one")
    longest = max(len(stage) for stage, _ in matches)
    path, *others = (path for stage, path in matches if len(stage) == longest)
    if others:
        raise StageClassError(f"{path} and {others[0].name} both have the stage {command!r}: take it out of one")
    return _read(kind, path, {**os.environ, "STAGE": name})


def _stages(path: Path) -> list[str]:
    stages = (_yaml(path, path.read_text()) or {}).get("stages")
    if not isinstance(stages, list):
        raise StageClassError(f"{path} has no list `stages`")
    return [str(stage) for stage in stages]


def _read(kind: type[Class], path: Path, environment: Mapping[str, str]) -> Class:
    def value(match: re.Match[str]) -> str:
        name, default = match.groups()
        text = environment.get(name) or default
        if text is None:
            raise StageClassError(f"{path} needs {name}: set it in Airflow's environment")
        return text

    text = "".join(VARIABLE.sub(value, line) for line in path.read_text().splitlines(keepends=True))
    try:
        return kind.model_validate(_yaml(path, text))
    except ValidationError as error:
        where = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise StageClassError(f"{path}: {where}") from error


def _yaml(path: Path, text: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise StageClassError(f"{path} is not YAML: {error}") from error
