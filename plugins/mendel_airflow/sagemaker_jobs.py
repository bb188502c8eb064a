"""Classes of SageMaker jobs: include/sagemaker/*.yaml, each a training job and the stages that it is for.

Every stage runs as a training job, the restoring ones too: it is the kind of job that takes a container's command line as it
is, waits for spot capacity, and starts again by itself when that is taken away.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mendel_airflow.included import INCLUDE
from mendel_airflow.stage_classes import StageClass, StageClassError, stage_class

if TYPE_CHECKING:
    from airflow.sdk.types import RuntimeTaskInstanceProtocol

FOLDER = INCLUDE / "sagemaker"
LONGEST_WORD = 256
"""Characters of one word of a command line. Source: ContainerArguments of CreateTrainingJob."""

FAILURE_FILE = "/opt/ml/output/failure"
"""What a container writes there is the job's FailureReason."""


class JobClass(StageClass):
    """One file. `job` is as CreateTrainingJob takes it, without what each run adds.

    `waiting_seconds`: how long capacity may take to come.
    """

    waiting_seconds: int
    job: dict[str, Any]

    def longest(self, limit: timedelta) -> timedelta:
        """How long a job may take in all, when its stage may take `limit`."""
        return limit + timedelta(seconds=self.waiting_seconds)


def job_class(words: Sequence[str]) -> JobClass:
    """The class of the stage that a command line begins with. Raises StageClassError saying what to change."""
    return stage_class(JobClass, Path(os.environ.get("MENDEL_SAGEMAKER") or FOLDER), words)


def job_prefix(command: Sequence[str], ti: RuntimeTaskInstanceProtocol) -> str:
    """What the names of all tries of a task begin with, `mendel-restore-shard-6f1c2b3a4d5e-`: at most 57 of 63 characters."""
    task = f"{ti.dag_id}\0{ti.run_id}\0{ti.task_id}\0{ti.map_index}"
    return f"mendel-{'-'.join(command)[:35]}-{hashlib.sha256(task.encode()).hexdigest()[:12]}-"


def request(
    settings: JobClass,
    *,
    name: str,
    command_line: Sequence[str],
    environment: Mapping[str, str],
    limit: timedelta,
    tags: Mapping[str, str],
) -> dict[str, Any]:
    """What CreateTrainingJob is asked for. Raises StageClassError where a word of the command line is too long for it.

    :param command_line: the program and its arguments, which the image's entry point runs.
    :param limit: how long the stage may run.
    :param tags: for the bill.
    """
    if long := [word for word in command_line if len(word) > LONGEST_WORD]:
        raise StageClassError(
            f"SageMaker takes words of {LONGEST_WORD} characters at most, and {long[0][:40]!r}… has {len(long[0])}: "
            "put it into the pipeline file"
        )
    job, seconds = settings.job, int(limit.total_seconds())
    waits = {"MaxPendingTimeInSeconds": settings.waiting_seconds}
    if job.get("EnableManagedSpotTraining"):
        waits = {"MaxWaitTimeInSeconds": seconds + settings.waiting_seconds}
    return {
        **job,
        "TrainingJobName": name,
        "AlgorithmSpecification": {
            **job.get("AlgorithmSpecification", {}),
            "ContainerEntrypoint": ["entrypoint"],
            "ContainerArguments": list(command_line),
        },
        "Environment": {**job.get("Environment", {}), **environment, "MENDEL_FAILURE_FILE": FAILURE_FILE},
        "StoppingCondition": {"MaxRuntimeInSeconds": seconds, **waits},
        "Tags": [*job.get("Tags", []), *({"Key": key, "Value": value} for key, value in tags.items())],
    }
