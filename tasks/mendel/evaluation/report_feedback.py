"""The part of a report about changes that readers have judged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mendel.evaluation.feedback_scores import FeedbackScores
from mendel.evaluation.markdown import cell, table


def section(systems: Mapping[str, FeedbackScores]) -> Iterator[str]:
    if not systems:
        return
    first = next(iter(systems.values()))
    yield "## Changes that readers have judged"
    yield ""
    yield f"{first.changes:,} changes in {first.texts:,} texts of the newest feedback, whichever model had proposed them."
    yield "*Removed*: accepted changes that the system makes; *repeated*: rejected ones that it makes too; *right*:"
    yield "accepted and made, or rejected and not made."
    yield ""
    yield from table(
        ["system", "removed", "repeated", "right"],
        (
            [system, cell(scores.removed), cell(scores.repeated), cell(scores.right)]
            for system, scores in systems.items()
        ),
    )
    yield "The champion has proposed most of them itself, so it makes what was accepted, and repeats what was rejected. No"
    yield "weights were trained on these texts; the noise of the training may have its kinds from them."
    yield ""
