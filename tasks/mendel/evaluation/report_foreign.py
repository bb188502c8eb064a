"""The part of a report about clean text unlike the corpus: a table by kind, and an example of each that was altered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mendel.evaluation.foreign_scores import ForeignSlice
from mendel.evaluation.markdown import cell, mark, table
from mendel.evaluation.protected import PROTECTED, harmed
from mendel.evaluation.scores import Output, Sample


def section(systems: Mapping[str, Mapping[str, ForeignSlice]], sample: Sample, output: Output) -> Iterator[str]:
    if "candidate" not in systems:
        return
    others = [system for system in systems if system not in ("identity", "candidate")]
    yield "## Clean text unlike the corpus"
    yield ""
    yield "What had better stay as it is, by kind. *Protected*: of the altered texts, those in which something changed that"
    yield f"must never change: {', '.join(PROTECTED).replace('_', ' ')}."
    yield ""
    yield from table(
        ["kind", "texts", "altered", "share", "protected", *PROTECTED, *(f"altered by {system}" for system in others)],
        (
            [
                kind.replace("_", " "),
                str(part.texts),
                str(part.altered),
                cell(part.share),
                str(part.harmed),
                *(str(part.harmed_by[name]) for name in PROTECTED),
                *(f"{systems[system][kind].share.value:.2%}" for system in others),
            ]
            for kind, part in systems["candidate"].items()
        ),
    )
    yield "Texts of a kind resemble each other, so the exact intervals are narrower than they should be."
    yield ""
    altered: dict[str, tuple[str, str]] = {}
    for (kind, before), after in zip(sample.foreign, output.of_foreign or (), strict=True):
        if before != after:
            altered.setdefault(kind, (before, after))
    if not altered:
        return
    yield "The first of each kind that it altered; `[-gone-]` and `{+new+}`."
    yield ""
    yield "````text"
    for kind, (before, after) in altered.items():
        yield f"{kind} ({', '.join(sorted(harmed(before, after))) or 'nothing protected'})"
        yield mark(before, after)
        yield ""
    yield "````"
    yield ""
