"""Pieces of a report in Markdown: tables, cells, marked differences."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from mendel.evaluation.interval import Interval
from mendel.noise.changes import changes


def mark(before: str, after: str) -> str:
    """`after` with its differences from `before` as `wdiff` marks them: `[-gone-]` and `{+new+}`."""
    parts, at = [], 0
    for start, end, new_start, new_end in changes(before, after):
        parts.append(before[at:start])
        if gone := before[start:end]:
            parts.append(f"[-{gone}-]")
        if new := after[new_start:new_end]:
            parts.append(f"{{+{new}+}}")
        at = end
    return "".join([*parts, before[at:]])


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(heads)} |"
    yield "|" + " --- |" * len(heads)
    for row in rows:
        yield f"| {' | '.join(row)} |"
    yield ""


def cell(interval: Interval | None) -> str:
    return "–" if interval is None else f"{interval.value:.2%} ({interval.low:.2%} to {interval.high:.2%})"


def share(value: float | None) -> str:
    return "–" if value is None else f"{value:.1%}"
