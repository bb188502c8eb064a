"""Paths that every test may import from, and what a target that was asked for does about tests that cannot run.

Airflow puts plugins/ on the path by itself; scripts/ is no package.
"""

import sys
from collections.abc import Generator
from pathlib import Path
from typing import TypeVar

import pytest

REPO = Path(__file__).resolve().parent.parent

sys.path[:0] = [str(REPO / "plugins"), str(REPO / "scripts")]

NO_SKIPS = "--no-skips"
Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(NO_SKIPS, action="store_true", help="a test that is skipped has failed, with the reason")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    return _asked_for(report, item.config)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    return _asked_for(report, collector.config)


def _asked_for(report: Report, config: pytest.Config) -> Report:
    """The report; under NO_SKIPS a skip is made a failure, since nobody reads the skips of what is green."""
    if report.skipped and config.getoption(NO_SKIPS) and not hasattr(report, "wasxfail"):
        assert isinstance(report.longrepr, tuple), "a skip has its place and its reason"
        *_, reason = report.longrepr
        report.outcome, report.longrepr = "failed", f"asked for, and cannot run. {reason}"
    return report
