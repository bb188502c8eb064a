"""The target `sagemaker` over the services' own protocol: jobs are real processes, and what Airflow makes of how they end."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from threading import Thread
from types import SimpleNamespace
from typing import Any, cast

import pytest
from airflow.sdk import Context
from airflow.sdk.exceptions import (
    AirflowException,
    AirflowFailException,
    AirflowRescheduleException,
    TaskDeferred,
)

from mendel_airflow import sagemaker_watch
from mendel_airflow.sagemaker import SageMakerStage
from mendel_airflow.sagemaker_jobs import FOLDER, job_class
from mendel_airflow.sagemaker_watch import TrainingJobTrigger
from mendel_airflow.targets import COMMANDS

from .conftest import Run
from .sagemaker_api import Services

DEPLOYMENT = {
    "MENDEL_LAKE": "s3://bucket/lake",
    "MLFLOW_TRACKING_URI": "https://mlflow.example",
    "MENDEL_SAGEMAKER_ROLE": "arn:aws:iam::123456789012:role/mendel-stage",
    "MENDEL_SAGEMAKER_IMAGE": "123456789012.dkr.ecr.eu-central-1.amazonaws.com/mendel-tasks:1",
    "MENDEL_SAGEMAKER_GPU_IMAGE": "123456789012.dkr.ecr.eu-central-1.amazonaws.com/mendel-gpu:1",
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_ACCESS_KEY_ID": "key",
    "AWS_SECRET_ACCESS_KEY": "secret",
}


@pytest.fixture
def services(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Services]:
    server = Services(tmp_path)
    Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    for name, value in {**DEPLOYMENT, "AWS_ENDPOINT_URL": server.url}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sagemaker_watch, "LAST_LINES_SECONDS", 0.3)
    yield server
    for job in server.jobs.values():
        job.process.kill()
    server.shutdown()
    server.server_close()


@pytest.fixture
def mendel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes the image's `mendel` a Python script of the test's."""

    def write(code: str) -> None:
        script = tmp_path / "bin" / "mendel"
        script.parent.mkdir(exist_ok=True)
        script.write_text(f"#!{sys.executable} -u\nimport os, signal, sys, time\n{code}\n")
        script.chmod(0o755)
        monkeypatch.setenv("PATH", f"{script.parent}:/usr/bin:/bin")

    return write


def stage(*arguments: str, limit: timedelta = timedelta(hours=2), **options: Any) -> SageMakerStage:
    return SageMakerStage(task_id="stage", arguments=arguments or ["finetune"], execution_timeout=limit, **options)


def context(try_number: int = 1) -> Context:
    ti = SimpleNamespace(dag_id="d", run_id="r", task_id="stage", map_index=-1, try_number=try_number)
    return cast(Context, {**Run().context, "ti": ti})


def asked(task: SageMakerStage, try_number: int = 1) -> TrainingJobTrigger:
    """Have the worker ask for the job; the trigger that it leaves behind, as the triggerer gets it."""
    with pytest.raises(TaskDeferred) as deferred:
        task.execute(context(try_number))
    path, arguments = deferred.value.trigger.serialize()
    assert path == "mendel_airflow.sagemaker_watch.TrainingJobTrigger"
    return TrainingJobTrigger(**{**arguments, "poll_seconds": 0.1})


def watched(trigger: TrainingJobTrigger) -> dict[str, Any]:
    """What the triggerer sees in the end."""

    async def run() -> dict[str, Any]:
        async for event in trigger.run():
            return cast(dict[str, Any], event.payload)
        raise AssertionError("the trigger has not fired")

    return asyncio.run(run())


def test_the_stage_runs_with_its_command_line_its_environment_and_its_tags(
    services: Services, mendel: Any, tmp_path: Path
) -> None:
    # Given a stage that notes how it was called
    mendel(f"open({str(tmp_path / 'called')!r}, 'w').write(repr([sys.argv[1:], dict(os.environ)])); print('at work')")
    # When it is run on SageMaker, one of its options empty
    task = stage("restore", "shard", "", "--partition", "2026-11-23", mapped={"shard": 3})
    event = watched(asked(task))
    task.ended(context(), event)
    # Then the container was called as a local process is, and was told of the run
    called, environment = eval((tmp_path / "called").read_text())
    assert called == ["restore", "shard", "--partition", "2026-11-23", "--shard", "3"]
    assert environment["MENDEL_LAKE"] == "s3://bucket/lake"
    assert environment["MENDEL_RUN_ID"] == "this-run"
    assert event["tail"] == ["at work"]
    # and the job is the class's, with the stage's limit and what the bill is read by
    (job,) = (job.request for job in services.jobs.values())
    assert job["AlgorithmSpecification"]["TrainingImage"] == DEPLOYMENT["MENDEL_SAGEMAKER_GPU_IMAGE"]
    assert job["EnableManagedSpotTraining"], "the class of GPUs is bought on the spot market"
    assert job["StoppingCondition"] == {"MaxRuntimeInSeconds": 7200, "MaxWaitTimeInSeconds": 7200 + 14400}
    assert {tag["Key"]: tag["Value"] for tag in job["Tags"]} == {
        "mendel/stage": "restore shard",
        "mendel/dag": "d",
        "mendel/run": "r",
    }


def test_the_log_is_shown_line_by_line_while_the_stage_runs(services: Services, mendel: Any, caplog: Any) -> None:
    mendel("for number in range(5): print(f'level=warning line {number}'); time.sleep(0.2)")
    with caplog.at_level("INFO", logger="mendel_airflow"):
        event = watched(asked(stage()))
    assert event["tail"] == [f"level=warning line {number}" for number in range(5)], "each line once, in order"


