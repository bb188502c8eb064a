"""charts/mendel on a real cluster: installed into an empty, restricted namespace, used, disturbed, upgraded, removed.

MENDEL_HELM_ARGS adds to `helm install`, such as `--set database.uid=70` for an image whose PostgreSQL runs as another user.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
import shlex
import shutil
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from airflow_stack import Client, free_port
from kubernetes.client import CoreV1Api

from .conftest import PATIENCE, REPO, Namespace, record, run

CHAIN = ["ingest_corpus", "corrupt_corpus", "finetune_restorer", "promote_restorer"]
BATCHES = "restore_batches"
WEEK = "2026-11-23"
DAYS = ["2026-11-21", "2026-11-22"]
MADE = {"ingest": "corpus", "corrupt": "pairs", "finetune": "candidate", "evaluate": "evaluation"}
"""Stages whose pods are killed, and the datasets that have to come out the same."""

DISTURBED = [
    ("ingest_corpus", "ingest", "stage"),
    ("corrupt_corpus", "corrupt", "stage"),
    ("finetune_restorer", "finetune", "stage"),
    ("promote_restorer", "evaluate", "stage"),
    ("corrupt_corpus", "corrupt", "scheduler"),
    ("ingest_corpus", "ingest", "triggerer"),
]
"""DAG, stage, and what is killed while the stage's pod runs."""

KINDS = (
    "pods,deployments,statefulsets,services,secrets,configmaps,jobs,networkpolicies,roles,rolebindings,serviceaccounts"
)
KINDS += ",resourcequotas,limitranges,persistentvolumeclaims"
DIGESTS = """
import json, os, sys
from mendel import manifest
found = (manifest.current(os.environ["MENDEL_LAKE"], *each.split()) for each in sys.argv[1:])
print(json.dumps([{"digest": each.digest, "metrics": each.metrics} if each else None for each in found]))
"""
FILL = """
import json, os, sys
import fsspec
for day in sys.argv[1:]:
    texts = {f"{day}-{number}": f"The poeple of the the state number {number}." for number in range(20)}
    lines = [json.dumps({"id": key, "text": text}) for key, text in texts.items()]
    with fsspec.open(f"{os.environ['MENDEL_LAKE']}/inbox/dt={day}/test.jsonl", "w") as file:
        file.write("\\n".join([*lines, "{"]) + "\\n")
"""


class Release:
    """An installed chart, its API behind a port-forward."""

    def __init__(self, api: CoreV1Api) -> None:
        self.name = f"mendel-{secrets.token_hex(3)}"
        self.pods = Namespace(api, self.name)
        self.airflow = f"{self.name}-airflow"
        self.port = free_port()
        self.client = Client(f"http://127.0.0.1:{self.port}", self._credentials)
        self.args = [
            "--values",
            "charts/mendel/values-local.yaml",
            *shlex.split(os.environ.get("MENDEL_HELM_ARGS", "")),
        ]
        self._forward: subprocess.Popen[bytes] | None = None

    def kubectl(self, *arguments: str) -> str:
        return run("kubectl", "--namespace", self.name, *arguments)

    def helm(self, action: str, *arguments: str) -> str:
        return run("helm", action, self.name, *arguments, "--namespace", self.name)

    def wait_ready(self) -> None:
        """Until every Deployment and StatefulSet has what it wants, and the API answers."""
        for item in self.kubectl("get", "deployments,statefulsets", "--output", "name").split():
            self.kubectl("rollout", "status", item, f"--timeout={PATIENCE:.0f}s")
        self.stop_forward()
        command = [
            "kubectl",
            "-n",
            self.name,
            "port-forward",
            f"service/{self.airflow}-api-server",
            f"{self.port}:8080",
        ]
        self._forward = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.client.wait(self._answers, PATIENCE, "Airflow's API and its DAGs")

    def _answers(self) -> bool:
        try:
            return {*CHAIN, BATCHES} <= {dag["dag_id"] for dag in self.client.get("dags", limit=100)["dags"]}
        except (requests.RequestException, RuntimeError):
            return False

    def stop_forward(self) -> None:
        if self._forward is not None:
            self._forward.terminate()
            self._forward.wait()

    def python(self, code: str, *arguments: str) -> str:
        """Run code in the scheduler's container, which has the lake's credentials."""
        deployment = f"deployment/{self.airflow}-scheduler"
        return self.kubectl("exec", deployment, "--container", "scheduler", "--", "python", "-c", code, *arguments)

    def current(self, *versions: str) -> list[Any]:
        """Digests and metrics of `DATASET PARTITION`, None for what is not there."""
        found: list[Any] = json.loads(self.python(DIGESTS, *versions))
        return found

    def secrets(self) -> dict[str, Any]:
        items = json.loads(self.kubectl("get", "secrets", "--output", "json", "--selector", "!owner"))["items"]
        return {item["metadata"]["name"]: item["data"] for item in items if "mendel" in item["metadata"]["name"]}

    def first_run_since(self, dag: str, known: set[str]) -> str:
        """The id of a run that was not there before, once it has ended well."""

        def new() -> str | None:
            return next((run["dag_run_id"] for run in self.client.runs(dag) if run["dag_run_id"] not in known), None)

        run_id: str = self.client.wait(new, PATIENCE, f"a run of {dag}")
        assert self.client.wait_run(dag, run_id, PATIENCE)["state"] == "success", self.states(dag, run_id)
        return run_id

    def states(self, dag: str, run_id: str) -> dict[str, str]:
        return {task["task_id"]: task["state"] for task in self.client.tasks(dag, run_id)}

    def _credentials(self) -> dict[str, str]:
        data = json.loads(self.kubectl("get", "secret", "mendel-airflow", "--output", "json"))["data"]
        return {"username": "admin", "password": base64.b64decode(data["admin-password"]).decode()}


