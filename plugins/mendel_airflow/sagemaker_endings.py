"""How a SageMaker training job ended, in plain words, and whether another try can end better."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from mendel_airflow.command import last_message
from mendel_airflow.endings import Ending, of_exit_code

OF_THE_STAGE = re.compile(r"AlgorithmError: (?P<message>.*?)(?:, )?exit code: (?P<code>\d+)\Z", re.DOTALL)
"""FailureReason of a container that has failed: what it wrote into its failure file, and its exit code."""

OF_THE_REQUEST = "ClientError"
"""FailureReason of a job whose image, role or data SageMaker cannot get: as it will be at the next try."""


def ending(job: Mapping[str, Any], log_tail: Sequence[str]) -> Ending:
    """Why a job did not succeed.

    :param job: as DescribeTrainingJob gives it.
    :param log_tail: the last lines of its log.
    """
    if job["TrainingJobStatus"] == "Stopped":
        match job["SecondaryStatus"]:
            case "MaxRuntimeExceeded":
                seconds = job["StoppingCondition"]["MaxRuntimeInSeconds"]
                return Ending(f"stopped: it ran longer than its limit of {seconds} s")
            case "MaxWaitTimeExceeded":
                seconds = job["StoppingCondition"]["MaxWaitTimeInSeconds"]
                return Ending(f"given up: no spot capacity for long enough in {seconds} s")
            case _:
                return Ending("stopped by somebody: StopTrainingJob was called")
    reason = job.get("FailureReason") or "SageMaker gives no reason"
    if (failed := OF_THE_STAGE.match(reason)) is None:
        return Ending(reason, retry=not reason.startswith(OF_THE_REQUEST))
    said = failed["message"].strip()
    return of_exit_code(int(failed["code"]), said or last_message(log_tail))
