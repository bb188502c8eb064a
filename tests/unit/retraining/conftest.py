"""Days that have asked for a training, for tests of what follows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from mendel.core import digest
from mendel.core.manifest import InputEntry
from mendel.core.stage import Context, Draft, Outcome, Stage
from mendel.noise.profile import NoiseProfile
from mendel.retraining import request


class MakeRetraining(Stage):
    """Stands at the place of `retrain`: a day that asks for a training or not, with learned noise or without."""

    name: ClassVar = "retrain"
    stage_version: ClassVar = 1
    dataset: ClassVar = request.DATASET
    every_partition: ClassVar = True

    wanted: bool = True
    reasons: tuple[str, ...] = ("drift: an alarm",)
    noise: NoiseProfile | None = None

    def inputs(self, context: Context) -> Sequence[InputEntry]:
        return []

    def run(self, inputs: Mapping[str, InputEntry], draft: Draft) -> Outcome:
        (draft.folder / request.REPORT).write_text(self.model_dump_json())
        if self.noise:
            (draft.folder / request.NOISE).write_text(self.noise.model_dump_json())
        metrics = {"wanted": self.wanted, "learned_noise": self.noise is not None, "reasons": list(self.reasons)}
        return Outcome(rows=1, digest=digest.of_files(draft.folder), metrics=metrics)
