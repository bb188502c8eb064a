"""Which configurations a run may take: the deployment's pipelines, and what lies below the prefixes that it allows.

A configuration says what a stage reads, writes and starts, so who may trigger a DAG must not bring one from elsewhere.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from airflow.sdk import Param
from airflow.sdk.exceptions import AirflowFailException

from mendel_airflow.included import INCLUDE

PREFIXES = "MENDEL_CONFIG_PREFIXES"
"""URIs of folders, with commas between them: a run may take any file below."""

BELOW = r"/(?!.*\.\.)[\w./=+@-]+"
"""The rest of a URI: no way up, none of fsspec's chains (`::`), nothing that a store would decode."""


def default() -> str:
    """The deployment's pipeline, as its stages see it."""
    return os.environ.get("MENDEL_CONFIG") or "include/pipelines/demo.yaml"


def choices() -> list[str]:
    """The configurations that every run may take, the deployment's default first."""
    first = default()
    folder = Path(os.environ.get("MENDEL_PIPELINES") or INCLUDE / "pipelines")
    others = (file for file in sorted(folder.glob("*.yaml")) if file.resolve() != Path(first).resolve())
    return [first, *(f"include/pipelines/{file.name}" for file in others)]


def config_param() -> Param:
    """The param `config`: one of the choices; where the deployment has prefixes, any text that is allowed."""
    options = choices()
    limits: dict[str, Any] = {"examples": options, "pattern": f"^{_allowed()}$"} if _prefixes() else {"enum": options}
    return Param(
        options[0],
        type="string",
        title="Configuration",
        description_md="One of the deployment's pipelines. The default is its `MENDEL_CONFIG`; its "
        f"`{PREFIXES}` says below which URIs others may lie.",
        **limits,
    )


def require(config: str) -> None:
    """Fail at once unless a run may take this configuration, wherever it got it from."""
    if not re.fullmatch(_allowed(), config):
        below = "".join(f", or any below {prefix}/" for prefix in _prefixes())
        raise AirflowFailException(
            f"the configuration {config!r} is not one of this deployment's: choose one of {', '.join(choices())}{below}. "
            f"Who runs the deployment can allow more in {PREFIXES}"
        )


def _prefixes() -> list[str]:
    return [prefix.strip().rstrip("/") for prefix in os.environ.get(PREFIXES, "").split(",") if prefix.strip(" /")]


def _allowed() -> str:
    ways = [*map(re.escape, choices()), *(re.escape(prefix) + BELOW for prefix in _prefixes())]
    return f"(?:{'|'.join(ways)})"
