"""Classes of pods: include/pods/*.yaml, each a pod template and the stages that it is for."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mendel_airflow.included import INCLUDE
from mendel_airflow.stage_classes import StageClass, stage_class

FOLDER = INCLUDE / "pods"


class PodClass(StageClass):
    """One file. `pod` is as Kubernetes takes it; its first container runs the stage."""

    schedule_timeout_seconds: int
    startup_timeout_seconds: int
    pod: dict[str, Any]


def pod_class(words: Sequence[str]) -> PodClass:
    """The class of the stage that a command line begins with. Raises StageClassError saying what to change."""
    return stage_class(PodClass, Path(os.environ.get("MENDEL_PODS") or FOLDER), words)