@pytest.fixture(scope="module")
def release(cluster: CoreV1Api) -> Iterator[Release]:
    """The chart in a namespace of its own, from nothing to ready; gone afterwards."""
    for program in ("helm", "kubectl"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")
    if not list((REPO / "charts" / "mendel" / "charts").glob("airflow-*.tgz")):
        pytest.skip("the official chart is not there: `helm dependency build charts/mendel` gets it")
    found = Release(cluster)
    run("kubectl", "create", "namespace", found.name)
    run("kubectl", "label", "namespace", found.name, "pod-security.kubernetes.io/enforce=restricted")
    try:
        started = time.monotonic()
        found.helm("install", "charts/mendel", *found.args)
        found.wait_ready()
        record(install_seconds=round(time.monotonic() - started, 1))
        yield found
    finally:
        found.stop_forward()
        found.pods.stop()
        subprocess.run(["helm", "uninstall", found.name, "--namespace", found.name, "--ignore-not-found"], cwd=REPO)
        subprocess.run(["kubectl", "delete", "namespace", found.name, "--wait=false"])


@pytest.fixture(scope="module")
def chain(release: Release) -> dict[str, str]:
    """The chain from the source to a decision, started once: run ids by DAG."""
    known = {run["dag_run_id"] for run in release.client.runs()}
    release.client.unpause(*reversed(CHAIN))
    started = time.monotonic()
    release.client.trigger(CHAIN[0], WEEK)
    found = {dag: release.first_run_since(dag, known) for dag in CHAIN}
    record(chain_seconds=round(time.monotonic() - started, 1))
    release.client.unpause(*CHAIN, paused=True)  # what comes now is started by hand, one DAG at a time
    return found


def test_the_chain_promotes_a_model(release: Release, chain: dict[str, str]) -> None:
    tasks = [task for dag, run_id in chain.items() for task in release.client.tasks(dag, run_id)]
    overheads = {}
    for task in tasks:
        for pod in release.pods.ever(dag_id=task["dag_id"], task_id=task["task_id"]):
            for status in pod.status.container_statuses or []:
                if (ended := status.state.terminated) is not None:
                    work = (ended.finished_at - ended.started_at).total_seconds()
                    overheads[task["task_id"]] = round(task["duration"] - work, 1)
    (promotion,) = release.current(f"promotion {WEEK}")
    record(
        stages={task["task_id"]: round(task["duration"], 1) for task in tasks},
        tries={task["task_id"]: task["try_number"] for task in tasks},
        pod_overhead_seconds=overheads,
        champion_version=promotion["metrics"]["version"],
    )
    assert {task["task_id"]: task["try_number"] for task in tasks if task["try_number"] > 1} == {}, "nothing is retried"
    asked = [pod for pod in release.pods.seen.values() if "gpu" in (pod.metadata.labels or {}).get("mendel/class", "")]
    assert asked, "no pod of the class gpu"


def test_logs_outlive_their_pods(release: Release, chain: dict[str, str]) -> None:
    assert release.pods.pods(**{"app.kubernetes.io/component": "stage"}) == []
    for dag, task in (("ingest_corpus", "ingest"), ("corrupt_corpus", "corrupt"), ("finetune_restorer", "finetune")):
        assert "event=done" in release.client.task_log(dag, chain[dag], task), f"{dag}.{task}"


def test_two_days_are_backfilled(release: Release, chain: dict[str, str]) -> None:
    # Given two days with twenty records each, and a broken line
    release.python(FILL, *DAYS)
    # When they are backfilled
    release.client.unpause(BATCHES)
    known = {run["dag_run_id"] for run in release.client.runs(BATCHES)}
    release.client.backfill(BATCHES, *DAYS, max_active_runs=2)

    def ended() -> list[str]:
        runs = [each for each in release.client.runs(BATCHES) if each["dag_run_id"] not in known]
        done = [each["state"] for each in runs if each["run_type"] == "backfill"]
        return done if len(done) == 2 and set(done) <= {"success", "failed"} else []

    assert release.client.wait(ended, PATIENCE, "the backfill") == ["success", "success"]
    # Then each record came out once
    days = release.current(*(f"restored {day}" for day in DAYS))
    sums = {
        name: sum(day["metrics"][name] for day in days) for name in ("records_in", "records_out", "records_rejected")
    }
    record(**sums)
    assert sums == {"records_in": 42, "records_out": 40, "records_rejected": 2}


KILLS: list[dict[str, Any]] = []


@pytest.mark.parametrize(("dag", "stage", "victim"), DISTURBED)
def test_what_is_killed_is_made_again(
    release: Release, chain: dict[str, str], dag: str, stage: str, victim: str
) -> None:
    # Given a stage that makes its version again
    version = f"{MADE[stage]} {WEEK}"
    (before,) = release.current(version)
    release.client.unpause(dag)
    started = time.monotonic()
    run_id = release.client.trigger(dag, WEEK, force=True)["dag_run_id"]
    pod = release.pods.wait_running(dag_id=dag, task_id=stage)
    # When something is killed while its pod runs
    if victim == "stage":
        release.kubectl("delete", "pod", pod.metadata.name, "--grace-period=0", "--force")
    else:
        release.kubectl("delete", "pods", "--selector", f"component={victim}", "--grace-period=0", "--force")
    ended = release.client.wait_run(dag, run_id, PATIENCE)
    # Then the run ends well, with what it had made before
    release.client.unpause(dag, paused=True)
    (after,) = release.current(version)
    tries = next(task["try_number"] for task in release.client.tasks(dag, run_id) if task["task_id"] == stage)
    same = before["digest"] == after["digest"]
    seconds = round(time.monotonic() - started, 1)
    KILLS.append(
        {"stage": stage, "killed": victim, "recovered": ended["state"] == "success", "same_digest": same}
        | {"tries": tries, "seconds": seconds}
    )
    record(
        kills=KILLS,
        pods_run=len([p for p in release.pods.seen.values() if "mendel/stage" in (p.metadata.labels or {})]),
    )
    assert ended["state"] == "success", release.states(dag, run_id)
    assert same, f"{version} was {before['digest']}, is {after['digest']}"


def test_an_upgrade_keeps_secrets_and_runs(release: Release, chain: dict[str, str]) -> None:
    # Given a run whose stage is under way
    known = release.secrets()
    release.client.unpause("ingest_corpus")
    run_id = release.client.trigger("ingest_corpus", WEEK, force=True)["dag_run_id"]
    release.pods.wait_running(dag_id="ingest_corpus", task_id="ingest")
    # When a value changes that restarts all of Airflow
    release.helm("upgrade", "charts/mendel", *release.args, "--set", "global.links.mlflow=http://localhost:5000")
    release.wait_ready()
    # Then the run ends well, and every secret is the old one
    upgraded = release.client.wait_run("ingest_corpus", run_id, PATIENCE)["state"] == "success"
    same = release.secrets() == known
    record(upgrade_ok=upgraded and same)
    assert upgraded, release.states("ingest_corpus", run_id)
    assert same


def test_a_rollback_goes_back(release: Release, chain: dict[str, str]) -> None:
    known = release.secrets()
    release.helm("rollback")
    release.wait_ready()
    settings = json.loads(release.kubectl("get", "configmap", f"{release.name}-airflow", "--output", "json"))["data"]
    ok = settings["MENDEL_MLFLOW_URL"] == "" and release.secrets() == known
    record(rollback_ok=ok)
    assert ok


def test_an_uninstall_leaves_the_volumes(release: Release, chain: dict[str, str]) -> None:
    release.stop_forward()
    release.helm("uninstall", "--wait")
    ours = {"serviceaccount/default", "configmap/kube-root-ca.crt"}

    def left() -> list[str]:
        return sorted({*release.kubectl("get", KINDS, "--output", "name").split()} - ours)

    for _ in range(60):  # pods take their grace period
        if all(each.startswith("persistentvolumeclaim/") for each in left()):
            break
        time.sleep(2)
    leftovers = left()
    record(leftovers=leftovers)
    assert leftovers, "the volumes are kept"
    assert [each for each in leftovers if not each.startswith("persistentvolumeclaim/")] == []
