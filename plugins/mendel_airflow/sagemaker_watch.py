"""What the triggerer does while a SageMaker job runs: it shows the job's log as the task's own, and sees it end."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from typing import Any

from airflow.providers.amazon.aws.hooks.sagemaker import SageMakerHook
from airflow.triggers.base import BaseTrigger, TriggerEvent
from botocore.exceptions import ClientError

from mendel_airflow.command import TAIL, show

LOG_GROUP = "/aws/sagemaker/TrainingJobs"
ENDED = ("Completed", "Failed", "Stopped")
LAST_LINES_SECONDS = 5.0
"""How long after a job's end its last lines may still be on their way to CloudWatch."""

FACTS = ("TrainingJobStatus", "SecondaryStatus", "FailureReason", "StoppingCondition", "BillableTimeInSeconds")
"""What is told of a job that has ended."""


class TrainingJobTrigger(BaseTrigger):
    """Fires when a training job has ended, with what DescribeTrainingJob says of it and the last lines of its log.

    :param name: of the job.
    :param poll_seconds: between two looks at it.
    """

    def __init__(self, name: str, poll_seconds: float) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.name = name
        self.poll_seconds = poll_seconds

    def serialize(self) -> tuple[str, dict[str, Any]]:
        return f"{__name__}.{type(self).__name__}", {"name": self.name, "poll_seconds": self.poll_seconds}

    async def run(self) -> AsyncIterator[TriggerEvent]:
        hook, tail, status = SageMakerHook(aws_conn_id=None), deque[str](maxlen=TAIL), ""
        async with await hook.get_async_conn() as sagemaker, await hook.logs_hook.get_async_conn() as logs:
            log = _JobLog(logs, self.name)
            while True:
                job = await sagemaker.describe_training_job(TrainingJobName=self.name)
                if job["SecondaryStatus"] != status:
                    status = job["SecondaryStatus"]
                    self.log.info("SageMaker: %s", status)
                has_ended = job["TrainingJobStatus"] in ENDED
                await asyncio.sleep(LAST_LINES_SECONDS if has_ended else 0)
                for line in await log.new_lines():
                    tail.append(line)
                    show(self.log, line)
                if has_ended:
                    yield TriggerEvent({"job": {key: job[key] for key in FACTS if key in job}, "tail": list(tail)})
                    return
                await asyncio.sleep(self.poll_seconds)

    async def on_kill(self) -> None:
        """Somebody has ended the task: end the job."""
        async with await SageMakerHook(aws_conn_id=None).get_async_conn() as sagemaker:
            self.log.info("stopping SageMaker's job %s", self.name)
            await sagemaker.stop_training_job(TrainingJobName=self.name)


class _JobLog:
    """The streams of a job in CloudWatch, one for each instance, each read from where it was read to."""

    def __init__(self, logs: Any, job: str) -> None:
        self._logs = logs
        self._job = job
        self._tokens: dict[str, str] = {}

    async def new_lines(self) -> list[str]:
        """What has come since; with several instances each line names its own."""
        try:
            found = await self._logs.describe_log_streams(logGroupName=LOG_GROUP, logStreamNamePrefix=f"{self._job}/")
            streams = sorted(stream["logStreamName"] for stream in found["logStreams"])
            lines = []
            for stream in streams:
                instance = f"{stream.rpartition('/')[2].partition('-1')[0]}: " if len(streams) > 1 else ""
                lines += [instance + line async for line in self._read(stream)]
        except ClientError as error:
            if (
                error.response["Error"]["Code"] == "ResourceNotFoundException"
            ):  # no job of this account has said anything yet
                return []
            raise
        return lines

    async def _read(self, stream: str) -> AsyncIterator[str]:
        while True:
            token = self._tokens.get(stream)
            more = {"nextToken": token} if token else {}
            page = await self._logs.get_log_events(
                logGroupName=LOG_GROUP, logStreamName=stream, startFromHead=True, **more
            )
            for event in page["events"]:
                yield event["message"].rstrip("\r\n")
            self._tokens[stream] = page["nextForwardToken"]
            if not page["events"]:
                return
