"""The online service of charts/mendel on a real cluster: policies on, updated, undone, killed and given a new champion
while callers in the cluster go on asking. The chart is installed without Airflow: a pod of the stages makes the champions.
"""

from __future__ import annotations

import base64
import json
import os
import re
import secrets
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from string import Template
from typing import Any

import pytest
import yaml
from kubernetes.client import CoreV1Api

from .conftest import IMAGE, PATIENCE, REPO, VERSION, record, run

SERVE_IMAGE = os.environ.get("MENDEL_SERVE_IMAGE", f"mendel-serve:{VERSION}")
LOAD = (Path(__file__).resolve().parent / "load.py").read_text()
WEEK = "2026-11-23"
TOKENLESS = {"automountServiceAccountToken": False, "enableServiceLinks": False}
WITHOUT_AIRFLOW = {
    "database": {"enabled": False},
    "secrets": {"airflowDatabase": "sqlite:////tmp/none.db", "mlflowDatabase": "sqlite:////tmp/mlflow.db"},
    "airflow": {name: {"enabled": False} for name in ("scheduler", "apiServer", "dagProcessor", "triggerer")}
    | {"migrateDatabaseJob": {"enabled": False}},
}
STAGES = """
mendel() { command mendel "$@" --config include/deployment/pipeline.yaml --partition $WEEK; }
if [ $ORDER = 3 ]; then mendel ingest; mendel validate corpus; mendel corrupt; mendel validate pairs; fi
mendel finetune --set recipe.ngram.order=$ORDER
mendel evaluate
mendel promote
command mendel registry list --config include/deployment/pipeline.yaml
"""
"""A candidate and the decision on it. The second has a longer memory than the first, three characters: it is better."""

GET = "import httpx, sys; print(httpx.get(sys.argv[1], headers={'X-API-Key': sys.argv[2]}, timeout=10).text)"
POST = """
import httpx, sys
answer = httpx.post(f"{sys.argv[1]}/v1/restore", headers={"X-API-Key": sys.argv[2]}, json={"text": "Teh people."}, timeout=30)
print(answer.status_code)
"""
FIGURES: dict[str, Any] = {}


def note(**figures: Any) -> None:
    FIGURES.update(figures)
    record(service=FIGURES)


