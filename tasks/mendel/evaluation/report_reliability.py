"""The part of a report about confidence: whether it is right, and what thresholds of it would do."""

from __future__ import annotations

from collections.abc import Iterator

from mendel.evaluation import plots
from mendel.evaluation.markdown import share, table
from mendel.evaluation.reliability import Reliability


def section(measured: Reliability | None) -> Iterator[str]:
    if measured is None or measured.calibration_error is None:
        return
    yield "## Whether its confidence is right"
    yield ""
    yield f"Of {measured.changes:,} changes of noisy sentences {measured.right:.1%} are right: with that change alone, the"
    yield f"sentence is nearer to its clean text. Expected calibration error: {100 * measured.calibration_error:.1f} points."
    yield ""
    yield from table(
        ["confidence", "changes", "mean confidence", "right"],
        (
            [f"{part.low:.1f} to {part.high:.1f}", str(part.changes), share(part.confidence), share(part.right)]
            for part in measured.bins
        ),
    )
    yield f"![Confidence and share of right changes]({plots.RELIABILITY})"
    yield ""
    yield "If only changes of at least some confidence were made:"
    yield ""
    yield from table(
        ["confidence at least", "errors removed", "clean altered", "foreign altered"],
        (
            [f"{point.threshold:g}", *map(share, (point.removed, point.clean_altered, point.foreign_altered))]
            for point in measured.curve
        ),
    )
