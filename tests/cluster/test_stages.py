"""Stages as pods on a real cluster: every way to end, and what survives a restart. Airflow's own processes run here."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
from airflow_stack import AirflowStack

from .conftest import IMAGE, PATIENCE, Namespace, record

DAGS = ["chain", "bad_input", "unexpected", "out_of_memory", "no_node"]


@pytest.fixture(scope="module")
def runs(stack: AirflowStack) -> dict[str, str]:
    """The DAGs that nobody interferes with, started at once: run ids by DAG."""
    return {dag: stack.client.trigger(dag)["dag_run_id"] for dag in DAGS}


class Stage:
    """A stage's task instance when its run has ended."""

    def __init__(self, stack: AirflowStack, dag: str, run_id: str, task: str) -> None:
        stack.client.wait_run(dag, run_id, PATIENCE)
        found: dict[str, Any] = next(each for each in stack.client.tasks(dag, run_id) if each["task_id"] == task)
        self.state, self.tries, self.seconds = found["state"], found["try_number"], found["duration"]
        self.log = log_of(stack, dag, run_id, task, found["try_number"])
        self.first_log = log_of(stack, dag, run_id, task, 1)


def log_of(stack: AirflowStack, dag: str, run_id: str, task: str, attempt: int) -> str:
    """A task's log as the UI shows it, with the messages of the exceptions."""
    path = f"dags/{dag}/dagRuns/{run_id}/taskInstances/{task}/logs/{attempt}"
    lines = []
    for line in stack.client.get(path)["content"]:
        lines += [str(line.get("event", line)), *(error["exc_value"] for error in line.get("error_detail") or [])]
    return "\n".join(lines)


def test_success_leaves_the_log_and_no_pod(stack: AirflowStack, namespace: Namespace, runs: dict[str, str]) -> None:
    for task in ("ingest", "validate_corpus"):
        stage = Stage(stack, "chain", runs["chain"], task)
        assert (stage.state, stage.tries) == ("success", 1), stage.log
        assert "event=done" in stage.log, f"the log of {task}: {stage.log}"
        assert namespace.pods(dag_id="chain", task_id=task) == [], f"the pod of {task} is deleted"


def test_spark_runs_on_executors_of_its_own(stack: AirflowStack, namespace: Namespace, runs: dict[str, str]) -> None:
    stage = Stage(stack, "chain", runs["chain"], "corrupt")
    assert stage.state == "success", stage.log
    executors = namespace.ever(**{"app.kubernetes.io/component": "spark-executor"})
    assert len(executors) == 2, [pod.metadata.name for pod in executors]
    assert {pod.spec.containers[0].image.rsplit("/", 1)[-1] for pod in executors} == {IMAGE.rsplit("/", 1)[-1]}
    assert namespace.pods(**{"app.kubernetes.io/component": "spark-executor"}) == [], "they end with their driver"


def test_a_gates_no_is_not_retried(stack: AirflowStack, namespace: Namespace, runs: dict[str, str]) -> None:
    stage = Stage(stack, "chain", runs["chain"], "validate_pairs")
    assert (stage.state, stage.tries) == ("failed", 1), stage.log
    assert "mendel: " in stage.log
    (pod,) = namespace.pods(dag_id="chain", task_id="validate_pairs")
    assert pod.status.container_statuses[0].state.terminated.exit_code == 3, "a failed pod is kept, to be looked at"


def test_bad_input_is_not_retried(stack: AirflowStack, runs: dict[str, str]) -> None:
    stage = Stage(stack, "bad_input", runs["bad_input"], "ingest")
    assert (stage.state, stage.tries) == ("failed", 1), stage.log
    assert "ingest.sauce: there is no such key here" in stage.log, "the stage's own message"


def test_what_is_unexpected_is_retried(stack: AirflowStack, namespace: Namespace, runs: dict[str, str]) -> None:
    stage = Stage(stack, "unexpected", runs["unexpected"], "promote")
    assert (stage.state, stage.tries) == ("failed", 2), stage.log
    assert "exit code 1: " in stage.log
    assert len(namespace.ever(dag_id="unexpected", task_id="promote")) == 2, "each try has a pod of its own"


