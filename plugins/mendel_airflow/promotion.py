"""The two places where a promotion can end without a champion: a person's no, and the gate's."""

from __future__ import annotations

import os
from collections.abc import Collection
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.hitl import ApprovalOperator, HITLOperator
from airflow.sdk import Param

from mendel.core.manifest import Manifest
from mendel_airflow.emission import committed, unchanged
from mendel_airflow.partitions import PARTITION

if TYPE_CHECKING:
    from airflow.sdk import Context

ANSWER_WITHIN = timedelta(days=3)

REJECTED_BY = (
    "{% set name = ti.xcom_pull(task_ids='approval') %}{% if name %}--set=rejected_by={{ name | tojson }}{% endif %}"
)
"""The option of `mendel promote` that hands on a person's no."""


def always() -> bool:
    """Whether the deployment has every promotion wait for a person. Raises ValueError where it says neither."""
    setting = os.environ.get("MENDEL_APPROVAL") or "off"
    if setting not in ("on", "off"):
        raise ValueError(f"MENDEL_APPROVAL={setting!r}: set it to on or off")
    return setting == "on"


def approval_param() -> Param:
    """The param `approval`: a run can ask a person though the deployment does not, and not the other way round."""
    limits: dict[str, Any] = {"enum": [True]} if always() else {}
    return Param(
        always(),
        type="boolean",
        title="Ask a person",
        description_md="Wait for approval before a promotion. Where the deployment's `MENDEL_APPROVAL` is on, every "
        "promotion does.",
        **limits,
    )


class Approval(ApprovalOperator):
    """Ask a person before a promotion, where run or deployment wants it and the gate has said yes.

    Returns who said no, else None. A no goes on to `promote`, which writes it into the ledger; nothing is skipped. No
    answer in time is a no.
    """

    template_fields: Collection[str] = (*ApprovalOperator.template_fields, "partition")

    def __init__(
        self,
        *,
        task_id: str = "approval",
        partition: str = PARTITION,
        response_timeout: timedelta = ANSWER_WITHIN,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            task_id=task_id,
            subject=f"Promote the restorer of {PARTITION}?",
            defaults=self.REJECT,
            response_timeout=response_timeout,
            **kwargs,
        )
        self.partition = partition

    def execute(self, context: Context) -> None:
        if not (always() or context["params"]["approval"]):
            self.log.info("approval is off: the gate decides alone")
            return
        decision = committed("evaluation", self.partition).metrics["decision"]
        if not decision["promote"]:
            self.log.info("nothing to approve, the gate says no: %s", "; ".join(decision["reasons"]))
            return
        self.body = "The gate says yes:\n\n" + "\n".join(f"- {reason}" for reason in decision["reasons"])
        self.log.info(self.body)  # after a clear Airflow asks with the text of before
        super().execute(context)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> str | None:
        answer = HITLOperator.execute_complete(self, context, event)
        if answer["chosen_options"] == [self.APPROVE]:
            return None
        person = answer["responded_by_user"]
        return str(person["name"]) if person else f"nobody's answer within {self.response_timeout}"


def declined(promotion: Manifest, run_id: str) -> str | None:
    """Why this run has made no champion, or None when it has."""
    decided = promotion.metrics
    if decided["action"] != "promoted":
        return f"declined: {'; '.join(decided['reasons'])}"
    if unchanged(promotion, run_id):
        return (
            f"unchanged: this candidate has been version {decided['version']} since {promotion.finished:%Y-%m-%d %H:%M}"
        )
    return None