@pytest.mark.parametrize(
    ("code", "error", "message"),
    [
        ("print('mendel: no corpus'); sys.exit(2)", AirflowFailException, "mendel: no corpus"),
        (
            "open(os.environ['MENDEL_FAILURE_FILE'], 'w').write('the gate says no'); sys.exit(3)",
            AirflowFailException,
            "the gate says no",
        ),
        ("print('unforeseen'); sys.exit(1)", AirflowException, "exit code 1: unforeseen"),
        ("os.kill(os.getpid(), signal.SIGKILL)", AirflowException, r"killed by SIGKILL \(out of memory\?\): it said"),
    ],
)
def test_how_a_stage_ends_is_what_airflow_makes_of_it(
    services: Services, mendel: Any, code: str, error: type[Exception], message: str
) -> None:
    mendel(code)
    task = stage()
    event = watched(asked(task))
    with pytest.raises(error, match=message) as raised:
        task.ended(context(), event)
    assert type(raised.value) is error, "tried again in vain, or not tried again"


def test_the_command_itself_leaves_its_message_for_sagemaker(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given the real command, and a setting that there is not
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:/usr/bin:/bin")
    line = ["--config", "include/pipelines/smoke.yaml", "--partition", "2026-11-23", "--set", "nonsense=1"]
    task = stage("finetune", *line)
    # When it runs
    event = watched(asked(task))
    # Then SageMaker's own reason says what to change
    assert event["job"]["FailureReason"].endswith("exit code: 2"), event
    with pytest.raises(AirflowFailException) as raised:
        task.ended(context(), event)
    assert "nonsense" in str(raised.value)


def test_a_try_whose_worker_died_is_found_again(services: Services, mendel: Any) -> None:
    # Given a job that a first try has asked for
    mendel("time.sleep(1); print('done')")
    first = asked(stage())
    # When the task is tried again while it runs
    again = asked(stage(), try_number=2)
    # Then there is one job, and both watch it
    assert again.name == first.name
    assert len(services.jobs) == 1
    assert watched(again)["job"]["TrainingJobStatus"] == "Completed"
    # and a try after its end gets one of its own
    assert asked(stage(), try_number=3).name != first.name


def test_what_the_stage_may_take_ends_it(services: Services, mendel: Any) -> None:
    mendel("time.sleep(60)")
    task = stage(limit=timedelta(seconds=1))
    event = watched(asked(task))
    with pytest.raises(AirflowException, match="it ran longer than its limit of 1 s"):
        task.ended(context(), event)


def test_a_kill_stops_the_job_whoever_watches_it(services: Services, mendel: Any) -> None:
    mendel("time.sleep(60)")
    task = stage()
    trigger = asked(task)
    asyncio.run(trigger.on_kill())
    event = watched(trigger)
    with pytest.raises(AirflowException, match="stopped by somebody"):
        task.ended(context(), event)
    other = stage("evaluate")
    name = asked(other).name
    other.on_kill()
    assert services.jobs[name].status()["TrainingJobStatus"] == "Stopped"


def test_a_used_up_quota_is_waited_for(services: Services, mendel: Any) -> None:
    mendel("pass")
    services.refusals.append(("ResourceLimitExceeded", "0 instances of ml.g5.xlarge"))
    with pytest.raises(AirflowRescheduleException):
        stage().execute(context())
    assert services.jobs == {}
    assert watched(asked(stage()))["job"]["TrainingJobStatus"] == "Completed", "there is room now"


@pytest.mark.parametrize("code", ["ValidationException", "AccessDeniedException"])
def test_what_is_refused_for_good_fails_at_once(services: Services, mendel: Any, code: str) -> None:
    services.refusals.append((code, "Could not assume role"))
    with pytest.raises(AirflowFailException, match="SageMaker refuses the job: Could not assume role"):
        stage().execute(context())


def test_a_class_that_sagemaker_does_not_take_is_named(services: Services, tmp_path: Path, monkeypatch: Any) -> None:
    text = (FOLDER / "gpu.yaml").read_text().replace("InstanceCount: 1", "InstanceCount: one")
    (tmp_path / "classes").mkdir()
    (tmp_path / "classes" / "gpu.yaml").write_text(text)
    monkeypatch.setenv("MENDEL_SAGEMAKER", str(tmp_path / "classes"))
    with pytest.raises(AirflowFailException, match=r"InstanceCount.*one"):
        stage().execute(context())


def test_a_word_that_is_too_long_is_refused_before_sagemaker_does(services: Services) -> None:
    with pytest.raises(AirflowFailException, match=r"256 characters at most, and '--set=noise=x.*has 312: put it into"):
        stage("corrupt", "--set=noise=" + "x" * 300).execute(context())
    assert services.jobs == {}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_stage_has_a_class(services: Services, command: str) -> None:
    settings = job_class(command.split())
    assert settings.job["RoleArn"] == DEPLOYMENT["MENDEL_SAGEMAKER_ROLE"]
    gpu = command in ("finetune", "evaluate", "restore shard")
    assert (settings.job["AlgorithmSpecification"]["TrainingImage"] == DEPLOYMENT["MENDEL_SAGEMAKER_GPU_IMAGE"]) == gpu


def test_the_names_of_jobs_are_short_enough(services: Services, mendel: Any) -> None:
    mendel("pass")
    started = time.monotonic()
    for command in COMMANDS:
        task = stage(*command.split())
        trigger = asked(task)  # the API's stand-in checks the name by SageMaker's own pattern
        assert trigger.name.startswith(f"mendel-{command.replace(' ', '-')}-"), f"after {time.monotonic() - started} s"