class Service:
    """The release, and those who call it from another namespace."""

    def __init__(self, folder: Path) -> None:
        self.name = f"mendel-{secrets.token_hex(3)}"
        self.callers = f"{self.name}-callers"
        self.deployment = f"deployment/{self.name}-serve"
        self.url = f"http://{self.name}-serve.{self.name}:8080"
        self._values = folder / "values.yaml"

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        return run("kubectl", "--namespace", self.name, *arguments, stdin=stdin).stdout

    def helm(self, action: str, **serve: Any) -> None:
        """Install or upgrade, with these values of the service."""
        peer = {
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": self.callers}},
            "podSelector": {"matchLabels": {"role": "caller"}},
        }
        own = {"image": SERVE_IMAGE, "callers": [peer], **serve}
        self._values.write_text(
            yaml.dump({**WITHOUT_AIRFLOW, "serve": own, "global": {"images": {"tasks": IMAGE, "gpu": IMAGE}}})
        )
        files = ["--values", "charts/mendel/values-local.yaml", "--values", str(self._values)]
        run("helm", action, self.name, "charts/mendel", "--namespace", self.name, *files)
        # Airflow's part of the chart is not asked for, and it would wait for a database.
        self.kubectl("delete", "jobs", "--all", "--wait=false")

    def rolled_out(self) -> None:
        self.kubectl("rollout", "status", self.deployment, f"--timeout={PATIENCE:.0f}s")

    def pods(self) -> dict[str, dict[str, Any]]:
        """Those of the service that are not on their way out, by name."""
        found = json.loads(
            self.kubectl("get", "pods", "--selector", "app.kubernetes.io/component=serve", "--output", "json")
        )["items"]
        return {pod["metadata"]["name"]: pod for pod in found if "deletionTimestamp" not in pod["metadata"]}

    def key(self) -> str:
        data = json.loads(self.kubectl("get", "secret", f"{self.name}-serve", "--output", "json"))["data"]
        return base64.b64decode(data["api-key"]).decode()

    def from_pod(self, pod: str, code: str, *arguments: str) -> str:
        return run("kubectl", "-n", self.callers, "exec", pod, "--", "python", "-c", code, self.url, *arguments).stdout

    def get(self, path: str) -> Any:
        answer = run(
            "kubectl", "-n", self.callers, "exec", "caller", "--", "python", "-c", GET, self.url + path, self.key()
        )
        return json.loads(answer.stdout)

    def make_champion(self, order: int) -> None:
        said = self.kubectl("exec", "stages", "--", "env", f"WEEK={WEEK}", f"ORDER={order}", "bash", "-euc", STAGES)
        assert re.findall(r"version \d+ (\w+)", said)[-1] == "promoted", said

    @contextmanager
    def load(self, kind: str) -> Iterator[dict[str, Any]]:
        """Callers in the cluster that go on until the block ends; then what came of them."""
        found: dict[str, Any] = {}
        inside = ("kubectl", "-n", self.callers, "exec", "--stdin", "caller", "--")
        run(*inside, "rm", "-f", "/tmp/running")
        command = [*inside, "python", "-", self.url, self.key(), kind]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert process.stdin is not None
        process.stdin.write(LOAD)
        process.stdin.close()
        process.stdin = None
        run(*inside, "timeout", "300", "bash", "-c", "until [ -e /tmp/running ]; do sleep 0.2; done")
        try:
            yield found
            time.sleep(3)
        finally:
            run(*inside, "touch", "/tmp/stop")
            out, _ = process.communicate(timeout=PATIENCE)
        found.update(json.loads(out))


