"""The target `kubernetes`: a stage as a pod. The worker starts it, the triggerer watches it, neither is bound to it."""

from __future__ import annotations

import json
import os
import shlex
from collections import deque
from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
from airflow.providers.cncf.kubernetes.utils.pod_manager import PodNotFoundException
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowRescheduleException
from kubernetes.client import ApiException, V1Pod
from urllib3.exceptions import HTTPError

from mendel_airflow.command import TAIL, command_line, variables, words
from mendel_airflow.endings import Ending
from mendel_airflow.kubernetes_endings import GONE, ending
from mendel_airflow.kubernetes_pods import pod_class
from mendel_airflow.stage_classes import StageClassError

if TYPE_CHECKING:
    from airflow.sdk import Context

CONTAINER = "stage"
PROGRAM = "mendel"

IN_A_POD = "KUBERNETES_SERVICE_HOST"
"""Kubernetes sets it in every container."""

SLACK = timedelta(minutes=10)
"""How much later than the pod's own limits Airflow gives up: for a node that dies and never says how its pod ended."""

QUOTA, ASK_AGAIN = "exceeded quota", timedelta(minutes=1)
"""How Kubernetes says that the namespace is full, and how long until it is asked again."""

DEFAULTS: dict[str, Any] = {
    "deferrable": True,  # a stage of hours holds no worker
    "durable": True,  # a worker that dies after the pod was made finds it again
    "kubernetes_conn_id": None,  # the account of Airflow's own pod, or KUBECONFIG: no connection to be kept in step
    "poll_interval": 2,
    "startup_check_interval_seconds": 2,  # 5 by default, longer than many a stage takes
    "logging_interval": 10,  # without one the log of a deferred pod is seen only when it has ended
    "log_events_on_failure": True,
    "log_pod_spec_on_failure": False,  # pages of it, before the line that says why
    "container_name_log_prefix_enabled": False,
    "on_finish_action": "delete_succeeded_pod",  # a failed one is kept, to be looked at
    "on_kill_action": "delete_pod",  # with the grace period of its class, in which the trainer saves a checkpoint
    "termination_message_policy": "FallbackToLogsOnError",  # the reason outlives the log
    "base_container_name": CONTAINER,
    "do_xcom_push": False,  # what a stage made is in its manifest
}
"""Settings of the operator that are not its own defaults or that matter too much to follow them."""


