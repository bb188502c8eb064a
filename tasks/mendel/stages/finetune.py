"""The stage `finetune`: from pairs to a candidate restorer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from mendel.core import digest, lake, manifest
from mendel.core.manifest import InputEntry
from mendel.core.stage import Context, Draft, Outcome, Stage
from mendel.recipes.channel import ChannelNgram
from mendel.recipes.kinds import AnyRecipe, named
from mendel.restorers import artifact
from mendel.restorers.candidate import CHECKPOINTS, CandidateMaker
from mendel.training.checkpoints import Checkpoints


class Finetune(Stage):
    """Fit the first pass, fine-tune the LLM where the recipe has one, fit weights and threshold on the validation split."""

    name: ClassVar = "finetune"
    stage_version: ClassVar = 1
    dataset: ClassVar = "candidate"

    recipe: AnyRecipe = ChannelNgram(kind="channel-ngram")

    def inputs(self, context: Context) -> Sequence[InputEntry]:
        pairs = context.require("pairs", validated=True)
        domain = self.recipe.domain
        return [pairs, *([domain.source.entry().model_copy(update={"name": "domain"})] if domain else [])]

    def run(self, inputs: Mapping[str, InputEntry], draft: Draft) -> Outcome:
        from mendel.core.tracking.run import tracked  # loads mlflow, sqlalchemy

        forget_finished(draft.context.root)
        maker: CandidateMaker = named(self.recipe.maker)(self.recipe, inputs["pairs"], draft)
        with tracked(draft.context, self.name, inputs, maker.earlier_run()) as run:
            maker.tracked_run = run
            run.log_params(flat(self.recipe.model_dump(mode="json")))
            metrics = maker.make()
            for point in maker.curve:
                run.log_metrics({key: value for key, value in point.items() if key != "step"}, step=int(point["step"]))
            run.log_metrics({key: value for key, value in flat(metrics).items() if isinstance(value, int | float)})
            run.log_files(draft.folder / artifact.NAME)
        return Outcome(
            rows=maker.rows, digest=digest.of_files(draft.folder), metrics={**metrics, "mlflow_run_id": run.run_id}
        )


def forget_finished(root: str) -> None:
    """Remove the checkpoints of candidates that exist. Not done by the run itself: its commit comes after its last step."""

    for fingerprint in lake.list_folders(lake.join(root, CHECKPOINTS)):
        if manifest.twin(root, Finetune.dataset, fingerprint) is not None:
            Checkpoints(lake.join(root, CHECKPOINTS, fingerprint)).clear()


def flat(nested: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """`{"a": {"b": 1}}` as `{"a.b": 1}`."""
    result: dict[str, Any] = {}
    for key, value in nested.items():
        if isinstance(value, Mapping):
            result |= flat(value, f"{prefix}{key}.")
        else:
            result[prefix + key] = value
    return result
