"""Paths that every test may import from, and what a target that was asked for does about tests that cannot run.

Airflow puts plugins/ on the path by itself; scripts/ is no package.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

REPO = Path(__file__).resolve().parent.parent

sys.path[:0] = [str(REPO / "plugins"), str(REPO / "scripts")]

NO_SKIPS = "--no-skips"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(NO_SKIPS, action="store_true", help="a test that is skipped has failed, with the reason")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    report = yield
    return _asked_for(report, item.config)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Iterator[None]:
    report = yield
    return _asked_for(report, collector.config)


def _asked_for(report, config: pytest.Config):
    """The report; under NO_SKIPS a skip is made a failure, since nobody reads the skips of what is green."""
    if report.skipped and config.getoption(NO_SKIPS) and not hasattr(report, "wasxfail"):
        *_, reason = report.longrepr
        report.outcome, report.longrepr = "failed", f"asked for, and cannot run. {reason}"
    return report
