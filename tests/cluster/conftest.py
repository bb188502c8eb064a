"""A namespace of its own on the cluster of KUBECONFIG, and an Airflow on this machine that runs stages in it.

Nothing here touches a cluster unless `make cluster-test` asked for it.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from airflow_stack import AirflowStack
from kubernetes import client, config, utils, watch
from kubernetes.client import ApiException, CoreV1Api, V1Pod

HERE = Path(__file__).resolve().parent
REPO = HERE.parents[1]
VERSION = re.search(r'^version = "(.+)"', (REPO / "pyproject.toml").read_text(), re.MULTILINE)[1]  # type: ignore[index]
IMAGE = os.environ.get("MENDEL_TASKS_IMAGE", f"mendel-tasks:{VERSION}")
S3_IMAGE = os.environ.get("MENDEL_S3_IMAGE", "ghcr.io/versity/versitygw:v1.8.0")
FIGURES = REPO / ".mendel" / "cluster.json"
NO_IMAGE = {"ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName"}
PATIENCE = 900.0  # seconds; minutes on a machine that has other things to do


@pytest.fixture(scope="session")
def cluster() -> CoreV1Api:
    """The cluster's API. Skips, and says why, where none was asked for or none answers: a failure of `make cluster-test`."""
    if os.environ.get("MENDEL_CLUSTER_TEST") != "1":
        pytest.skip("needs a Kubernetes cluster: `make cluster-test` runs it on the one of KUBECONFIG")
    try:
        config.load_kube_config()
        version = client.VersionApi().get_code(_request_timeout=5)
    except Exception as error:  # whatever a client of a broken kubeconfig or an absent server may raise
        pytest.skip(f"no Kubernetes cluster answers: {error}")
    FIGURES.unlink(missing_ok=True)
    record(kubernetes_version=version.git_version)
    return CoreV1Api()


def figures() -> dict[str, Any]:
    """What .mendel/cluster.json holds."""
    known: dict[str, Any] = json.loads(FIGURES.read_text()) if FIGURES.exists() else {}
    return known


def record(**new: Any) -> None:
    """Put figures into .mendel/cluster.json, beside those that are there; a mapping goes into the one of its name."""
    known = figures()
    for name, value in new.items():
        known[name] = known.get(name, {}) | value if isinstance(value, dict) else value
    FIGURES.parent.mkdir(exist_ok=True)
    FIGURES.write_text(json.dumps(known, indent=2))


def gpus(api: CoreV1Api) -> int:
    """How many GPUs a pod can ask for here: one, or none where no node has any."""
    return int(any("nvidia.com/gpu" in node.status.allocatable for node in api.list_node().items))


def run(*command: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    """A command that has to succeed; fails with its own words where it does not."""
    done = subprocess.run(command, cwd=REPO, capture_output=True, text=True, input=stdin)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}{done.stdout}"
    return done


