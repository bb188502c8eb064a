"""Restorers whose changes are known, to see what becomes of the bytes around them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from mendel.documents.document import ReadingOptions
from mendel.documents.reading import reader
from mendel.documents.restoring import RestoredDocument, restore
from mendel.restorers.document import DocumentContext
from mendel.restorers.restorer import Restoration, Restorer, Span

OPTIONS = ReadingOptions()


class Rewords(Restorer):
    """Writes other words for some, wherever they stand; remembers what it was asked about."""

    kind = "rewords"

    def __init__(self, words: Mapping[str, str]) -> None:
        self.words = words
        self.asked: list[str] = []
        self.documents: list[DocumentContext | None] = []
        self._pattern = re.compile("|".join(map(re.escape, words))) if words else re.compile(r"(?!)")

    @classmethod
    def read(cls, folder: Path) -> Rewords:
        raise NotImplementedError(f"it is in no folder such as {folder}")

    def restore(
        self, texts: Sequence[str], documents: Sequence[DocumentContext | None] | None = None
    ) -> list[Restoration]:
        self.asked += texts
        self.documents += documents or [None] * len(texts)
        return [self._one(text) for text in texts]

    def _one(self, text: str) -> Restoration:
        edits = tuple(
            Span(start=found.start(), end=found.end(), replacement=self.words[found[0]], confidence=0.9)
            for found in self._pattern.finditer(text)
        )
        made = self._pattern.sub(lambda found: self.words[found[0]], text)
        return Restoration(text=made, confidence=0.9, edits=edits, fallback=False)


def restored(
    data: bytes | str, form: str, words: Mapping[str, str] | None = None, options: ReadingOptions = OPTIONS
) -> RestoredDocument:
    """A document after other words were written for some."""
    raw = data.encode() if isinstance(data, str) else data
    return restore(Rewords(words or {}), raw, reader(form), options, None, "test")


def asked(data: bytes | str, form: str, options: ReadingOptions = OPTIONS) -> list[str]:
    """What a restorer reads of a document, sentence by sentence."""
    restorer = Rewords({})
    restore(restorer, data.encode() if isinstance(data, str) else data, reader(form), options, None, "test")
    return restorer.asked
