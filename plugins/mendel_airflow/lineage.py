"""What a stage tells lineage tools of the task that started it: nothing, unless Airflow's provider tells them of the task."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow.sdk import Context

PROVIDER = "airflow.providers.openlineage"


def variables(context: Context) -> dict[str, str]:
    """The task and its DAG's run by the provider's names, in the variables that OpenLineage's integrations read them from.

    Without them a stage has no parent: where the provider is absent or switched off, no tool would know that one.
    """
    if find_spec(PROVIDER) is None:
        return {}
    from airflow.providers.openlineage import conf

    if conf.is_disabled():
        return {}
    from airflow.providers.openlineage.plugins import macros

    task = context["ti"]
    return {
        "OPENLINEAGE_PARENT_ID": macros.lineage_parent_id(task),
        "OPENLINEAGE_ROOT_PARENT_ID": macros.lineage_root_parent_id(task),
    }
