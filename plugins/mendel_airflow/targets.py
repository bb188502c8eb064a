"""Where stages run. A target is the operator class that runs a stage's command line; MENDEL_TARGET names it.

The target belongs to the deployment: no DAG knows of it, and one more is one more line here.
"""

from __future__ import annotations

import os
from importlib import import_module

from airflow.sdk import BaseOperator

TARGETS = {"local": "mendel_airflow.local:LocalStage", "kubernetes": "mendel_airflow.kubernetes:KubernetesStage"}
"""Name → `module:class`, imported when asked for: an operator that is not used costs no parse time."""


def operator() -> type[BaseOperator]:
    """The operator class of the deployment's target. Raises ValueError naming the targets there are."""
    name = os.environ.get("MENDEL_TARGET", "local")
    if name not in TARGETS:
        raise ValueError(f"MENDEL_TARGET={name!r} is not a target. Set it to one of: {', '.join(TARGETS)}")
    module, _, attribute = TARGETS[name].partition(":")
    operator_class: type[BaseOperator] = getattr(import_module(module), attribute)
    return operator_class
