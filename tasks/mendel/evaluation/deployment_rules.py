"""The deployment's rules of the gate, and the samples that they judge by: a run may bring stricter ones, never laxer ones."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import ValidationError, ValidationInfo

from mendel.core import config
from mendel.core.errors import InputError
from mendel.core.stage import explain
from mendel.evaluation.gate import Rules

PIPELINE = "MENDEL_RULES"
"""Path or URI of the pipeline whose rules and sample sizes every evaluation keeps; Airflow names the deployment's own."""

STRICTER: dict[str, Callable[[float, float], float]] = {"min": max, "max": min}
"""By the first word of a rule's name, which of two bounds asks for more."""


def no_laxer(rules: Rules) -> Rules:
    """Of each rule the stricter of the run's and the deployment's; the run's own where no deployment names any."""
    return stricter(rules, deployed) if (deployed := _deployed()) else rules


def no_fewer(usual: int) -> Callable[[int, ValidationInfo], int]:
    """A validator of a sample's size: at least the deployment's, `usual` where it names none. A few sentences show no harm."""

    def sized(size: int, info: ValidationInfo) -> int:
        if not os.environ.get(PIPELINE):
            return size
        least = _section().get(str(info.field_name), usual)
        if not isinstance(least, int):
            raise InputError(f"{PIPELINE}={os.environ[PIPELINE]}: evaluate.{info.field_name} must be a whole number")
        return max(size, least)

    return sized


def stricter(one: Rules, other: Rules) -> Rules:
    """Of each rule the bound that asks for more."""
    pairs = {name: (getattr(one, name), getattr(other, name)) for name in Rules.model_fields}
    return Rules(**{name: STRICTER[name.split("_")[0]](*bounds) for name, bounds in pairs.items()})


def _deployed() -> Rules | None:
    if not (uri := os.environ.get(PIPELINE)):
        return None
    try:
        return Rules.model_validate(_section().get("rules") or {})
    except ValidationError as error:
        raise explain(error, f"{PIPELINE}={uri}: evaluate.rules") from error


def _section() -> Mapping[str, Any]:
    uri = os.environ[PIPELINE]
    section = config.load(uri).get("evaluate") or {}
    if not isinstance(section, dict):
        raise InputError(f"{PIPELINE}={uri}: evaluate must be a mapping of keys to values")
    return section
