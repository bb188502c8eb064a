"""Does this run go on to training? Backfills do not, unless their `retrain` param says so.

The answer is made where a chain begins and handed on in the asset events, since the params of one DAG's run do not
reach the next DAG's. Where production is what a chain begins with, the stage `retrain` has to want the training too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowSkipException

if TYPE_CHECKING:
    from airflow.sdk import Context


def leads_to_training(run_type: str, retrain: bool, upstream: Iterable[Mapping[str, Any]]) -> bool:
    """Whether training is to follow.

    :param run_type: Airflow's: manual, scheduled, backfill, asset_triggered …
    :param retrain: the run's own `retrain` param.
    :param upstream: the extras of the asset events that started the run; one that wants training is enough.
    """
    if retrain:
        return True
    if run_type == "backfill":
        return False
    extras = list(upstream)
    return not extras or any(extra.get("retrain", True) for extra in extras)


def run_leads_to_training(context: Context) -> bool:
    """`leads_to_training` for a running task."""
    events = context["triggering_asset_events"]
    extras = [event.extra for asset in events for event in events[asset]]
    return leads_to_training(context["dag_run"].run_type.value, bool(context["params"].get("retrain")), extras)


class RetrainCheck(BaseOperator):
    """Skip the rest of the run, visibly, where training is not wanted."""

    ui_color = "#e8f0fb"

    def __init__(self, *, task_id: str = "retrain_check", **kwargs: Any) -> None:
        super().__init__(task_id=task_id, **kwargs)

    def execute(self, context: Context) -> None:
        if not run_leads_to_training(context):
            reason = (
                "no training: the chain began with a backfill. Trigger this DAG by hand, or backfill with the param "
                "retrain, to train on this partition"
            )
            self.log.info(reason)  # Airflow shows that a task was skipped, and not why
            raise AirflowSkipException(reason)
        self.log.info("training is wanted")
