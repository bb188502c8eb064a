"""Links from Airflow's UI to the other two: MLflow's, and Great Expectations' Data Docs."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperatorLink

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator
    from airflow.sdk.types import TaskInstanceKey

DATA_DOCS = "MENDEL_DATA_DOCS_URL"
PUBLISHED = re.compile(r"\bdata_docs=\S*/data_docs/(\S+)")
"""How a validation logs the page that it made."""

MLFLOW = "MENDEL_MLFLOW_URL"


class DataDocsLink(BaseOperatorLink):
    """The button on a validation's page, whether it passed or not: to what it published, else to the index."""

    name = "Data Docs"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        site = os.environ.get(DATA_DOCS, "").rstrip("/")
        published = (PUBLISHED.search(line) for line in reversed(getattr(operator, "tail", ())))
        page = next((match.group(1) for match in published if match), "")
        return f"{site}/{page}" if site else ""


def external_views() -> list[dict[str, Any]]:
    """Entries of the navigation bar, for those whose address the deployment gives."""
    entries = (("MLflow", MLFLOW), ("Data Docs", DATA_DOCS))
    return [
        {"name": name, "href": os.environ[variable], "destination": "nav"}
        for name, variable in entries
        if os.environ.get(variable)
    ]
