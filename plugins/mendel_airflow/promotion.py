"""The two places where a promotion can end without a champion: a person's no, and the gate's."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.hitl import ApprovalOperator

from mendel.manifest import Manifest
from mendel_airflow.emission import committed
from mendel_airflow.partitions import PARTITION

if TYPE_CHECKING:
    from airflow.sdk import Context

ANSWER_WITHIN = timedelta(days=3)


class Approval(ApprovalOperator):
    """Ask a person before a promotion, where the run's param `approval` is on and the gate has said yes.

    No answer in time is a no: the promotion is skipped, and the champion stays.
    """

    template_fields: Collection[str] = (*ApprovalOperator.template_fields, "partition")

    def __init__(self, *, partition: str = PARTITION, **kwargs: Any) -> None:
        super().__init__(
            **{"task_id": "approval", **kwargs},
            subject="Promote the restorer of {{ ti.xcom_pull(task_ids='resolve_partition') }}?",
            defaults=self.REJECT,
            response_timeout=ANSWER_WITHIN,
        )
        self.partition = partition

    def execute(self, context: Context) -> Any:
        if not context["params"]["approval"]:
            self.log.info("approval is off: the gate decides alone")
            return None
        evaluation = committed("evaluation", self.partition)
        if not evaluation.metrics["decision"]["promote"]:
            self.log.info("nothing to approve: %s", reasons(evaluation))
            return None
        self.body = f"The gate says yes: {reasons(evaluation)}"
        return super().execute(context)


def reasons(found: Manifest) -> str:
    """Why the gate decided as it did."""
    return "; ".join(found.metrics["decision"]["reasons"])


def declined(promotion: Manifest) -> str | None:
    """Why there is no new champion, or None when there is one."""
    return None if promotion.metrics["decision"]["promote"] else f"declined: {reasons(promotion)}"
