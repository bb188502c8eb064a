"""How a pod ended, in plain words, and whether another try can end better."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kubernetes.client import V1Pod

from mendel_airflow.command import last_message
from mendel_airflow.endings import Ending, of_exit_code

DISRUPTIONS = {
    "PreemptionByScheduler": "preempted: a pod of higher priority took its place",
    "EvictionByEvictionAPI": "evicted: its node is being drained",
    "DeletionByTaintManager": "evicted: its node has got a taint that the pod does not tolerate",
    "DeletionByPodGC": "lost: its node is gone",
    "TerminationByKubelet": "ended by its node, which shuts down or runs short of resources",
}
"""Reasons of the condition DisruptionTarget."""

GONE = "the pod is gone: it was deleted (kubectl delete, a drained or removed node, preemption) before it could end"


def ending(pod: V1Pod, container: str, log_tail: Sequence[str] = ()) -> Ending:
    """Why a pod did not succeed.

    :param container: the one that ran the stage.
    :param log_tail: the last lines of its log; without one, what Kubernetes kept of it.
    """
    status = pod.status
    if status.reason == "DeadlineExceeded":
        return Ending(f"stopped: it ran longer than its limit of {pod.spec.active_deadline_seconds} s")
    if disruption := next((c for c in status.conditions or [] if c.type == "DisruptionTarget"), None):
        words = DISRUPTIONS.get(disruption.reason, f"disrupted ({disruption.reason})")
        return Ending(f"{words}: {status.message or disruption.message}")
    if status.reason == "Evicted":
        return Ending(f"evicted by its node: {status.message}")
    if (terminated := _terminated(pod, container)) is None:
        return Ending(f"the pod has {_waiting(pod, container) or 'not run'}; its phase is {status.phase}")
    if terminated.reason == "OOMKilled":
        return Ending(
            f"out of memory: the container reached its limit of {_memory_limit(pod, container)}. Raise "
            f"resources.limits.memory in the pod class of this stage (include/pods)"
        )
    message = last_message(log_tail or (terminated.message or "").splitlines())
    end = of_exit_code(terminated.exit_code, message)
    if end.retry and pod.metadata.deletion_timestamp is not None:
        return Ending(f"deleted while it ran: {message}")
    return end


def _status(pod: V1Pod, container: str) -> Any:
    return next((status for status in pod.status.container_statuses or [] if status.name == container), None)


def _terminated(pod: V1Pod, container: str) -> Any:
    status = _status(pod, container)
    return status.state.terminated if status else None


def _waiting(pod: V1Pod, container: str) -> str | None:
    """What the container waits for, as `not started (ErrImagePull: …)`."""
    if status := _status(pod, container):
        if status.state.waiting is None:
            return "not ended"
        return f"not started ({status.state.waiting.reason}: {status.state.waiting.message})"
    unscheduled = (c for c in pod.status.conditions or [] if c.type == "PodScheduled" and c.status == "False")
    return next((f"found no node ({condition.message})" for condition in unscheduled), None)


def _memory_limit(pod: V1Pod, container: str) -> str:
    spec = next(item for item in pod.spec.containers if item.name == container)
    return str((spec.resources.limits or {}).get("memory", "its node"))
