"""Is there anything to do? A day for which nobody left files has no work."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowSkipException

from mendel.core import lake, manifest
from mendel_airflow.partitions import PARTITION, lake_root

if TYPE_CHECKING:
    from airflow.sdk import Context


class ArrivalCheck(BaseOperator):
    """Skip the rest of the run, visibly, where a folder of the lake has no files of the run's day.

    Such a day keeps the version that it has: a folder that was cleared takes nothing back.

    :param folder: where the files of all days lie, below `dt=DATE/`.
    """

    template_fields: Collection[str] = ("partition",)
    ui_color = "#e8f0fb"

    def __init__(
        self, *, folder: str, task_id: str = "arrival_check", partition: str = PARTITION, **kwargs: Any
    ) -> None:
        super().__init__(task_id=task_id, **kwargs)
        self.folder = folder
        self.partition = partition

    def execute(self, context: Context) -> None:
        day = manifest.partition_path(self.folder, self.partition)
        count = len(lake.list_files(lake.join(lake_root(), day)))
        if not count:
            reason = f"nothing to collect: {day} of {lake_root()} holds no files"
            self.log.info(reason)  # Airflow shows that a task was skipped, and not why
            raise AirflowSkipException(reason)
        self.log.info("%s holds %d files", day, count)
