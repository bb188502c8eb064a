"""What a model's days are compared with: figures of its validation text, made once for each model and threshold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from mendel.core import digest
from mendel.core.errors import InputError
from mendel.core.manifest import InputEntry, Manifest
from mendel.core.stage import Context, Draft, Outcome, Stage
from mendel.drift import reference
from mendel.noise import pairs
from mendel.promotion import ledger


class DriftReference(Stage):
    """Makes `drift_reference` in the partition of the candidate that it is of."""

    name: ClassVar = "drift reference"
    stage_version: ClassVar = 1
    dataset: ClassVar = reference.DATASET
    model_version: int
    threshold: float | None
    records: int

    def inputs(self, context: Context) -> Sequence[InputEntry]:
        candidate = candidate_of(context.root, self.model_version)
        made_from = {entry.name: entry for entry in candidate.inputs}
        if "pairs" not in made_from:
            raise InputError(f"{candidate.path} was made from no pairs: there is no text to compare its days with")
        return [context.as_input(candidate), context.as_input(context.manifest_of(made_from["pairs"]))]

    def run(self, inputs: Mapping[str, InputEntry], draft: Draft) -> Outcome:
        import pyarrow.parquet as pq

        context = draft.context
        rows = pairs.read(
            context.uris(inputs["pairs"], ".parquet"), splits=["validation"], columns=["copy", "noisy"]
        ).to_pylist()
        texts = reference.sample([row["noisy"] for row in rows if row["copy"] == 0], self.records)
        figures = reference.figures(context.local_folder(inputs["candidate"]), texts, self.threshold)
        pq.write_table(figures, draft.folder / reference.FIGURES, compression="zstd")
        return Outcome(rows=figures.num_rows, digest=digest.of_files(draft.folder))


def candidate_of(root: str, model_version: int) -> Manifest:
    """The candidate that a version of the registered model is."""
    decision = ledger.about(ledger.read(root), model_version)
    if decision is None:
        raise InputError(f"model version {model_version} is not in the ledger of {root}. Bring the ledger back")
    return decision.candidate
