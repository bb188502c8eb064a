"""Suites of expectations, and what came of them in plain words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd
    from great_expectations.core import ExpectationValidationResult
    from great_expectations.expectations.expectation import Expectation
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration

EXAMPLES = 3
"""Rows that a message shows."""
LONGEST = 80
"""Characters of a value that a message shows; Data Docs show more."""


@dataclass(frozen=True)
class Suite:
    """Expectations of a frame. Measured quantities are columns of the frame, so that built-in expectations do."""

    name: str
    frame: pd.DataFrame
    key: str
    """The column that names a row to the reader."""
    expectations: Sequence[Expectation]


@dataclass(frozen=True)
class SuiteResult:
    """How a suite ended."""

    suite: str
    expectations: int
    failures: Sequence[str]
    measured: Mapping[str, Any]
    page: str
    """URL of the page in Data Docs."""
    result: str
    """All of it, as Great Expectations' JSON."""

    @property
    def passed(self) -> bool:
        return not self.failures


def expect(metric: str, description: str, kind: type[Expectation], **arguments: Any) -> Expectation:
    """A built-in expectation that says in plain words what it expects, and names what it measures."""
    return kind(description=description, meta={"metric": metric}, **arguments)


def metric(result: ExpectationValidationResult) -> tuple[str, Any]:
    """Name and value of what an expectation measured: the quantity itself, or the number of rows that fail."""
    measured = result.result
    return _of(result).meta["metric"], measured.get("observed_value", measured.get("unexpected_count"))


def failure(result: ExpectationValidationResult) -> str:
    """What was expected, and what was found instead."""
    expected = _of(result).description
    if error := _error(result):
        return f"{expected}: could not be checked: {error}"
    observed = result.result
    if "unexpected_count" not in observed:
        return f"{expected}: found {_plain(observed.get('observed_value'))}"
    rows = f"{expected}: {observed['unexpected_count']:,} of {observed['element_count']:,} rows are otherwise"
    examples = "; ".join(_examples(observed))
    return f"{rows}, as in {examples}" if examples else rows


def _of(result: ExpectationValidationResult) -> ExpectationConfiguration:
    assert result.expectation_config is not None, "a checkpoint keeps what it checked"
    return result.expectation_config


def _error(result: ExpectationValidationResult) -> str | None:
    """The message of an exception; Great Expectations nests it by metric."""
    info = result.exception_info or {}
    nested = [info] if "raised_exception" in info else list(info.values())
    return next((item["exception_message"] for item in nested if item.get("raised_exception")), None)


def _examples(observed: Mapping[str, Any]) -> list[str]:
    """Some of the rows, named by the suite's key; a null or a flag says no more than the expectation does."""
    import pandas as pd

    rows = (
        [
            f"{name} {_short(_unboxed(value))}"
            for name, value in row.items()
            if not (pd.isna(value) or _unboxed(value) is True)
        ]
        for row in observed.get("partial_unexpected_index_list") or []
    )
    return [", ".join(row) for row in rows if row][:EXAMPLES]


def _unboxed(value: Any) -> Any:
    """A numpy scalar as Python's own, which prints as people write it."""
    return value.item() if hasattr(value, "item") else value


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _plain(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else f"{value}"
