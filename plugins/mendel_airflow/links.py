"""Links from Airflow's UI to the other two: MLflow's, and Great Expectations' Data Docs."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperatorLink

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator
    from airflow.sdk.types import TaskInstanceKey

DATA_DOCS = "MENDEL_DATA_DOCS_URL"
MLFLOW = "MENDEL_MLFLOW_URL"


class DataDocsLink(BaseOperatorLink):
    """The button on a validation's page, whether it passed or not."""

    name = "Data Docs"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        return os.environ.get(DATA_DOCS, "")


def external_views() -> list[dict[str, Any]]:
    """Entries of the navigation bar, for those whose address the deployment gives."""
    entries = (("MLflow", MLFLOW), ("Data Docs", DATA_DOCS))
    return [
        {"name": name, "href": os.environ[variable], "destination": "nav"}
        for name, variable in entries
        if os.environ.get(variable)
    ]
