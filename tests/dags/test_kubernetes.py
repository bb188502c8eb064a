"""The target `kubernetes` without a cluster: the pods that it asks for. tests/cluster runs them."""

from __future__ import annotations

import json
import os
import re
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import yaml
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk import DAG, Context
from airflow.sdk.definitions.mappedoperator import MappedOperator
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowRescheduleException
from hypothesis import example, given, settings
from hypothesis import strategies as st
from kubernetes.client import ApiClient, ApiException

from mendel_airflow.kubernetes import PROGRAM, KubernetesStage
from mendel_airflow.local import LocalStage

from .conftest import REPO, Run

NAMES = {
    "MENDEL_TARGET": "kubernetes",
    "MENDEL_RELEASE": "blue",
    "MENDEL_TASKS_IMAGE": "registry.example/mendel-tasks:1",
    "MENDEL_GPU_IMAGE": "registry.example/mendel-gpu:1",
    "MENDEL_NAMESPACE": "stages",
}
CLASSES = {
    "ingest": "cpu",
    "validate_corpus": "cpu",
    "version_corpus": "cpu",
    "corrupt": "spark",
    "validate_pairs": "cpu",
    "version_pairs": "cpu",
    "finetune": "gpu",
    "version_candidate": "cpu",
    "evaluate": "gpu",
    "promote": "promote",
    "restore_plan": "cpu",
    "restore_shard": "gpu",
    "restore_collect": "cpu",
    "stream": "cpu",
    "feedback_collect": "cpu",
    "drift": "cpu",
    "retrain": "cpu",
    "gc": "cpu",
    "marts_build": "cpu",
}


