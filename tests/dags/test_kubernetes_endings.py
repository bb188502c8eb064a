"""Plain words for how pods end. The statuses are Kubernetes' own, as tests/cluster meets them; evictions are made up."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from kubernetes.client import (
    V1Container,
    V1ContainerState,
    V1ContainerStateTerminated,
    V1ContainerStateWaiting,
    V1ContainerStatus,
    V1ObjectMeta,
    V1Pod,
    V1PodCondition,
    V1PodSpec,
    V1PodStatus,
    V1ResourceRequirements,
)

from mendel_airflow.kubernetes_endings import ending


def pod(state: V1ContainerState | None = None, deleted: bool = False, **status: Any) -> V1Pod:
    statuses = [
        V1ContainerStatus(name="stage", image="i", image_id="i", ready=False, restart_count=0, state=state),
    ]
    return V1Pod(
        metadata=V1ObjectMeta(name="p", deletion_timestamp=datetime.now(UTC) if deleted else None),
        spec=V1PodSpec(
            containers=[V1Container(name="stage", resources=V1ResourceRequirements(limits={"memory": "4Gi"}))],
            active_deadline_seconds=3600,
        ),
        status=V1PodStatus(**{"phase": "Failed", "container_statuses": statuses if state else None, **status}),
    )


def ended(code: int, reason: str = "Error", message: str | None = None) -> V1ContainerState:
    return V1ContainerState(terminated=V1ContainerStateTerminated(exit_code=code, reason=reason, message=message))


@pytest.mark.parametrize("code", [2, 3])
def test_foreseen_failures_are_not_retried(code: int) -> None:
    found = ending(pod(ended(code)), "stage", ["event=start", "mendel: no such file"])
    assert (found.message, found.retry) == ("mendel: no such file", False)


def test_without_a_log_the_termination_message_speaks() -> None:
    assert ending(pod(ended(2, message="a\nmendel: gone\n")), "stage").message == "mendel: gone"


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (pod(ended(1)), "exit code 1: KeyError: 7"),
        (pod(ended(143)), "killed by SIGTERM: KeyError: 7"),
        (pod(ended(143), deleted=True), "deleted while it ran: KeyError: 7"),
        (pod(ended(137, "OOMKilled")), "out of memory: the container reached its limit of 4Gi. Raise"),
        (pod(ended(143), reason="DeadlineExceeded"), "stopped: it ran longer than its limit of 3600 s"),
        (
            pod(reason="Evicted", message="The node was low on resource: memory."),
            "evicted by its node: The node was low on resource: memory.",
        ),
        (
            pod(
                ended(137),
                conditions=[
                    V1PodCondition(type="DisruptionTarget", status="True", reason="PreemptionByScheduler", message="m")
                ],
            ),
            "preempted: a pod of higher priority took its place: m",
        ),
        (
            pod(
                phase="Pending",
                conditions=[V1PodCondition(type="PodScheduled", status="False", message="0/1 nodes: no GPU")],
            ),
            r"found no node \(0/1 nodes: no GPU\); its phase is Pending",
        ),
        (
            pod(
                V1ContainerState(waiting=V1ContainerStateWaiting(reason="ErrImagePull", message="no image")),
                phase="Pending",
            ),
            r"not started \(ErrImagePull: no image\)",
        ),
    ],
)
def test_other_endings_are_retried_and_say_what_happened(found: V1Pod, message: str) -> None:
    told = ending(found, "stage", ["Traceback", "KeyError: 7"])
    assert told.retry
    assert re.search(message, told.message), told.message
