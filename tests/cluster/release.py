"""charts/mendel installed on a cluster: its API behind a port-forward, what its pods did, and what came of it."""

from __future__ import annotations

import base64
import json
import os
import secrets
import shlex
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest
import requests
from airflow.providers.cncf.kubernetes.pod_generator import make_safe_label_value
from airflow_client import Client
from kubernetes.client import CoreV1Api, V1Pod
from processes import free_port

from .conftest import PATIENCE, REPO, Namespace, gpus, run

CHAIN = ["ingest_corpus", "corrupt_corpus", "finetune_restorer", "promote_restorer"]
BATCHES = "restore_batches"
STAGE = {"app.kubernetes.io/component": "stage"}
CURRENT = """
import json, os, sys
from mendel.core import manifest
found = (manifest.current(os.environ["MENDEL_LAKE"], *each.split()) for each in sys.argv[1:])
print(json.dumps([{"digest": each.digest, "metrics": each.metrics} if each else None for each in found]))
"""


@dataclass(frozen=True)
class Chain:
    """The four DAGs' runs from the source to a decision."""

    week: str
    runs: dict[str, str]
    seconds: float
    """From the first run's start to the last one's end."""


class Release:
    """An installed chart. `helm` and `kubectl` act on it alone."""

    def __init__(self, api: CoreV1Api, *args: str) -> None:
        self.name = f"mendel-{secrets.token_hex(3)}"
        self.pods = Namespace(api, self.name)
        self.gpus = gpus(api)
        self.airflow = f"{self.name}-airflow"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.client = Client(self.url, self.credentials)
        self.args = ["--values", "charts/mendel/values-local.yaml", "--set", f"global.gpus={self.gpus}", *args]
        self.args += shlex.split(os.environ.get("MENDEL_HELM_ARGS", ""))
        self._forward: subprocess.Popen[bytes] | None = None

    def kubectl(self, *arguments: str) -> str:
        return run("kubectl", "--namespace", self.name, *arguments).stdout

    def helm(self, action: str, *arguments: str) -> str:
        done = run("helm", action, self.name, *arguments, "--namespace", self.name)
        return done.stdout + done.stderr  # a hook's log is on the latter

    def wait_ready(self) -> None:
        """Until every Deployment and StatefulSet has what it wants, and the API answers."""
        for item in self.kubectl("get", "deployments,statefulsets", "--output", "name").split():
            self._rolled_out(item)
        self.stop_forward()
        service = f"service/{self.airflow}-api-server"
        command = ["kubectl", "-n", self.name, "port-forward", service, f"{self.port}:8080"]
        self._forward = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.client.wait(self._answers, PATIENCE, "Airflow's API and its DAGs")

    def _rolled_out(self, item: str) -> None:
        """Wait for it, as long as there is hope."""
        command = ["kubectl", "--namespace", self.name, "rollout", "status", item, "--timeout=15s"]
        deadline = time.monotonic() + PATIENCE
        while (done := subprocess.run(command, capture_output=True, text=True)).returncode:
            self.pods.require_images()
            assert time.monotonic() < deadline, f"{item}: {done.stderr}{done.stdout}"

    def _answers(self) -> bool:
        try:
            return {*CHAIN, BATCHES} <= {dag["dag_id"] for dag in self.client.get("dags", limit=100)["dags"]}
        except (requests.RequestException, RuntimeError):
            return False

    def stop_forward(self) -> None:
        if self._forward is not None:
            self._forward.terminate()
            self._forward.wait()

    def credentials(self) -> dict[str, str]:
        data = json.loads(self.kubectl("get", "secret", "mendel-airflow", "--output", "json"))["data"]
        return {"username": "admin", "password": base64.b64decode(data["admin-password"]).decode()}

    def secrets(self) -> dict[str, Any]:
        items = json.loads(self.kubectl("get", "secrets", "--output", "json", "--selector", "!owner"))["items"]
        return {item["metadata"]["name"]: item["data"] for item in items if "mendel" in item["metadata"]["name"]}

    def python(self, code: str, *arguments: str) -> str:
        """Run code in the scheduler's container, which has the lake's credentials."""
        deployment = f"deployment/{self.airflow}-scheduler"
        return self.kubectl("exec", deployment, "--container", "scheduler", "--", "python", "-c", code, *arguments)

    def current(self, *versions: str) -> list[Any]:
        """Digests and metrics of `DATASET PARTITION`, None for what is not there."""
        found: list[Any] = json.loads(self.python(CURRENT, *versions))
        return found

    def chain(self, start: Callable[[], object]) -> Chain:
        """Let the DAGs follow each other once: `start` starts the first. They are paused again afterwards."""
        known = {run["dag_run_id"] for run in self.client.runs()}
        self.client.unpause(*reversed(CHAIN))
        start()
        runs = {dag: self._first_run_since(dag, known) for dag in CHAIN}
        self.client.unpause(*CHAIN, paused=True)  # what comes now is started by hand
        first, last = (self.client.run(dag, runs[dag]) for dag in (CHAIN[0], CHAIN[-1]))
        ended, queued = (datetime.fromisoformat(moment) for moment in (last["end_date"], first["queued_at"]))
        week = self.client.xcom(CHAIN[0], runs[CHAIN[0]], "resolve_partition")
        return Chain(week, runs, round((ended - queued).total_seconds(), 1))

    def _first_run_since(self, dag: str, known: set[str]) -> str:
        """The id of a run that was not there before, once it has ended well."""

        def new() -> str | None:
            return next((run["dag_run_id"] for run in self.client.runs(dag) if run["dag_run_id"] not in known), None)

        run_id: str = self.client.wait(new, PATIENCE, f"a run of {dag}")
        assert self.client.wait_run(dag, run_id, PATIENCE)["state"] == "success", self.states(dag, run_id)
        return run_id

    def under_way(self) -> list[str]:
        """The runs that have begun and not ended."""
        return [run["dag_run_id"] for run in self.client.runs() if run["state"] == "running"]

    def states(self, dag: str, run_id: str) -> dict[str, str]:
        return {task["task_id"]: task["state"] for task in self.client.tasks(dag, run_id)}

    def tries(self, dag: str, run_id: str) -> dict[str, int]:
        """How often each task of a run was tried."""
        return {task["task_id"]: task["try_number"] for task in self.client.tasks(dag, run_id)}

    def stage_pods(self, run_id: str, task: str) -> list[V1Pod]:
        """Every pod that a stage of a run ever had."""
        return self.pods.ever(run_id=make_safe_label_value(run_id), task_id=task, **STAGE)

    def running(self, run_id: str, task: str) -> V1Pod | None:
        """The pod of a stage of a run, while its container runs."""
        return next((pod for pod in self.stage_pods(run_id, task) if pod.status.phase == "Running"), None)

    def work(self, run_id: str, task: str) -> float | None:
        """Seconds that the container of a stage's last pod ran; None where the task is no stage."""
        for pod in reversed(self.stage_pods(run_id, task)):
            for status in pod.status.container_statuses or []:
                if (ended := status.state.terminated) is not None:
                    return float((ended.finished_at - ended.started_at).total_seconds())
        return None

    def measured(self, runs: Mapping[str, str]) -> dict[str, dict[str, float]]:
        """Seconds of each task of some runs, and of those what is not the work of its pod's container."""
        seconds, overheads = {}, {}
        for dag, run_id in runs.items():
            for task in self.client.tasks(dag, run_id):
                name = task["task_id"]
                seconds[name] = round(task["duration"], 1)
                if (work := self.work(run_id, name)) is not None:
                    overheads[name] = round(task["duration"] - work, 1)
        return {"stages": seconds, "pod_overhead_seconds": overheads}

    def pods_run(self) -> dict[str, int]:
        """How many pods there have been of stages, of Spark's executors, and of KubernetesExecutor's tasks."""
        kinds = {
            "stages": STAGE,
            "spark_executors": {"app.kubernetes.io/component": "spark-executor"},
            "workers": {"component": "worker"},
        }
        return {kind: len(self.pods.ever(**labels)) for kind, labels in kinds.items()}


@contextmanager
def installed(api: CoreV1Api, *args: str) -> Iterator[tuple[Release, float]]:
    """The chart in a restricted namespace of its own, and the seconds from nothing to ready; gone afterwards."""
    for program in ("helm", "kubectl"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")
    if not list((REPO / "charts" / "mendel" / "charts").glob("airflow-*.tgz")):
        pytest.skip("the official chart is not there: `helm dependency build charts/mendel` gets it")
    found = Release(api, *args)
    run("kubectl", "create", "namespace", found.name)
    run("kubectl", "label", "namespace", found.name, "pod-security.kubernetes.io/enforce=restricted")
    try:
        started = time.monotonic()
        found.helm("install", "charts/mendel", *found.args)
        found.wait_ready()
        yield found, round(time.monotonic() - started, 1)
    finally:
        found.stop_forward()
        found.pods.stop()
        subprocess.run(["helm", "uninstall", found.name, "--namespace", found.name, "--ignore-not-found"], cwd=REPO)
        subprocess.run(["kubectl", "delete", "namespace", found.name, "--wait=false"])
