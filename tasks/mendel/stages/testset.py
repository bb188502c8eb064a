"""The test set: made once per source, then pinned, so that scores stay comparable and no tested text is trained on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from mendel.core import digest, manifest
from mendel.core.manifest import InputEntry, Manifest
from mendel.core.stage import Context, Draft, Outcome, Stage, execute
from mendel.corpus.clean import Cleaning
from mendel.corpus.sources import AnySource

if TYPE_CHECKING:
    from mendel.corpus.reading import CorpusReading
    from mendel.corpus.split import Sentence


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
        from mendel.corpus import tables  # loads pyarrow, datasketch
        from mendel.corpus.reading import read  # loads datasketch
        from mendel.corpus.split import require_all, separate  # loads datasketch

        reading = read(self.source, self.cleaning, inputs["source"], only="test")
        sentences, repeated = separate(reading.sentences, None, self.near_duplicate)
        # A source that has nothing to train on yet must not pin the few documents that it holds out.
        others = {split for split in reading.documents if split != "test"}
        require_all(others | {sentence.split for sentence in sentences}, reading.documents)
        dropped = [*reading.dropped, *repeated]
        table = tables.of_sentences(sentences)
        tables.write(table, draft.folder / "test.parquet")
        tables.write(tables.of_dropped(dropped), draft.folder / "dropped.parquet")
        return Outcome(
            rows=len(sentences),
            digest=digest.of_table(table),
            metrics={"documents": reading.documents["test"], "dropped": Counter(item.reason for item in dropped)},
        )

    def identity(self) -> Any:
        return {**self.model_dump(mode="json"), "source": self.source.identity()}


def pinned(testset: Testset, context: Context) -> Manifest:
    """The test set in force for a source; the first call makes it, later ones find it whatever the source holds now."""
    version = manifest.current(context.root, Testset.dataset, testset.source.name)
    return version or execute(testset, replace(at_source(testset, context), force=False))


def foreign(test: Sequence[Sentence], reading: CorpusReading) -> set[str]:
    """Documents of a test set that the source has no more, by their names.

    It has one if its document of that name has one of the sentences, or if half of them are anywhere in it: files are
    edited, and renamed.
    """
    there = {(item.doc, item.text) for item in reading.sentences}
    there |= {(item.doc, item.text) for item in reading.dropped}
    texts = {text for _, text in there}
    present = {item.doc for item in test if (item.doc, item.text) in there}
    shared = Counter(item.doc for item in test if item.text in texts)
    size = Counter(item.doc for item in test)
    return {doc for doc in size if doc not in present and 2 * shared[doc] < size[doc]}


def at_source(testset: Testset, context: Context) -> Context:
    """Where a source's test set lies: its partition is the source's name."""
    return replace(context, partition=testset.source.name)
