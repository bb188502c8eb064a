"""Classes of pods: include/pods/*.yaml, each a pod template and the stages that it is for."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

FOLDER = Path(__file__).resolve().parents[2] / "include" / "pods"
VARIABLE = re.compile(r"\$\{([A-Z_]+)(?::-([^}]*))?\}")
"""`${NAME}`, or `${NAME:-what to take without it}`."""

STAGES = {"register": "version"}
"""Stages that are not called as their commands are: in classes, labels and Secrets."""


class PodClassError(ValueError):
    """The folder of pod classes, or Airflow's environment, has to be changed."""


class PodClass(BaseModel):
    """One file. `pod` is as Kubernetes takes it; its first container runs the stage."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    stages: tuple[str, ...]
    schedule_timeout_seconds: int
    startup_timeout_seconds: int
    pod: dict[str, Any]


def pod_class(words: Sequence[str]) -> PodClass:
    """The class of the stage that a command line begins with; `restore shard` goes before `restore`.

    Raises PodClassError saying what to change.
    """
    folder = Path(os.environ.get("MENDEL_PODS") or FOLDER)
    name = STAGES.get(words[0], words[0])
    command = " ".join([name, *words[1:]])
    matches = [
        (stage, path)
        for path in sorted(folder.glob("*.yaml"))
        for stage in _stages(path)
        if f"{command} ".startswith(f"{stage} ")
    ]
    if not matches:
        raise PodClassError(f"no file of {folder} has the stage {name!r} in its `stages`: add it to one")
    longest = max(len(stage) for stage, _ in matches)
    path, *others = (path for stage, path in matches if len(stage) == longest)
    if others:
        raise PodClassError(f"{path} and {others[0].name} both have the stage {command!r}: take it out of one")
    return _read(path, {**os.environ, "STAGE": name})


def _stages(path: Path) -> list[str]:
    stages = (_yaml(path, path.read_text()) or {}).get("stages")
    if not isinstance(stages, list):
        raise PodClassError(f"{path} has no list `stages`")
    return [str(stage) for stage in stages]


def _read(path: Path, environment: Mapping[str, str]) -> PodClass:
    def value(match: re.Match[str]) -> str:
        name, default = match.groups()
        text = environment.get(name) or default
        if text is None:
            raise PodClassError(f"{path} needs {name}: set it in Airflow's environment")
        return text

    text = "".join(VARIABLE.sub(value, line) for line in path.read_text().splitlines(keepends=True))
    try:
        return PodClass.model_validate(_yaml(path, text))
    except ValidationError as error:
        where = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise PodClassError(f"{path}: {where}") from error


def _yaml(path: Path, text: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise PodClassError(f"{path} is not YAML: {error}") from error