def sleeper(name: str, image: str, **labels: str) -> dict[str, Any]:
    """A pod that does nothing by itself, under the restricted standard."""
    container = {
        "name": "main",
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "args": ["sleep", "infinity"],
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],
    }
    spec = TOKENLESS | {
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 50000,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [container],
        "volumes": [{"name": "tmp", "emptyDir": {}}],
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": labels}, "spec": spec}


@pytest.fixture(scope="module")
def service(cluster: CoreV1Api, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The chart with the service, in restricted namespaces; nothing has been promoted. Gone afterwards."""
    for program in ("helm", "kubectl"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")
    if not list((REPO / "charts" / "mendel" / "charts").glob("airflow-*.tgz")):
        pytest.skip("the official chart is not there: `helm dependency build charts/mendel` gets it")
    found = Service(tmp_path_factory.mktemp("values"))
    for name in (found.name, found.callers):
        run("kubectl", "create", "namespace", name)
        run("kubectl", "label", "namespace", name, "pod-security.kubernetes.io/enforce=restricted")
    try:
        found.helm("install")
        found.helm("upgrade", enabled=True, settings=["poll_seconds=1"])  # later than the rest, as on a real cluster
        pod_class = Template((REPO / "include" / "pods" / "cpu.yaml").read_text()).substitute(
            MENDEL_RELEASE=found.name, MENDEL_TASKS_IMAGE=IMAGE, STAGE="promote"
        )
        stages = yaml.safe_load(pod_class)["pod"]
        stages["metadata"]["name"] = "stages"
        stages["spec"]["containers"][0]["args"] = ["sleep", "infinity"]
        found.kubectl("apply", "--filename", "-", stdin=yaml.dump(stages))
        for pod in (sleeper("caller", SERVE_IMAGE, role="caller"), sleeper("stranger", SERVE_IMAGE)):
            run("kubectl", "-n", found.callers, "apply", "--filename", "-", stdin=yaml.dump(pod))
        run(
            "kubectl",
            "-n",
            found.callers,
            "wait",
            "pods",
            "--all",
            "--for=condition=Ready",
            f"--timeout={PATIENCE:.0f}s",
        )
        found.kubectl("wait", "pod/stages", "--for=condition=Ready", f"--timeout={PATIENCE:.0f}s")
        for server in (f"statefulset/{found.name}-s3", f"deployment/{found.name}-mlflow"):
            found.kubectl("rollout", "status", server, f"--timeout={PATIENCE:.0f}s")
        yield found
    finally:
        subprocess.run(["helm", "uninstall", found.name, "--namespace", found.name, "--ignore-not-found"], cwd=REPO)
        for name in (found.name, found.callers):
            subprocess.run(["kubectl", "delete", "namespace", name, "--wait=false"])


@pytest.fixture(scope="module")
def champion(service: Service) -> int:
    """The first one: its version. The pods are ready."""
    service.make_champion(order=3)
    service.rolled_out()
    version: int = service.get("/readyz")["version"]
    return version


def test_without_a_champion_it_is_alive_and_not_ready(service: Service) -> None:
    service.kubectl(
        "wait", "pods", "--selector", "app.kubernetes.io/component=serve",
        "--for=jsonpath={.status.containerStatuses[0].started}=true", f"--timeout={PATIENCE:.0f}s",
    )  # fmt: skip
    states = [pod["status"]["containerStatuses"][0] for pod in service.pods().values()]
    assert [(state["ready"], state["restartCount"]) for state in states] == [(False, 0)] * 2


def test_it_answers_its_callers_and_nobody_else(service: Service, champion: int) -> None:
    assert service.from_pod("caller", POST, service.key()).strip() == "200"
    assert service.from_pod("caller", POST, "another key").strip() == "401"
    with pytest.raises(AssertionError, match=r"ConnectError|ConnectTimeout"):
        service.from_pod("stranger", POST, service.key())
    note(answers=True)


def test_an_update_and_its_undoing_fail_no_request(service: Service, champion: int) -> None:
    before = service.pods().keys()
    with service.load("plain") as updated:
        service.helm("upgrade", enabled=True, settings=["poll_seconds=1", "batch_texts=32"])
        service.rolled_out()
    between = service.pods().keys()
    with service.load("plain") as undone:
        service.kubectl("rollout", "undo", service.deployment)
        service.rolled_out()
    note(
        requests=updated["requests"] + undone["requests"],
        rolling_update_failures=len(updated["failures"]),
        undo_failures=len(undone["failures"]),
        slowest_seconds=max(updated["slowest_seconds"], undone["slowest_seconds"]),
    )
    assert not before & between, "the update made new pods"
    assert not between & service.pods().keys(), "the undoing made new pods"
    assert updated["failures"] == []
    assert undone["failures"] == []


def test_a_killed_pod_costs_patient_callers_nothing(service: Service, champion: int) -> None:
    victim = next(iter(service.pods()))
    with service.load("patient") as found:
        service.kubectl("delete", "pod", victim, "--force", "--grace-period=0")
        service.rolled_out()
    note(kill_failures_after_retries=len(found["failures"]), kill_requests=found["requests"])
    assert victim not in service.pods()
    assert found["failures"] == []


def test_a_promotion_swaps_the_champion_while_requests_go_on(service: Service, champion: int) -> None:
    pods = service.pods().keys()
    with service.load("plain") as found:
        service.make_champion(order=11)
        deadline, seen = time.monotonic() + PATIENCE, 0
        while seen < 8:  # in a row: whichever pod is asked
            assert time.monotonic() < deadline, f"still {service.get('/readyz')}"
            seen = seen + 1 if service.get("/readyz")["version"] > champion else 0
    (promoted,) = [model for model in service.get("/v1/models")["models"] if model["champion"]]
    first = found["versions"][str(promoted["version"])]
    seconds = round(first - datetime.fromisoformat(promoted["decided"]).timestamp(), 1)
    note(swap_seconds=seconds, swap_requests=found["requests"], swap_failures=len(found["failures"]))
    assert found["failures"] == []
    assert set(found["versions"]) == {str(champion), str(promoted["version"])}
    assert service.pods().keys() == pods, "nothing was restarted"
