"""Where stages run. A target is the operator class that runs a stage's command line; MENDEL_TARGET names it.

It names one target for all stages, `kubernetes`, or a map with a default: `finetune=sagemaker,restore shard=sagemaker,*=local`.
Targets belong to the deployment: no DAG knows of them, and one more is one more line here.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib import import_module

from airflow.sdk import BaseOperator

from mendel_airflow.command import begins_with

TARGETS = {
    "local": "mendel_airflow.local:LocalStage",
    "kubernetes": "mendel_airflow.kubernetes:KubernetesStage",
    "sagemaker": "mendel_airflow.sagemaker:SageMakerStage",
}
"""Name → `module:class`, imported when asked for: an operator that is not used costs no parse time."""

COMMANDS = (
    "corrupt",
    "drift",
    "evaluate",
    "feedback collect",
    "finetune",
    "gc",
    "ingest",
    "marts build",
    "promote",
    "register candidate",
    "register corpus",
    "register pairs",
    "restore collect",
    "restore plan",
    "restore shard",
    "retrain",
    "stream",
    "validate corpus",
    "validate pairs",
)
"""What DAGs run: a name in the map that none of them begins with is a mistake."""

DEFAULT = "*"


def operator(command: str) -> type[BaseOperator]:
    """The operator class of a stage's target. Raises ValueError saying what to change in MENDEL_TARGET."""
    names = _names(os.environ.get("MENDEL_TARGET") or "local")
    words = [name for name in names if begins_with(command, name)]
    module, _, attribute = TARGETS[names[max(words, key=len, default=DEFAULT)]].partition(":")
    operator_class: type[BaseOperator] = getattr(import_module(module), attribute)
    return operator_class


def _names(setting: str) -> Mapping[str, str]:
    """From a stage, or the words that several begin with, to the name of its target."""
    entries = [entry.strip() for entry in setting.split(",") if entry.strip()]
    if "=" not in setting:
        entries = [f"{DEFAULT}={setting}"]
    names = {stage.strip(): target.strip() for stage, _, target in (entry.partition("=") for entry in entries)}
    if unknown := sorted({*names.values()} - {*TARGETS}):
        raise ValueError(
            f"MENDEL_TARGET={setting!r}: {unknown[0]!r} is not a target. Take one of: {', '.join(TARGETS)}"
        )
    if strange := [name for name in names if name != DEFAULT and not any(begins_with(c, name) for c in COMMANDS)]:
        raise ValueError(
            f"MENDEL_TARGET={setting!r}: no stage is called {strange[0]!r}. The stages are: {', '.join(COMMANDS)}"
        )
    if DEFAULT not in names or len(names) < len(entries):
        raise ValueError(f"MENDEL_TARGET={setting!r}: name each stage once, and a target for all others as `*=local`")
    return names