class KubernetesStage(KubernetesPodOperator):
    """Run `mendel ARGUMENTS` in a pod of the stage's class, and show its log as the task's own.

    As in a local process, exit codes 2 (bad configuration or input) and 3 (a gate said no) fail at once with the
    stage's own message; any other ending, out of memory, eviction and deletion included, is left to the task's retries.
    Where the namespace's quota is used up, the task waits for room, and holds neither a worker nor a slot of its pool.

    :param arguments: the command line after `mendel`, templated; what renders empty is left out.
    :param execution_timeout: how long the pod may run. Waiting for a node and for the image has limits of its own.
    :param mapped: options that differ from one mapped task to the next, e.g. `{"shard": 3}` for `--shard 3`.
    :param links: buttons on the task's page.
    """

    template_fields: Sequence[str] = (*KubernetesPodOperator.template_fields, "mapped")
    overwrite_rtif_after_execution = True  # the page of a task then shows the command line that was run
    ui_color = "#e3f1e4"

    def __init__(
        self,
        *,
        arguments: Sequence[str],
        execution_timeout: timedelta,
        mapped: dict[str, Any] | None = None,
        links: Sequence[Any] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(
            arguments=list(arguments),
            execution_timeout=execution_timeout,
            active_deadline_seconds=int(execution_timeout.total_seconds()),  # the cap on what a stage costs
            **{**DEFAULTS, **kwargs},
        )
        self.mapped = mapped or {}
        self.operator_extra_links = tuple(links)
        self.tail: Collection[str] = deque(maxlen=TAIL)

    def execute(self, context: Context) -> None:
        self.arguments = [PROGRAM, *command_line(self.arguments, self.mapped)]
        self._settle(context)
        self.log.info("$ %s", shlex.join(self.arguments))
        try:
            super().execute(context)
        except ApiException as error:
            reason = _reason(error)
            if QUOTA in reason:  # room comes when others end, and waiting for it is no try
                self.log.warning("waits for room in the namespace's quota: %s", reason)
                raise AirflowRescheduleException(datetime.now(UTC) + ASK_AGAIN) from error
            raise AirflowException(f"Kubernetes refuses the pod: {reason}") from error

    def trigger_reentry(self, context: Context, event: dict[str, Any]) -> None:
        """The triggerer has seen the pod end, or has given up waiting: what came of it."""
        self._settle(context)
        self.tail = self._last_lines(event["name"], event["namespace"])
        try:
            super().trigger_reentry(context, event)
        except PodNotFoundException:
            raise AirflowException(GONE) from None
        except AirflowException as error:
            end = self._ending(event, error)
            raise end.error() from None

    def build_pod_request_obj(self, context: Context | None = None, *, dry_run: bool = False) -> V1Pod:
        """The pod, its command line such that the stage gets it as it was given."""
        pod = super().build_pod_request_obj(context, dry_run=dry_run)
        container = next(item for item in pod.spec.containers if item.name == CONTAINER)
        container.args = [_literal(word) for word in container.args]
        return pod

    def _settle(self, context: Context) -> None:
        """Take from the stage's class of pods where it runs and how long it may wait."""
        command = words(self.arguments[1:] if self.arguments[0] == PROGRAM else self.arguments)
        try:
            settings = pod_class(command)
        except StageClassError as error:
            raise AirflowFailException(str(error)) from error
        self.name = "-".join(["mendel", *command])
        self.namespace = os.environ.get("MENDEL_NAMESPACE")
        self.in_cluster = IN_A_POD in os.environ or None  # the triggerer's client does not find out by itself
        self.env_vars = {name: _literal(value) for name, value in variables(context).items()}
        self.pod_template_dict = settings.pod
        self.schedule_timeout_seconds = settings.schedule_timeout_seconds
        self.startup_timeout_seconds = settings.startup_timeout_seconds
        waiting = timedelta(seconds=settings.schedule_timeout_seconds + settings.startup_timeout_seconds)
        self.execution_timeout = timedelta(seconds=self.active_deadline_seconds or 0) + waiting + SLACK

    def _ending(self, event: dict[str, Any], error: AirflowException) -> Ending:
        if event["status"] == "timeout":
            pod = self.pod
            self.on_kill()  # a pod that waits for a node would still get one, beside the next try's
            return Ending(
                f"given up: {ending(pod, CONTAINER).message}. {event['message']}" if pod else event["message"]
            )
        if self.pod is None:  # gone between the last look at it and the one before
            return Ending(GONE)
        if self.pod.status.phase in ("Failed", "Pending") or self.pod.metadata.deletion_timestamp is not None:
            return ending(self.pod, CONTAINER, list(self.tail))
        return Ending(str(error))

    def _last_lines(self, name: str, namespace: str) -> Sequence[str]:
        """The end of the stage's log, read while the pod is there; nothing where there is none to read."""
        try:
            answer = self.client.read_namespaced_pod_log(
                name, namespace, container=CONTAINER, tail_lines=TAIL, _preload_content=False
            )
            return str(answer.data.decode(errors="backslashreplace")).splitlines()
        except (ApiException, HTTPError):
            return []


def _literal(text: str) -> str:
    """A text that Kubernetes hands on as it is: in arguments and values it puts variables, secrets too, for `$(NAME)`."""
    return text.replace("$", "$$")


def _reason(error: ApiException) -> str:
    """What the API server said, without headers."""
    try:
        return str(json.loads(error.body)["message"])
    except (TypeError, ValueError, KeyError):
        return str(error.reason)
