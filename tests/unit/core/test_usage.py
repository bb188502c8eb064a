"""What a stage has of machines, and what that costs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from mendel.core import threads
from mendel.core.prices import Prices
from mendel.core.usage import Usage

PRICES = Prices(currency="EUR", core_hour=0.1, gpu_hour=2, core_watts=5, gpu_watts=300)


@pytest.mark.parametrize(("limit", "cores"), [("200000 100000", 2), ("150000 100000", 2), ("50000 100000", 1)])
def test_a_container_has_the_cores_of_its_limit(
    limit: str, cores: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    (tmp_path / "cpu.max").write_text(f"{limit}\n")
    assert threads.available(tmp_path / "cpu.max") == cores


@pytest.mark.parametrize("content", ["max 100000\n", "900000 100000\n", "", None])
def test_without_a_lower_limit_it_has_those_that_it_may_run_on(
    content: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(8)), raising=False)
    if content is not None:
        (tmp_path / "cpu.max").write_text(content)
    assert threads.available(tmp_path / "cpu.max") == 8


def test_an_hour_of_two_cores_and_a_gpu_costs_what_the_table_says() -> None:
    usage = Usage(core_seconds=3600) + Usage(core_seconds=3600, gpu_seconds=3600)
    assert PRICES.cost(usage) == pytest.approx(2 * 0.1 + 2)
    assert PRICES.watt_hours(usage) == pytest.approx(2 * 5 + 300)


def test_a_process_has_all_cores_that_it_may_run_on() -> None:
    assert Usage.of(10) == Usage(core_seconds=10 * threads.available(), gpu_seconds=0)
