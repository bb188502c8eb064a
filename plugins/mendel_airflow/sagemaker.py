"""The target `sagemaker`: a stage as a training job. The worker asks for it, the triggerer watches it."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.amazon.aws.hooks.sagemaker import SageMakerHook
from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowRescheduleException
from botocore.exceptions import ClientError, ParamValidationError

from mendel_airflow.command import command_line, variables, words
from mendel_airflow.sagemaker_endings import ending
from mendel_airflow.sagemaker_jobs import job_class, job_prefix, request
from mendel_airflow.sagemaker_watch import TrainingJobTrigger
from mendel_airflow.stage_classes import StageClassError

if TYPE_CHECKING:
    from airflow.sdk import Context

POLL_SECONDS = 10.0
SLACK = timedelta(minutes=10)
"""How much later than the job's own limits Airflow gives up watching."""

BUSY, ASK_AGAIN = ("ResourceLimitExceeded", "ThrottlingException"), timedelta(minutes=1)
"""How SageMaker says that the account's quota is used up, and how long until it is asked again."""

THERE_IS_ONE = "ResourceInUse"
IN_VAIN = ("ValidationException", "AccessDeniedException")


class SageMakerStage(BaseOperator):
    """Run `mendel ARGUMENTS` as a training job of the stage's class, and show its log as the task's own.

    As in a local process, exit codes 2 (bad configuration or input) and 3 (a gate said no) fail at once with the
    stage's own message; any other ending is left to the task's retries. A try that finds a job of an earlier one still
    running watches that. Credentials and region are boto3's own: those of Airflow's pod.

    :param arguments: the command line after `mendel`, templated; what renders empty is left out.
    :param execution_timeout: how long the job may run. Waiting for capacity has a limit of its own.
    :param mapped: options that differ from one mapped task to the next, e.g. `{"shard": 3}` for `--shard 3`.
    :param links: buttons on the task's page.
    """

    template_fields: Collection[str] = ("arguments", "mapped")
    overwrite_rtif_after_execution = True  # the page of a task then shows the command line that was run
    ui_color = "#e3f1e4"

    def __init__(
        self,
        *,
        arguments: Sequence[str],
        execution_timeout: timedelta,
        mapped: dict[str, Any] | None = None,
        links: Sequence[Any] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)  # SageMaker keeps the time: Airflow's limit would count the waiting too
        self.arguments = list(arguments)
        self.limit_seconds = execution_timeout.total_seconds()
        self.mapped = mapped or {}
        self.operator_extra_links = tuple(links)
        self.tail: Collection[str] = ()
        self._job: str | None = None

    def execute(self, context: Context) -> None:
        self.arguments = command_line(self.arguments, self.mapped)
        line, command, limit = ["mendel", *self.arguments], words(self.arguments), timedelta(seconds=self.limit_seconds)
        ti = context["ti"]
        prefix = job_prefix(command, ti)
        self.log.info("$ %s", shlex.join(line))
        try:
            settings = job_class(command)
            job = request(
                settings,
                name=f"{prefix}{ti.try_number}",
                command_line=line,
                environment=variables(context),
                limit=limit,
                tags={"mendel/stage": " ".join(command), "mendel/dag": ti.dag_id, "mendel/run": ti.run_id},
            )
        except StageClassError as error:
            raise AirflowFailException(str(error)) from error
        self._job = self._running(prefix) or self._create(job)
        self.defer(
            trigger=TrainingJobTrigger(self._job, POLL_SECONDS),
            method_name="ended",
            timeout=settings.longest(limit) + SLACK,
        )

    def ended(self, context: Context, event: dict[str, Any]) -> None:
        """The triggerer has seen the job end: what came of it."""
        job, self.tail = event["job"], event["tail"]
        if job["TrainingJobStatus"] != "Completed":
            raise ending(job, event["tail"]).error()
        self.log.info("SageMaker bills %s s", job.get("BillableTimeInSeconds"))

    def on_kill(self) -> None:
        """Airflow calls this when the task is stopped from outside before the triggerer watches the job."""
        if self._job is not None:
            _client().stop_training_job(TrainingJobName=self._job)

    def _running(self, prefix: str) -> str | None:
        """The job of an earlier try whose worker has died."""
        jobs = _client().list_training_jobs(NameContains=prefix, StatusEquals="InProgress")["TrainingJobSummaries"]
        if not jobs:
            return None
        self.log.info("SageMaker's job %s of an earlier try goes on", jobs[0]["TrainingJobName"])
        return str(jobs[0]["TrainingJobName"])

    def _create(self, job: dict[str, Any]) -> str:
        """Ask for a job, and return its name."""
        name = str(job["TrainingJobName"])
        try:
            _client().create_training_job(**job)
        except ParamValidationError as error:
            raise AirflowFailException(f"include/sagemaker: {error}") from error
        except ClientError as error:
            code, message = error.response["Error"]["Code"], error.response["Error"]["Message"]
            if code in BUSY:  # room comes when others end, and waiting for it is no try
                self.log.warning("waits for room in the account's quota: %s", message)
                raise AirflowRescheduleException(datetime.now(UTC) + ASK_AGAIN) from error
            if code == THERE_IS_ONE:
                return name
            failure = AirflowFailException if code in IN_VAIN else AirflowException
            raise failure(f"SageMaker refuses the job: {message}") from error
        self.log.info("SageMaker's job %s", name)
        return name


def _client() -> Any:
    return SageMakerHook(aws_conn_id=None).get_conn()
