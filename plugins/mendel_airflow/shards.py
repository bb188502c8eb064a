"""From the plan of a batch to one task for each shard."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator

from mendel_airflow.emission import committed
from mendel_airflow.partitions import PARTITION

if TYPE_CHECKING:
    from airflow.sdk import Context


class ListShards(BaseOperator):
    """The shards of the day's plan, as options of `mendel restore shard`."""

    template_fields: Collection[str] = ("partition",)
    ui_color = "#e8f0fb"

    def __init__(self, *, task_id: str = "list_shards", partition: str = PARTITION, **kwargs: Any) -> None:
        super().__init__(task_id=task_id, **kwargs)
        self.partition = partition

    def execute(self, context: Context) -> list[dict[str, int]]:
        plan = committed("restore_plan", self.partition)
        return [{"shard": shard} for shard in range(plan.metrics["shards"])]
