"""The test set: made once per source, then pinned, so that scores stay comparable and no tested text is trained on."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from mendel.core import digest, manifest
from mendel.core.manifest import InputEntry, Manifest
from mendel.core.stage import Context, Draft, Outcome, Stage, execute
from mendel.corpus.clean import Cleaning
from mendel.corpus.sources import AnySource


class Testset(Stage):
    """Held-out documents of a source, cleaned and without duplicates. Its partition is the source's name."""

    name: ClassVar = "testset renew"
    stage_version: ClassVar = 2
    dataset: ClassVar = "testset"

    source: AnySource
    cleaning: Cleaning
    near_duplicate: float

    def inputs(self, context: Context) -> Sequence[InputEntry]:
        return [self.source.entry()]

    def run(self, inputs: Mapping[str, InputEntry], draft: Draft) -> Outcome:
        from mendel.corpus import tables  # loads pyarrow
        from mendel.corpus.reading import CorpusReading
        from mendel.corpus.split import require_all  # loads datasketch
        from mendel.corpus.writing import Corpus  # loads datasketch, pyarrow, scipy

        reading = CorpusReading(self.source, self.cleaning, inputs["source"], only="test")
        path = draft.folder / "test.parquet"
        with tempfile.TemporaryDirectory(prefix="mendel-testset-") as folder:
            corpus = Corpus(Path(folder), self.near_duplicate, pinned=None)
            for batch in reading.batches():
                corpus.take(batch)
            corpus.write({"test": path}, draft.folder / "dropped.parquet")
        # A source that has nothing to train on yet must not pin the few documents that it holds out.
        others = {split for split in reading.documents if split != "test"}
        require_all(others | set(corpus.sentences), reading.documents)
        return Outcome(
            rows=corpus.sentences["test"],
            digest=digest.of_batches(tables.read_batches(str(path)), tables.SENTENCES),
            metrics={"documents": reading.documents["test"], "dropped": corpus.dropped},
        )

    def identity(self) -> Any:
        return {**self.model_dump(mode="json"), "source": self.source.identity()}


def pinned(testset: Testset, context: Context) -> Manifest:
    """The test set in force for a source; the first call makes it, later ones find it whatever the source holds now."""
    version = manifest.current(context.root, Testset.dataset, testset.source.name)
    return version or execute(testset, replace(at_source(testset, context), force=False))


def at_source(testset: Testset, context: Context) -> Context:
    """Where a source's test set lies: its partition is the source's name."""
    return replace(context, partition=testset.source.name)
