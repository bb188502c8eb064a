"""What the making of any candidate shares: pairs as training sees them, the training, its record in MLflow."""

from __future__ import annotations

import json
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from mendel.core import lake
from mendel.core.log import log
from mendel.core.manifest import InputEntry, Manifest
from mendel.core.stage import Draft
from mendel.noise import pairs
from mendel.recipes.models import PretrainedModel
from mendel.recipes.recipe import Recipe
from mendel.recipes.training import Tuning
from mendel.restorers.artifact import ADAPTER, ENGLISH
from mendel.training.checkpoints import Checkpoints

if TYPE_CHECKING:
    from mendel.core.tracking.run import TrackedRun
    from mendel.training.trainer import Holder

Llm = TypeVar("Llm", bound="Holder")
CHECKPOINTS = "checkpoints"


class Text(NamedTuple):
    """A pair as training sees it."""

    clean: str
    noisy: str
    year: int | None


class CandidateMaker(ABC):
    """One making of a candidate: what its steps share."""

    def __init__(self, recipe: Recipe, pairs: InputEntry, draft: Draft) -> None:

        self.recipe = recipe
        self.draft = draft
        self.context = draft.context
        self.pairs = pairs
        self.store = Checkpoints(lake.join(draft.context.root, CHECKPOINTS, draft.fingerprint))
        self.seconds: dict[str, float] = {}
        self.curve: list[dict[str, float]] = []
        self.tracked_run: TrackedRun | None = None
        self.rows = 0
        self.corpus = self.context.manifest_of(pairs).input("corpus")
        self.language = _language(self.context.manifest_of(self.corpus))
        self.years = self._years()

    def earlier_run(self) -> str | None:
        """The run in MLflow that a killed attempt began, if its checkpoint tells."""
        import mlflow
        from mlflow.exceptions import MlflowException

        checkpoint = self.store.load() if self.recipe.tuning else None
        try:
            return str(mlflow.get_run(checkpoint[1]["run_id"]).info.run_id) if checkpoint else None
        except MlflowException:  # it was deleted, or another server is used now
            return None

    def training(self) -> dict[str, Any]:
        """How far the language model's training went, as metrics: fewer steps than its budget where `max_seconds` ended it."""
        if self.recipe.tuning is None:
            return {}
        return {"training": {"steps": len(self.curve), "budget_steps": self.recipe.tuning.budget_steps}}

    @staticmethod
    def untrained(recipe: Any) -> Holder:
        """The language model that a recipe trains, as it is before the training."""
        raise NotImplementedError(f"{recipe.kind} has no language model")

    @abstractmethod
    def make(self) -> dict[str, Any]:
        """Write the candidate's files into the draft; returns its metrics."""

    def _texts(self, split: str) -> list[Text]:
        """The first copy of each pair of a split, in an order that is the same whatever the files are."""

        rows = pairs.read(
            self.context.uris(self.pairs, ".parquet"), splits=[split], columns=["record_id", "copy", "clean", "noisy"]
        ).to_pylist()
        first_copies = sorted((row["record_id"], row) for row in rows if row["copy"] == 0)
        return [Text(row["clean"], row["noisy"], self.years.get(record)) for record, row in first_copies]

    def _years(self) -> dict[str, int | None]:
        """Year of each record, from the corpus that the pairs were made of."""
        import pyarrow.parquet as pq

        years: dict[str, int | None] = {}
        for uri in self.context.uris(self.corpus, ".parquet"):
            if "/split=" in uri:
                with lake.open_uri(uri) as file:
                    table = pq.ParquetFile(file).read(columns=["id", "year"])
                years.update(zip(table["id"].to_pylist(), table["year"].to_pylist(), strict=True))
        return years

    def _tune(self, llm: Llm, rows: Sequence[list[int]], heads: Sequence[int], base: PretrainedModel | None) -> Llm:
        """The model with its adapter, trained from the newest checkpoint on, written and merged: as it will be used.

        Without a base there is no adapter: the whole model is trained.
        """
        from mendel.models import adapter  # loads torch, peft, safetensors
        from mendel.training import parallel  # loads torch, transformers, numpy and others
        from mendel.training.trainer import Trainer  # loads torch, transformers, numpy and others

        settings = self.recipe.tuning
        assert settings is not None, "it has no language model"
        with self._timed("lora"):
            trainer = Trainer(llm, rows, heads, settings, self.store, whole=base is None)
            if not trainer.resume():
                trainer.run_id = self.tracked_run.run_id if self.tracked_run else None
                trainer.save()
            parallel.train(self.recipe, trainer)
        self.curve = trainer.curve
        (self.draft.folder / "curve.json").write_text(json.dumps(self.curve))
        if base is None:
            return llm
        folder = self.draft.folder / ADAPTER
        trainer.save_adapter(folder, base.id)
        adapter.require_trained(folder)
        if settings.quantise:
            return type(llm).load(base, folder)
        llm.model = llm.model.merge_and_unload()  # a third faster, and equal scores
        return llm

    def _trained_on(self, train: Sequence[Text], settings: Tuning) -> list[Text]:
        return [text for text in train if settings.since_year is None or (text.year or 0) >= settings.since_year]

    def _tell_base(self, base: PretrainedModel) -> None:
        """Which model the adapter belongs to, and where it will lie, as tags of the run."""
        assert self.tracked_run is not None, "what makes a candidate is tracked"
        adapter = lake.join(self.draft.uri, ADAPTER)
        self.tracked_run.set_tags(
            {"base_model": base.id, "base_revision": base.revision or "local", "adapter_uri": adapter}
        )

    @contextmanager
    def _timed(self, what: str) -> Iterator[None]:
        begun = time.monotonic()
        log.info("begin", part=what)
        yield
        self.seconds[what] = round(time.monotonic() - begun, 2)
        log.info("end", part=what, seconds=self.seconds[what])


def _language(corpus: Manifest) -> str:
    """Of a corpus, as its cleaning says."""
    return str(corpus.parameters.get("cleaning", {}).get("language", ENGLISH))