class Namespace:
    """A namespace, and every pod that was ever seen in it."""

    def __init__(self, api: CoreV1Api, name: str) -> None:
        self.api = api
        self.name = name
        self.seen: dict[str, V1Pod] = {}
        self._stop = threading.Event()
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self._watcher.start()

    def pods(self, **labels: str) -> list[V1Pod]:
        """The pods that are there now."""
        selector = ",".join(f"{name}={value}" for name, value in labels.items())
        return list(self.api.list_namespaced_pod(self.name, label_selector=selector).items)

    def ever(self, **labels: str) -> list[V1Pod]:
        """The last that was seen of each pod that there ever was."""
        return [pod for pod in list(self.seen.values()) if labels.items() <= (pod.metadata.labels or {}).items()]

    def wait_running(self, **labels: str) -> V1Pod:
        """The pod with these labels, once its container runs."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            for pod in self.pods(**labels):
                if pod.status.phase == "Running":
                    return pod
            self.require_images()
            time.sleep(0.5)
        raise AssertionError(f"no pod with {labels} runs after {PATIENCE} s")

    def require_images(self) -> None:
        """Fail at once, naming the image, where the cluster cannot get one: waiting does not bring it."""
        for pod in list(self.seen.values()):
            for status in [*(pod.status.init_container_statuses or []), *(pod.status.container_statuses or [])]:
                if (waiting := status.state.waiting) and waiting.reason in NO_IMAGE:
                    raise AssertionError(f"the cluster has no image {status.image}: {waiting.reason} {waiting.message}")

    def stop(self) -> None:
        self._stop.set()

    def _watch(self) -> None:
        while not self._stop.is_set():
            try:
                for event in watch.Watch().stream(self.api.list_namespaced_pod, self.name, timeout_seconds=20):
                    self.seen[event["object"].metadata.name] = event["object"]
            except ApiException:  # the watch is too old: begin another
                time.sleep(1)


@pytest.fixture(scope="session")
def namespace(cluster: CoreV1Api) -> Iterator[Namespace]:
    """A namespace under the restricted Pod Security Standard with what stages refer to; gone afterwards."""
    name = f"mendel-test-{secrets.token_hex(3)}"
    values = {"NAMESPACE": name, "PASSWORD": secrets.token_hex(16), "IMAGE": IMAGE, "S3_IMAGE": S3_IMAGE}
    text = re.sub(r"\$\{([A-Z0-9_]+)\}", lambda match: values[match[1]], (HERE / "namespace.yaml").read_text())
    found = Namespace(cluster, name)
    try:
        for manifest in yaml.safe_load_all(text):
            utils.create_from_dict(client.ApiClient(), manifest)
        found.wait_running(app="s3")
        yield found
    finally:
        found.stop()
        cluster.delete_namespace(name)
        for each in ("stages", "gpu"):
            client.SchedulingV1Api().delete_priority_class(f"{name}-{each}")


@pytest.fixture(scope="session")
def pod_classes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped classes, but for one stage that gets too little memory and one that finds no node."""
    folder = tmp_path_factory.mktemp("pods")
    classes = {path.stem: yaml.safe_load(path.read_text()) for path in (REPO / "include" / "pods").glob("*.yaml")}
    classes |= {
        "tiny": yaml.safe_load((REPO / "include" / "pods" / "cpu.yaml").read_text()) | {"stages": ["restore collect"]},
        "nowhere": yaml.safe_load((REPO / "include" / "pods" / "gpu.yaml").read_text()) | {"stages": ["restore shard"]},
    }
    tiny, nowhere = classes["tiny"]["pod"]["spec"], classes["nowhere"]["pod"]["spec"]
    tiny["containers"][0] |= {"resources": {key: {"memory": "64Mi"} for key in ("requests", "limits")}, "env": []}
    nowhere["nodeSelector"] = {"mendel/node": "none-such"}
    classes["nowhere"]["schedule_timeout_seconds"] = 15
    classes["gpu"]["stages"].remove("restore shard")
    for name, found in classes.items():
        (folder / f"{name}.yaml").write_text(yaml.dump(found))
    return folder


@pytest.fixture(scope="session")
def stack(namespace: Namespace, pod_classes: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AirflowStack]:
    """Airflow on this machine with the DAGs of this folder and Mendel's plugins; its stages are pods."""
    folder = tmp_path_factory.mktemp("stack")
    checkout = folder / "checkout"
    checkout.mkdir()
    (checkout / "dags").symlink_to(HERE / "dags")
    (checkout / "plugins").symlink_to(REPO / "plugins")
    env = {
        "MENDEL_TARGET": "kubernetes",
        "MENDEL_RELEASE": namespace.name,
        "MENDEL_NAMESPACE": namespace.name,
        "MENDEL_TASKS_IMAGE": IMAGE,
        "MENDEL_GPU_IMAGE": IMAGE,
        "MENDEL_PODS": str(pod_classes),
        "MENDEL_GPUS": str(gpus(namespace.api)),
        "MENDEL_SPARK_EXECUTOR_REQUEST": "100m",
        "AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT": "120",  # a busy machine: the Kubernetes client alone is large
    }
    with AirflowStack(folder / "home", checkout, port=0, env=env) as stack:
        yield stack
