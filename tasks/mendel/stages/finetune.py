"""The stage `finetune`: from pairs to a candidate restorer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from mendel.core import digest, lake, manifest
from mendel.core.manifest import InputEntry
from mendel.core.stage import Context, Draft, Outcome, Stage
from mendel.recipes import recipe as recipes
from mendel.restorers.candidate import CHECKPOINTS, CandidateMaker
from mendel.restorers.restorer import DESCRIPTION
from mendel.training.checkpoints import Checkpoints


class Finetune(Stage):
    """Fit the first pass, fine-tune the LLM where the recipe has one, fit weights and threshold on the validation split."""

    name: ClassVar = "finetune"
    stage_version: ClassVar = 1
    dataset: ClassVar = "candidate"

    recipe: recipes.Recipe = recipes.ChannelNgram(kind="channel-ngram")

    def inputs(self, context: Context) -> Sequence[InputEntry]:
        pairs = context.require("pairs", validated=True)
        return [pairs, *([self.domain.source.entry().model_copy(update={"name": "domain"})] if self.domain else [])]

    @property
    def domain(self) -> recipes.Domain | None:
        return self.recipe.ngram.domain if isinstance(self.recipe, recipes.ChannelNgram | recipes.ChannelLlm) else None

    def run(self, inputs: Mapping[str, InputEntry], draft: Draft) -> Outcome:
        import mlflow

        from mendel.core import tracking  # loads mlflow, sqlalchemy

        forget_finished(draft.context.root)
        maker = self._maker()(self.recipe, inputs["pairs"], draft)
        with tracking.run(draft.context, self.name, inputs, maker.mlflow_run()) as active:
            maker.run_id = active.info.run_id
            mlflow.log_params(flat(self.recipe.model_dump(mode="json")))
            metrics = maker.make()
            for point in maker.curve:
                mlflow.log_metrics(
                    {key: value for key, value in point.items() if key != "step"}, step=int(point["step"])
                )
            mlflow.log_metrics({key: value for key, value in flat(metrics).items() if isinstance(value, int | float)})
            mlflow.log_artifact(str(draft.folder / DESCRIPTION))
        return Outcome(
            rows=maker.rows, digest=digest.of_files(draft.folder), metrics={**metrics, "mlflow_run_id": maker.run_id}
        )

    def _maker(self) -> type[CandidateMaker]:
        if isinstance(self.recipe, recipes.ChannelNgram | recipes.ChannelLlm):
            from mendel.restorers.channel_candidate import ChannelMaker  # loads numba, numpy, rapidfuzz and others

            return ChannelMaker
        from mendel.restorers.rewriter_candidate import RewriterMaker  # loads numba, torch, transformers and others

        return RewriterMaker


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
