"""From the plan of a batch to one task for each shard."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowSkipException

from mendel_airflow.emission import committed
from mendel_airflow.partitions import PARTITION, lake_root

if TYPE_CHECKING:
    from airflow.sdk import Context


class ListShards(BaseOperator):
    """The shards of the day's plan, as options of `mendel restore shard`. Skipped where the day has no files.

    Such a day keeps the version that it has: an inbox that was cleared takes nothing back. A day whose records were all
    rejected has no shards either, and is not skipped: somebody has to hear of it.
    """

    template_fields: Collection[str] = ("partition",)
    ui_color = "#e8f0fb"

    def __init__(self, *, task_id: str = "list_shards", partition: str = PARTITION, **kwargs: Any) -> None:
        super().__init__(task_id=task_id, **kwargs)
        self.partition = partition

    def execute(self, context: Context) -> list[dict[str, int]]:
        plan = committed("restore_plan", self.partition)
        if not plan.metrics["files_in"]:
            reason = f"nothing to restore: inbox/dt={self.partition} of {lake_root()} holds no files"
            self.log.info(reason)  # Airflow shows that a task was skipped, and not why
            raise AirflowSkipException(reason)
        return [{"shard": shard} for shard in range(plan.metrics["shards"])]
