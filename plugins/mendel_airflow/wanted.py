"""Has production asked for a training? What the stage `retrain` has committed says so, and why."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowSkipException

from mendel_airflow.emission import committed, unchanged
from mendel_airflow.partitions import PARTITION

if TYPE_CHECKING:
    from airflow.sdk import Context


class WantedCheck(BaseOperator):
    """Skip the rest of the run, visibly, where no training is wanted, or where another run has started it already."""

    template_fields: Collection[str] = ("partition",)
    ui_color = "#e8f0fb"

    def __init__(self, *, task_id: str = "wanted_check", partition: str = PARTITION, **kwargs: Any) -> None:
        super().__init__(task_id=task_id, **kwargs)
        self.partition = partition

    def execute(self, context: Context) -> None:
        verdict = committed("retraining", self.partition)
        reasons = "; ".join(verdict.metrics["reasons"])
        reason = None
        if not verdict.metrics["wanted"]:
            reason = f"no training is wanted: {reasons}"
        elif unchanged(verdict, context["run_id"]):
            reason = f"{self.partition} has asked already, in the run {verdict.run_id}: {reasons}"
        if reason:
            self.log.info(reason)  # Airflow shows that a task was skipped, and not why
            raise AirflowSkipException(reason)
        self.log.info("training is wanted: %s", reasons)
