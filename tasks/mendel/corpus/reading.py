"""Reads a source whole: documents into sentences, with every loss on record."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from mendel.core.errors import InputError, MendelError
from mendel.core.log import log, track
from mendel.core.manifest import InputEntry
from mendel.corpus import wrapping
from mendel.corpus.clean import Cleaning, clean
from mendel.corpus.sources import AnySource
from mendel.corpus.sources.base import Document, Rejected, Split, text_hash
from mendel.corpus.split import Dropped, Sentence

NAMED_IN_LOG = 3
"""Quarantined items that the log names of each reason; quarantine.jsonl has them all."""


@dataclass
class CorpusReading:
    sentences: list[Sentence] = field(default_factory=list)
    dropped: list[Dropped] = field(default_factory=list)
    quarantined: list[Rejected] = field(default_factory=list)
    documents: Counter[Split] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    """Of what is quarantined."""
    characters: int = 0
    wrapped_characters: int = 0
    wrapped_documents: int = 0
    """Of those, and of the documents, what looks as if its lines were broken by width."""

    verbose: bool = True
    """Whether the log names what is quarantined. The first ingest reads twice, and says it once."""

    def quarantine(self, item: Rejected) -> None:
        self.quarantined.append(item)
        self.reasons[item.reason] += 1
        if self.verbose and self.reasons[item.reason] <= NAMED_IN_LOG:
            log.warning("quarantined", uri=item.uri, reason=item.reason, detail=item.detail)


def read(source: AnySource, cleaning: Cleaning, entry: InputEntry, only: Split | None = None) -> CorpusReading:
    """All sentences of a source that pass the filters; with `only`, of one split's documents.

    Raises InputError if no document can be read, and MendelError (worth a retry) if the source is not, or no longer,
    what `entry` says: the version's name would be wrong.
    """
    reading = CorpusReading(verbose=only is None)
    for document in track(_documents(source, reading), "reading", total=entry.rows):
        reading.documents[document.split] += 1
        if only in (None, document.split):
            _add(document, cleaning, reading)
    if source.entry().digest != entry.digest:
        raise MendelError(f"{entry.uri} changed while it was read; run again when nobody writes to it")
    if not reading.documents:
        raise InputError(
            f"{entry.uri} holds no text that can be read; {len(reading.quarantined)} refused, such as "
            + "; ".join(f"{item.uri}: {item.detail}" for item in reading.quarantined[:3])
        )
    return reading


def _documents(source: AnySource, reading: CorpusReading) -> Iterator[Document]:
    """The source's documents, each name once; the rest is quarantined."""
    texts: dict[str, str] = {}
    for item in source.read():
        if isinstance(item, Rejected):
            reading.quarantine(item)
        elif texts.setdefault(item.id, text := text_hash(item.text)) != text:
            reading.quarantine(
                Rejected(
                    item.id, "same_name", "another document of this name has another text; give it a name of its own"
                )
            )
        else:
            yield item


def _add(document: Document, cleaning: Cleaning, reading: CorpusReading) -> None:
    cleaned = clean(document.text)
    reading.characters += len(cleaned)
    if wrapping.width(cleaned):
        reading.wrapped_characters += len(cleaned)
        reading.wrapped_documents += 1
    position = -1
    for position, text in enumerate(cleaning.split(cleaned)):
        if fault := cleaning.fault(text):
            reading.dropped.append(Dropped(document.id, position, text, *fault))
        else:
            reading.sentences.append(Sentence(document.id, position, document.year, document.split, text))
    if position < 0:
        reading.quarantine(Rejected(document.id, "nothing_left", "no text is left after cleaning"))
