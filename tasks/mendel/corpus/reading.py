"""Reads a source: documents into sentences, one after another, with every loss on record."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing

from mendel.core.errors import InputError, MendelError
from mendel.core.log import log, track
from mendel.core.manifest import InputEntry
from mendel.corpus import wrapping
from mendel.corpus.clean import Cleaning, clean
from mendel.corpus.sources import AnySource
from mendel.corpus.sources.base import Document, Rejected, Split, text_hash
from mendel.corpus.split import Dropped, Sentence

NAMED = 3
"""Quarantined items that the log names of each reason, and an error of all; quarantine.jsonl has them all."""


BATCH_CHARACTERS = 2**20


class CorpusReading:
    """What a source's documents become: iterated once, it yields their sentences, those that the filters drop, and what
    is quarantined. Meanwhile it counts.

    With `only`, of one split's documents. Iterating raises InputError if no document can be read, and MendelError (worth a
    retry) if the source is not, or no longer, what `entry` says: the version's name would be wrong.
    """

    def __init__(self, source: AnySource, cleaning: Cleaning, entry: InputEntry, only: Split | None = None) -> None:
        self._source = source
        self._cleaning = cleaning
        self._entry = entry
        self._only = only
        self.documents: Counter[Split] = Counter()
        self.reasons: Counter[str] = Counter()
        """Of what is quarantined."""
        self.characters = 0
        self.wrapped_characters = 0
        self.wrapped_documents = 0
        """Of those, and of the documents, what looks as if its lines were broken by width."""

    def __iter__(self) -> Iterator[Sentence | Dropped | Rejected]:
        examples: list[Rejected] = []
        for item in self._items():
            if isinstance(item, Rejected):
                self._count(item, examples)
            yield item
        if self._source.entry().digest != self._entry.digest:
            raise MendelError(f"{self._entry.uri} changed while it was read; run again when nobody writes to it")
        if not self.documents:
            raise InputError(
                f"{self._entry.uri} holds no text that can be read; {self.reasons.total()} refused, such as "
                + "; ".join(f"{item.uri}: {item.detail}" for item in examples)
            )

    def batches(self) -> Iterator[list[Sentence | Dropped | Rejected]]:
        """The same, some at a time."""
        batch: list[Sentence | Dropped | Rejected] = []
        characters = 0
        for item in self:
            batch.append(item)
            characters += len(item.detail if isinstance(item, Rejected) else item.text)
            if characters >= BATCH_CHARACTERS:
                yield batch
                batch, characters = [], 0
        yield batch

    def _items(self) -> Iterator[Sentence | Dropped | Rejected]:
        for document in track(self._documents(), "reading", total=self._entry.rows):
            if isinstance(document, Rejected):
                yield document
                continue
            self.documents[document.split] += 1
            if self._only in (None, document.split):
                yield from self._sentences(document)

    def _documents(self) -> Iterator[Document | Rejected]:
        """The source's documents, each name once; the rest is rejected."""
        with closing(sqlite3.connect("")) as names:  # in a temporary file where they are many
            names.execute("CREATE TABLE names (name TEXT PRIMARY KEY, text TEXT) WITHOUT ROWID")
            for item in self._source.read():
                if isinstance(item, Document) and not _is_new(item, names):
                    detail = "another document of this name has another text; give it a name of its own"
                    yield Rejected(item.id, "same_name", detail)
                else:
                    yield item

    def _sentences(self, document: Document) -> Iterator[Sentence | Dropped | Rejected]:
        cleaned = clean(document.text)
        self.characters += len(cleaned)
        if wrapping.width(cleaned):
            self.wrapped_characters += len(cleaned)
            self.wrapped_documents += 1
        position = -1
        for position, text in enumerate(self._cleaning.split(cleaned)):
            if fault := self._cleaning.fault(text):
                yield Dropped(document.id, position, text, *fault)
            else:
                yield Sentence(document.id, position, document.year, document.split, text)
        if position < 0:
            yield Rejected(document.id, "nothing_left", "no text is left after cleaning")

    def _count(self, item: Rejected, examples: list[Rejected]) -> None:
        self.reasons[item.reason] += 1
        if len(examples) < NAMED:
            examples.append(item)
        # The first ingest reads twice, once for the test set alone, and says it once.
        if self._only is None and self.reasons[item.reason] <= NAMED:
            log.warning("quarantined", uri=item.uri, reason=item.reason, detail=item.detail)


def _is_new(document: Document, names: sqlite3.Connection) -> bool:
    """Whether no other document of this name has another text."""
    text = text_hash(document.text)
    names.execute("INSERT OR IGNORE INTO names VALUES (?, ?)", (document.id, text))
    [first] = names.execute("SELECT text FROM names WHERE name = ?", (document.id,)).fetchone()
    return bool(first == text)