def test_out_of_memory_is_said_in_words(stack: AirflowStack, runs: dict[str, str]) -> None:
    stage = Stage(stack, "out_of_memory", runs["out_of_memory"], "restore_collect")
    assert stage.state == "failed"
    assert "out of memory: the container reached its limit of 64Mi" in stage.log, stage.log


def test_a_pod_that_finds_no_node_is_given_up(stack: AirflowStack, namespace: Namespace, runs: dict[str, str]) -> None:
    stage = Stage(stack, "no_node", runs["no_node"], "restore_shard")
    assert stage.state == "failed"
    assert "found no node (" in stage.log, stage.log
    for _ in range(30):
        if not namespace.pods(dag_id="no_node", task_id="restore_shard"):
            break
        time.sleep(1)
    else:
        pytest.fail("the pod still waits: it would run beside the next try's")


def test_a_deleted_pod_is_said_in_words_and_made_anew(stack: AirflowStack, namespace: Namespace) -> None:
    run_id = stack.client.trigger("deleted")["dag_run_id"]
    pod = namespace.wait_running(dag_id="deleted", task_id="ingest")
    namespace.api.delete_namespaced_pod(pod.metadata.name, namespace.name)
    stage = Stage(stack, "deleted", run_id, "ingest")
    assert (stage.state, stage.tries) == ("success", 2), stage.log
    assert "deleted" in stage.first_log, stage.first_log


def test_a_stage_outlives_scheduler_and_triggerer(stack: AirflowStack, namespace: Namespace) -> None:
    # Given a stage that is deferred, its pod running, its log seen while it runs
    run_id = stack.client.trigger("restarted")["dag_run_id"]
    namespace.wait_running(dag_id="restarted", task_id="ingest")

    def seen() -> bool:
        return "event=start" in stack.client.task_log("restarted", run_id, "ingest")

    stack.client.wait(seen, PATIENCE, "the log of a running stage")
    (before,) = (task for task in stack.client.tasks("restarted", run_id) if task["task_id"] == "ingest")
    assert before["state"] == "deferred"
    # When scheduler and triggerer are killed
    for component in ("scheduler", "triggerer"):
        stack.restart(component)
    # Then the same pod ends the same try
    stage = Stage(stack, "restarted", run_id, "ingest")
    assert (stage.state, stage.tries) == ("success", 1), stage.log
    assert len(namespace.ever(dag_id="restarted", task_id="ingest")) == 1


def test_a_killed_training_goes_on(stack: AirflowStack, namespace: Namespace, runs: dict[str, str]) -> None:
    # Given a training in its first steps
    stack.client.wait_run("chain", runs["chain"], PATIENCE)
    run_id = stack.client.trigger("training")["dag_run_id"]
    pod = namespace.wait_running(dag_id="training", task_id="finetune")

    def log() -> str:
        answer = namespace.api.read_namespaced_pod_log(pod.metadata.name, namespace.name, _preload_content=False)
        return str(answer.data.decode())

    stack.client.wait(lambda: "what=fine-tuning" in log(), PATIENCE, "the first steps")
    # When its pod is deleted, with the grace period of its class
    namespace.api.delete_namespaced_pod(pod.metadata.name, namespace.name)
    # Then the next try goes on from the step that was saved
    stage = Stage(stack, "training", run_id, "finetune")
    assert (stage.state, stage.tries) == ("success", 2), stage.log
    resumed = re.search(r"event=resumed step=(\d+)", stage.log)
    assert resumed is not None, stage.log
    assert int(resumed[1]) > 0, "a step was saved on SIGTERM"


def test_figures(stack: AirflowStack, namespace: Namespace, runs: dict[str, str]) -> None:
    """What Airflow and Kubernetes add to a stage, besides its own work: kept for the report."""
    overheads = {}
    for task in stack.client.tasks("chain", runs["chain"]):
        for pod in namespace.ever(dag_id="chain", task_id=task["task_id"]):
            for status in pod.status.container_statuses or []:
                if (ended := status.state.terminated) is not None:
                    work = (ended.finished_at - ended.started_at).total_seconds()
                    overheads[task["task_id"]] = round(task["duration"] - work, 1)
    record(operator_overhead_seconds=overheads)
    assert overheads, "no pod was seen to its end"
