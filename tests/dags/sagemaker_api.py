"""The part of SageMaker's and CloudWatch's APIs that the target needs, over HTTP, with real processes behind it.

It answers as the services do, by the shapes that botocore checks on its side, and keeps a container's contract: the command
line of AlgorithmSpecification, the job's environment, what is written into the failure file, the limits of time, and SIGTERM
when a job is stopped. It is no proof of what only an account can show: roles, images, quotas, capacity.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast


@dataclass
class Job:
    """A training job and its one instance."""

    request: dict[str, Any]
    process: subprocess.Popen[str]
    failure: Path
    started: float = field(default_factory=time.monotonic)
    lines: list[str] = field(default_factory=list)
    stopped: str = ""
    """The secondary status of a job that did not end by itself."""

    def read(self) -> None:
        assert self.process.stdout is not None
        self.lines.extend(line.rstrip("\n") for line in self.process.stdout)

    def status(self) -> dict[str, Any]:
        limit = self.request["StoppingCondition"]["MaxRuntimeInSeconds"]
        if self.process.poll() is None and time.monotonic() - self.started > limit:
            self.stop("MaxRuntimeExceeded")
        code = self.process.poll()
        if code is None:
            return {"TrainingJobStatus": "InProgress", "SecondaryStatus": "Training"}
        if self.stopped:
            return {"TrainingJobStatus": "Stopped", "SecondaryStatus": self.stopped}
        if code == 0:
            return {"TrainingJobStatus": "Completed", "SecondaryStatus": "Completed", "BillableTimeInSeconds": 1}
        said = self.failure.read_text()[:1024] if self.failure.exists() else ""
        reason = f"AlgorithmError: {said}, exit code: {code if code > 0 else 128 - code}"
        return {"TrainingJobStatus": "Failed", "SecondaryStatus": "Failed", "FailureReason": reason}

    def stop(self, why: str) -> None:
        self.stopped = why
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)


class Services(ThreadingHTTPServer):
    """Both services on a port of their own.

    `refusals`: codes and messages that the next requests for a job are answered with.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Call)
        self.daemon_threads = True
        self.folder = folder
        self.jobs: dict[str, Job] = {}
        self.refusals: list[tuple[str, str]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def create_training_job(self, asked: dict[str, Any]) -> dict[str, Any]:
        name, how = asked["TrainingJobName"], asked["AlgorithmSpecification"]
        assert re.fullmatch(r"[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}", name), f"no name of a job: {name}"
        if self.refusals:
            raise RefusalError(*self.refusals.pop(0))
        if name in self.jobs:
            raise RefusalError("ResourceInUse", f"Training job names must be unique: {name}")
        assert how["ContainerEntrypoint"] == ["entrypoint"], "the image's own"
        failure = Path(tempfile.mkdtemp(dir=self.folder)) / "failure"
        files = {
            key: value.replace("/opt/ml/output/failure", str(failure)) for key, value in asked["Environment"].items()
        }
        process = subprocess.Popen(
            how["ContainerArguments"],
            env={"PATH": os.environ["PATH"], **files},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.jobs[name] = job = Job(asked, process, failure)
        threading.Thread(target=job.read, daemon=True).start()
        return {"TrainingJobArn": f"arn:aws:sagemaker:eu-central-1:123456789012:training-job/{name}"}

    def describe_training_job(self, asked: dict[str, Any]) -> dict[str, Any]:
        job = self.jobs[asked["TrainingJobName"]]
        return {**job.request, **job.status(), "CreationTime": 0, "ModelArtifacts": {"S3ModelArtifacts": ""}}

    def list_training_jobs(self, asked: dict[str, Any]) -> dict[str, Any]:
        found = [
            {"TrainingJobName": name, **job.status()}
            for name, job in self.jobs.items()
            if asked["NameContains"] in name and job.status()["TrainingJobStatus"] == asked["StatusEquals"]
        ]
        return {"TrainingJobSummaries": found}

    def stop_training_job(self, asked: dict[str, Any]) -> dict[str, Any]:
        self.jobs[asked["TrainingJobName"]].stop("Stopped")
        return {}

    def describe_log_streams(self, asked: dict[str, Any]) -> dict[str, Any]:
        if not any(job.lines for job in self.jobs.values()):
            raise RefusalError("ResourceNotFoundException", "The specified log group does not exist.")
        name = asked["logStreamNamePrefix"].rstrip("/")
        return {"logStreams": [{"logStreamName": f"{name}/algo-1-1"}] if self.jobs[name].lines else []}

    def get_log_events(self, asked: dict[str, Any]) -> dict[str, Any]:
        lines = self.jobs[asked["logStreamName"].partition("/")[0]].lines
        read = int(asked.get("nextToken", "0"))
        page = [{"timestamp": 0, "message": line} for line in lines[read : read + 2]]
        return {"events": page, "nextForwardToken": str(read + len(page))}


class RefusalError(Exception):
    """An error as AWS tells it."""


class _Call(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        services = cast(Services, self.server)
        operation = self.headers["X-Amz-Target"].rpartition(".")[2]
        method: Callable[[dict[str, Any]], dict[str, Any]] = getattr(
            services, re.sub(r"(?<!^)(?=[A-Z])", "_", operation).lower()
        )
        try:
            status, answer = 200, method(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        except RefusalError as refusal:
            status, answer = 400, dict(zip(("__type", "message"), refusal.args, strict=True))
        self.send_response(status)
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        self.end_headers()
        self.wfile.write(json.dumps(answer).encode())

    def log_message(self, *_: object) -> None:
        """Tests say what they saw."""
