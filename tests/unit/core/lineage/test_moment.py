"""What a run is told of the one that started it."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from mendel.core.lineage.moment import Ancestry

TASK = "airflow/demo.corrupt/01968e92-1b0a-7000-8000-000000000001"


def test_a_namespace_may_have_slashes() -> None:
    found = Ancestry.of_environment({"OPENLINEAGE_PARENT_ID": f"https://airflow/{TASK}"})

    assert found is not None
    assert (found.parent.namespace, found.parent.job) == ("https://airflow/airflow", "demo.corrupt")
    assert found.root == found.parent, "who is told of no other is the first"


@pytest.mark.parametrize("text", ["demo", "airflow/demo.corrupt/manual__2026"])
def test_a_parent_in_another_form_is_left_out(text: str) -> None:
    with capture_logs() as logs:
        assert Ancestry.of_environment({"OPENLINEAGE_PARENT_ID": text}) is None
    assert [entry["given"] for entry in logs] == [text]
