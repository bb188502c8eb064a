"""`mendel feedback collect`: what was said on a day, committed as that day's version of `feedback`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from mendel.core import manifest
from mendel.core.errors import MendelError
from mendel.core.log import log
from mendel.core.manifest import InputEntry
from mendel.core.stage import Context, Draft, Outcome, Stage
from mendel.feedback import collected, inbox


class CollectFeedback(Stage):
    """Makes `feedback`: of what a caller said several times about one answer, the last counts."""

    name: ClassVar = "feedback collect"
    stage_version: ClassVar = 1
    dataset: ClassVar = collected.DATASET

    def inputs(self, context: Context) -> Sequence[InputEntry]:
        contents = inbox.files(context.root, context.partition)
        return [
            InputEntry(
                name=inbox.DATASET,
                uri=manifest.partition_path(inbox.DATASET, context.partition),
                digest=inbox.digest(context.partition, contents),
                rows=len(contents),
            )
        ]

    def run(self, inputs: Mapping[str, InputEntry], draft: Draft) -> Outcome:
        contents = inbox.files(draft.context.root, draft.context.partition)
        if inbox.digest(draft.context.partition, contents) != inputs[inbox.DATASET].digest:
            raise MendelError(f"{inputs[inbox.DATASET].uri} changed while it was read: collect it again")
        records = inbox.latest(contents)
        (draft.folder / collected.NAME).write_bytes(collected.content(records))
        metrics = {"files": len(contents), **collected.figures(records)}
        log.info("feedback", partition=draft.context.partition, **metrics)
        return Outcome(rows=len(records), digest=collected.digest(records), metrics=metrics)
