"""The stage `ingest`: a source becomes a corpus."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field

from mendel.core import digest
from mendel.core.errors import InputError
from mendel.core.log import log
from mendel.core.manifest import InputEntry
from mendel.core.stage import Context, Draft, Outcome, Stage
from mendel.corpus.clean import Cleaning
from mendel.corpus.sources import AnySource
from mendel.corpus.sources.base import Rejected
from mendel.corpus.sources.sotu import Sotu
from mendel.stages.testset import Testset, pinned


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
        from mendel.corpus import tables  # loads pyarrow
        from mendel.corpus.presence import Presence  # loads numpy
        from mendel.corpus.reading import CorpusReading
        from mendel.corpus.split import ORDER, Dropped, Sentence, require_all  # loads datasketch
        from mendel.corpus.writing import Corpus  # loads datasketch, pyarrow, scipy

        [uri] = draft.context.uris(inputs["testset"], "/test.parquet")
        presence = Presence(tables.read_sentences(uri))
        reading = CorpusReading(self.source, self.cleaning, inputs["source"])
        files = {split: draft.folder / f"split={split}" / "part-00000.parquet" for split in ORDER}
        with tempfile.TemporaryDirectory(prefix="mendel-ingest-") as folder:
            corpus = Corpus(Path(folder), self.near_duplicate, pinned=tables.read_sentences(uri))
            with (draft.folder / "quarantine.jsonl").open("w") as quarantine:
                for batch in reading.batches():
                    presence.look(item for item in batch if isinstance(item, Sentence | Dropped))
                    quarantine.writelines(tables.quarantine_line(item) for item in batch if isinstance(item, Rejected))
                    corpus.take(batch)
            absent = presence.absent()
            if presence.names and len(absent) == len(presence.names):
                raise self._another_corpus(inputs, len(absent))
            corpus.write(files, draft.folder / "dropped.parquet")
        require_all(set(corpus.sentences), reading.documents)
        if unpinned := corpus.dropped["not_pinned"]:
            log.info("held out, not tested", sentences=unpinned, to_pin_them="mendel testset renew")
        rows = chain.from_iterable(tables.read_batches(str(path)) for path in files.values())
        alphabet = "".join(sorted(corpus.alphabet))
        return Outcome(
            rows=corpus.sentences.total(),
            digest=digest.of_batches(rows, tables.SENTENCES),
            metrics={
                "documents": reading.documents.total(),
                "sentences": corpus.sentences,
                "characters": corpus.characters,
                "alphabet": alphabet,
                "alphabet_size": len(alphabet),
                "dropped": +corpus.dropped,
                "quarantined": reading.reasons.total(),
                "refused": reading.reasons,
                "wrapped": {
                    "documents": reading.wrapped_documents,
                    "share": reading.wrapped_characters / max(1, reading.characters),
                },
                "pinned": {
                    "documents": len(presence.names),
                    "sentences": presence.sentences,
                    "foreign_documents": len(absent),
                    "foreign_sentences": sum(absent.values()),
                },
            },
        )

    def _another_corpus(self, inputs: Mapping[str, InputEntry], documents: int) -> InputError:
        return InputError(
            f"the pinned test set testset/{self.source.name} ({inputs['testset'].rows} sentences of {documents} "
            f"documents) has no document that {inputs['source'].uri} holds. If this is another corpus, give it a name "
            "of its own: source.name (--set source.name=…). If the source was replaced, pin what it holds out now: "
            "mendel testset renew"
        )

    def identity(self) -> Any:
        return {**self.model_dump(mode="json"), "source": self.source.identity()}
