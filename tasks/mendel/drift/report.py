"""The dataset `drift`: a day's report, as it is stored and as it is read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from mendel.core.frozen import Frozen
from mendel.drift.comparison import Test

DATASET = "drift"
TESTS = "tests.parquet"
JSON = "report.json"
MARKDOWN = "report.md"
Verdict = Literal["over", "quiet", "too few records"]


class DriftReport(Frozen):
    """One day against the reference of the model that restored it."""

    day: str
    model_version: int
    records: int
    records_compared: int
    records_rejected: int
    reference_records: int
    verdict: Verdict
    alarm: bool
    days_over: tuple[str, ...]
    """Of the days that count as evidence, this one among them."""
    days_counted: tuple[str, ...]
    tests: tuple[Test, ...]


def markdown(report: DriftReport) -> str:
    return "\n".join(_lines(report)) + "\n"


def _lines(report: DriftReport) -> Iterator[str]:
    yield f"# Drift on {report.day}: {'alarm' if report.alarm else report.verdict}"
    yield ""
    yield (
        f"{report.records_compared} of {report.records} restored records (and {report.records_rejected} rejected) against "
        f"{report.reference_records} of the validation split, restored by the same model, version {report.model_version}."
    )
    yield f"Days over a threshold: {', '.join(report.days_over) or 'none'}; of {', '.join(report.days_counted) or 'none'}."
    yield ""
    yield "| test | statistic | threshold | over |"
    yield "| --- | --: | --: | --- |"
    for test in report.tests:
        yield f"| {test.name} | {test.statistic:.3f} | {test.threshold:.3f} | {'yes' if test.over else 'no'} |"
