"""The stage `ingest`: a source becomes a corpus."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from pydantic import Field

from mendel.core import digest
from mendel.core.errors import InputError
from mendel.core.log import log
from mendel.core.manifest import InputEntry
from mendel.core.stage import Context, Draft, Outcome, Stage
from mendel.corpus.clean import Cleaning
from mendel.corpus.sources import AnySource
from mendel.corpus.sources.sotu import Sotu
from mendel.stages.testset import Testset, foreign, pinned


class Ingest(Stage):
    """A full snapshot of what the source holds now, its test split the pinned test set."""

    name: ClassVar = "ingest"
    stage_version: ClassVar = 2
    dataset: ClassVar = "corpus"

    source: AnySource = Sotu()
    cleaning: Cleaning = Cleaning()
    near_duplicate: float = Field(
        0.8, ge=0.5, le=1, description="Jaccard similarity from which two sentences count as the same"
    )

    @property
    def testset(self) -> Testset:
        return Testset(source=self.source, cleaning=self.cleaning, near_duplicate=self.near_duplicate)

    def inputs(self, context: Context) -> Sequence[InputEntry]:
        """The source and its pinned test set. The first ingest makes the test set here, before the version is named."""
        return [self.source.entry(), context.as_input(pinned(self.testset, context))]

    def run(self, inputs: Mapping[str, InputEntry], draft: Draft) -> Outcome:
        from mendel.corpus import tables  # loads pyarrow, datasketch
        from mendel.corpus.reading import read  # loads datasketch
        from mendel.corpus.split import ORDER, require_all, separate  # loads datasketch

        [uri] = draft.context.uris(inputs["testset"], "/test.parquet")
        test = tables.read_sentences(uri)
        reading = read(self.source, self.cleaning, inputs["source"])
        strangers = foreign(test, reading)
        if test and len(strangers) == len({sentence.doc for sentence in test}):
            raise InputError(
                f"the pinned test set testset/{self.source.name} ({inputs['testset'].rows} sentences of {len(strangers)} "
                f"documents) has no document that {inputs['source'].uri} holds. If this is another corpus, give it a name "
                "of its own: source.name (--set source.name=…). If the source was replaced, pin what it holds out now: "
                "mendel testset renew"
            )
        sentences, repeated = separate(reading.sentences, test, self.near_duplicate)
        require_all({sentence.split for sentence in sentences}, reading.documents)
        dropped = [*reading.dropped, *repeated]
        reasons = Counter(item.reason for item in dropped)
        if reasons["not_pinned"]:
            log.info("held out, not tested", sentences=reasons["not_pinned"], to_pin_them="mendel testset renew")
        for split in ORDER:
            rows = [sentence for sentence in sentences if sentence.split == split]
            tables.write(tables.of_sentences(rows), draft.folder / f"split={split}" / "part-00000.parquet")
        tables.write(tables.of_dropped(dropped), draft.folder / "dropped.parquet")
        tables.write_quarantine(reading.quarantined, draft.folder / "quarantine.jsonl")
        alphabet = "".join(
            sorted({character for item in sentences if item.split == "train" for character in item.text})
        )
        return Outcome(
            rows=len(sentences),
            digest=digest.of_table(tables.of_sentences(sentences)),
            metrics={
                "documents": sum(reading.documents.values()),
                "sentences": Counter(sentence.split for sentence in sentences),
                "characters": sum(len(sentence.text) for sentence in sentences),
                "alphabet": alphabet,
                "alphabet_size": len(alphabet),
                "dropped": +reasons,
                "quarantined": len(reading.quarantined),
                "refused": reading.reasons,
                "wrapped": {
                    "documents": reading.wrapped_documents,
                    "share": reading.wrapped_characters / max(1, reading.characters),
                },
                "pinned": {
                    "documents": len({sentence.doc for sentence in test}),
                    "sentences": len(test),
                    "foreign_documents": len(strangers),
                    "foreign_sentences": sum(sentence.doc in strangers for sentence in test),
                },
            },
        )

    def identity(self) -> Any:
        return {**self.model_dump(mode="json"), "source": self.source.identity()}
