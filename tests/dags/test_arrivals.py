"""A day without files ends its run at once, skipped; a day with some goes on."""

from __future__ import annotations

import pytest
from airflow.sdk.exceptions import AirflowSkipException

from mendel.core import lake as files
from mendel_airflow.arrivals import ArrivalCheck

from .conftest import MONDAY, Lake, Run

CHECK = ArrivalCheck(folder="feedback_inbox", partition=MONDAY)


def test_a_day_without_files_is_skipped_with_the_reason(lake: Lake) -> None:
    # Given files of another day, and of another folder
    for folder in ("feedback_inbox/dt=2026-11-22", f"inbox/dt={MONDAY}"):
        files.write(files.join(lake.root, folder, "a.json"), b"{}")
    # When the day is looked at, then the rest is skipped, and it says where it has looked
    with pytest.raises(
        AirflowSkipException, match=f"nothing to collect: feedback_inbox/dt={MONDAY} of {lake.root} holds no files"
    ):
        CHECK.execute(Run().context)


def test_a_day_with_files_goes_on(lake: Lake) -> None:
    files.write(files.join(lake.root, "feedback_inbox", f"dt={MONDAY}", "a.json"), b"{}")
    CHECK.execute(Run().context)