@pytest.fixture(autouse=True)
def deployment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in NAMES.items():
        monkeypatch.setenv(name, value)
    for name in ("MENDEL_PODS", "MENDEL_GPUS"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def stages() -> dict[str, Any]:
    """The stage tasks of all DAGs on the target, by their names."""
    before = os.environ.copy()
    os.environ.update(NAMES)
    try:
        bag = DagBag(dag_folder=str(REPO / "dags"))
    finally:
        os.environ.clear()
        os.environ.update(before)
    assert not bag.import_errors, f"DAG files that do not import: {bag.import_errors}"
    return _stages(dict(bag.dags))


def _stages(dags: dict[str, DAG]) -> dict[str, Any]:
    found = {task.task_id: task for dag in dags.values() for task in dag.tasks if _arguments(task) is not None}
    assert len(found) == len(CLASSES), f"stages that were found: {sorted(found)}"
    return found


def _arguments(task: Any) -> list[str] | None:
    if isinstance(task, MappedOperator):
        return task.partial_kwargs.get("arguments")
    return getattr(task, "arguments", None)


def stage(*arguments: str, **options: Any) -> KubernetesStage:
    options = {"execution_timeout": timedelta(hours=2), **options}
    return KubernetesStage(task_id="stage", arguments=arguments or ["ingest"], **options)


class Cluster:
    """The end of a cluster's API that takes pods: keeps what it is asked for. For checks of pod specs alone."""

    def __init__(self, task: KubernetesStage, monkeypatch: pytest.MonkeyPatch) -> None:
        self.pods: list[Any] = []
        monkeypatch.setattr(task, "get_or_create_pod", self._take)
        monkeypatch.setattr(task, "invoke_defer_method", lambda context: None)
        monkeypatch.setattr(type(task), "hook", SimpleNamespace(is_in_cluster=True))

    def _take(self, pod_request_obj: Any, context: Any) -> Any:
        self.pods.append(pod_request_obj)
        return pod_request_obj


def pod_of(task: KubernetesStage, monkeypatch: pytest.MonkeyPatch, context: Context | None = None) -> dict[str, Any]:
    """What the task asks the cluster for."""
    cluster = Cluster(task, monkeypatch)
    ti = SimpleNamespace(dag_id="d", task_id="stage", map_index=-1, try_number=1, xcom_push=lambda **_: None)
    task.execute(cast(Context, {**(context or Run().context), "ti": ti, "dag": SimpleNamespace(parent_dag=None)}))
    (pod,) = cluster.pods
    found: dict[str, Any] = ApiClient().sanitize_for_serialization(pod)
    return found


def test_every_stage_has_its_class(stages: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    found = {}
    for name, task in stages.items():
        command = takewhile(lambda word: not word.startswith("-"), _arguments(task) or [])
        pod = pod_of(stage(*command), monkeypatch)
        found[name] = pod["metadata"]["labels"]["mendel/class"]
    assert found == CLASSES


def test_the_command_line_is_the_local_targets(stages: dict[str, Any], dags: dict[str, DAG]) -> None:
    local = _stages(dags)
    assert {name: _arguments(task) for name, task in stages.items()} == {
        name: _arguments(task) for name, task in local.items()
    }


def test_the_pod_runs_what_the_process_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    # Given a stage with an empty option, mapped
    arguments, mapped = ["restore", "shard", "--partition", "2026-11-23", "", "--set=a=b c"], {"shard": 3}
    # When it is a process that notes its command line
    note = tmp_path / "note"
    script = tmp_path / "mendel"
    script.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {note}\n')
    script.chmod(0o755)
    monkeypatch.setenv("MENDEL_BIN", str(script))
    LocalStage(task_id="stage", arguments=arguments, mapped=mapped).execute(Run().context)
    # Then the pod's is the same
    (container,) = pod_of(stage(*arguments, mapped=mapped), monkeypatch)["spec"]["containers"]
    assert container["args"] == [PROGRAM, *note.read_text().splitlines()]
    assert not container["command"], "the image's entry point is kept"


def expanded(text: str, variables: dict[str, str]) -> str:
    """What Kubernetes makes of an argument, by the rules of its documentation."""
    return re.sub(
        r"\$\$|\$\(([^)]*)\)",
        lambda found: "$" if found[0] == "$$" else variables.get(found[1], found[0]),
        text,
    )


@given(st.text(alphabet="$()AB ", max_size=12))
@settings(deadline=None)
@example("$(SECRET)")
@example("$$(SECRET)")
@example("cost: 5$")
def test_kubernetes_puts_no_variable_into_an_argument(word: str) -> None:
    assert expanded("$(A)", {"A": "1"}) == "1"
    with pytest.MonkeyPatch.context() as monkeypatch:
        for name, value in NAMES.items():
            monkeypatch.setenv(name, value)
        task = stage("ingest", f"--set=name={word}")
        (container,) = pod_of(task, monkeypatch)["spec"]["containers"]
    variables = {"A": "leaked", "B": "leaked", "AB": "leaked", "SECRET": "leaked", "": "leaked"}
    found = [expanded(each, variables) for each in container["args"]]
    assert found == [PROGRAM, "ingest", f"--set=name={word}"], "the stage gets what was asked for"
    assert task.arguments == found, "and the task's page shows it so"


def test_kubernetes_puts_no_variable_into_the_runs_name(monkeypatch: pytest.MonkeyPatch) -> None:
    context = Run().context | {"run_id": "manual__$(AWS_SECRET_ACCESS_KEY)"}
    (container,) = pod_of(stage(), monkeypatch, context)["spec"]["containers"]
    assert {"name": "MENDEL_RUN_ID", "value": "manual__$$(AWS_SECRET_ACCESS_KEY)"} in container["env"]


def test_the_pod_is_told_whose_rules_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MENDEL_CONFIG", "include/deployment/pipeline.yaml")
    (container,) = pod_of(stage("evaluate"), monkeypatch)["spec"]["containers"]
    assert {"name": "MENDEL_RULES", "value": "include/deployment/pipeline.yaml"} in container["env"]


def test_a_configuration_from_elsewhere_makes_no_pod(monkeypatch: pytest.MonkeyPatch) -> None:
    task = stage("corrupt", "--config", "s3://elsewhere/mine.yaml")
    cluster = Cluster(task, monkeypatch)
    with pytest.raises(AirflowFailException, match="is not one of this deployment's"):
        task.execute(Run().context)
    assert cluster.pods == []


def test_the_pod_knows_its_run(monkeypatch: pytest.MonkeyPatch) -> None:
    (container,) = pod_of(stage(), monkeypatch)["spec"]["containers"]
    assert {"name": "MENDEL_RUN_ID", "value": "this-run"} in container["env"]


@pytest.mark.parametrize("in_a_pod", [True, None])
def test_the_triggerer_is_told_where_its_cluster_is(in_a_pod: bool | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    if in_a_pod:
        monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.96.0.1")
    task = stage()
    pod_of(task, monkeypatch)
    assert task.in_cluster is in_a_pod, "its client takes a kubeconfig unless it is told that it runs in a pod"


def test_time_is_capped_where_it_costs(monkeypatch: pytest.MonkeyPatch) -> None:
    task = stage("finetune", execution_timeout=timedelta(hours=24))
    spec = pod_of(task, monkeypatch)["spec"]
    assert spec["activeDeadlineSeconds"] == 24 * 3600
    assert task.schedule_timeout_seconds == 3600
    assert task.startup_timeout_seconds == 1800
    assert task.execution_timeout is not None
    assert task.execution_timeout > timedelta(hours=24, seconds=3600 + 1800), "waiting is not counted as work"


def test_a_gpu_pod(monkeypatch: pytest.MonkeyPatch) -> None:
    pod = pod_of(stage("finetune"), monkeypatch)
    (container,) = pod["spec"]["containers"]
    assert container["image"] == NAMES["MENDEL_GPU_IMAGE"]
    assert container["resources"]["limits"]["nvidia.com/gpu"] == "1"
    assert pod["spec"]["priorityClassName"] == "blue-gpu"
    assert pod["spec"]["tolerations"] == [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}]
    assert pod["spec"]["terminationGracePeriodSeconds"] == 120, "the trainer saves a checkpoint in this time"
    assert {"name": "shm", "mountPath": "/dev/shm"} in container["volumeMounts"]
    # and without GPUs
    monkeypatch.setenv("MENDEL_GPUS", "0")
    (container,) = pod_of(stage("finetune"), monkeypatch)["spec"]["containers"]
    assert container["resources"]["limits"]["nvidia.com/gpu"] == "0"


@pytest.mark.parametrize("command", ["ingest", "corrupt", "finetune"])
def test_pods_are_restricted(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pod = pod_of(stage(command), monkeypatch)
    environment = pod["spec"]["containers"][0]["env"]
    templates = [variable["value"] for variable in environment if variable["name"] == "MENDEL_SPARK_EXECUTOR"]
    specs = [pod["spec"], *(yaml.safe_load(template)["spec"] for template in templates)]
    assert len(specs) == (2 if command == "corrupt" else 1)
    for spec in specs:
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        (container,) = spec["containers"]
        security = container["securityContext"]
        assert security["allowPrivilegeEscalation"] is False
        assert security["readOnlyRootFilesystem"] is True
        assert security["capabilities"] == {"drop": ["ALL"]}
        assert [mount for mount in container["volumeMounts"] if mount["mountPath"] == "/tmp"]


@pytest.mark.parametrize("command", ["ingest", "corrupt", "finetune"])
def test_secrets_go_by_reference(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_SECRET_ACCESS_KEY", "MLFLOW_TRACKING_PASSWORD"):
        monkeypatch.setenv(name, "hunter2")
    pod = pod_of(stage(command), monkeypatch)
    assert "hunter2" not in yaml.dump(pod)
    (container,) = pod["spec"]["containers"]
    assert {"secretRef": {"name": "blue-stages", "optional": True}} in container["envFrom"]
    assert {"secretRef": {"name": f"blue-stage-{command}", "optional": True}} in container["envFrom"]


def test_the_reason_outlives_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    (container,) = pod_of(stage(), monkeypatch)["spec"]["containers"]
    assert container["terminationMessagePolicy"] == "FallbackToLogsOnError"


def test_what_is_missing_is_named_and_not_retried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MENDEL_GPU_IMAGE")
    with pytest.raises(
        AirflowFailException, match=r"gpu\.yaml needs MENDEL_GPU_IMAGE: set it in Airflow's environment"
    ):
        stage("finetune").execute(Run().context)


def refusal(task: KubernetesStage, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let Kubernetes answer the task so when it asks for its pod."""

    def refuse(*_: Any, **__: Any) -> None:
        error = ApiException(status=403, reason="Forbidden")
        error.body = json.dumps({"message": message})
        raise error

    monkeypatch.setattr(type(task).__mro__[1], "execute", refuse)


def test_a_refused_pod_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    task = stage()
    refusal(task, 'pods "x" is forbidden: violates PodSecurity "restricted:latest"', monkeypatch)
    with pytest.raises(AirflowException, match=r"Kubernetes refuses the pod: .* violates PodSecurity") as failure:
        task.execute(Run().context)
    assert not isinstance(failure.value, AirflowRescheduleException), "waiting makes no pod lawful"


def test_a_full_namespace_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a namespace whose quota others have used up
    task = stage()
    refusal(task, 'pods "x" is forbidden: exceeded quota: gpus, requested: pods=1, used: pods=1', monkeypatch)
    # When the pod is asked for, then the task asks again later, without a try being spent
    with pytest.raises(AirflowRescheduleException) as later:
        task.execute(Run().context)
    wait = later.value.reschedule_date - datetime.now(UTC)
    assert timedelta(0) < wait <= timedelta(minutes=1), "it asks again within a minute"


def test_no_two_pods_share_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    names = {pod_of(stage(), monkeypatch)["metadata"]["name"] for _ in range(20)}
    assert len(names) == 20, "Airflow finds a pod again by its name alone"
