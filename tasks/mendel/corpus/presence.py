"""Which of a test set's documents a source still holds."""

from __future__ import annotations

from array import array
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from mendel.corpus.split import Dropped, Sentence


class Presence:
    """Looks for a test set's sentences among a source's. Of each it holds 22 bytes, and its documents' names."""

    def __init__(self, test: Iterable[Sentence]) -> None:
        names: dict[str, int] = {}
        documents, texts, placed = array("q"), array("q"), array("q")
        for item in test:
            documents.append(names.setdefault(item.doc, len(names)))
            texts.append(hash(item.text))
            placed.append(hash((item.doc, item.text)))
        self.names = list(names)
        self._documents = np.asarray(documents)
        self._texts = _Watched(np.asarray(texts))
        self._placed = _Watched(np.asarray(placed))

    @property
    def sentences(self) -> int:
        return len(self._documents)

    def look(self, items: Iterable[Sentence | Dropped]) -> None:
        """Some of the source's sentences, those too that are dropped."""
        pairs = [(hash(item.text), hash((item.doc, item.text))) for item in items]
        for watched, hashes in zip(
            (self._texts, self._placed), np.array(pairs, np.int64).reshape(-1, 2).T, strict=True
        ):
            watched.look(hashes)

    def absent(self) -> dict[str, int]:
        """Documents that the source has no more, by their names, and how many sentences each has.

        It has one if its document of that name has one of the sentences, or if half of them are anywhere in it: files are
        edited, and renamed.
        """
        count = len(self.names)
        size = np.bincount(self._documents, minlength=count)
        present = np.bincount(self._documents[self._placed.seen()], minlength=count)
        shared = np.bincount(self._documents[self._texts.seen()], minlength=count)
        return {self.names[doc]: int(size[doc]) for doc in np.flatnonzero((present == 0) & (2 * shared < size))}


class _Watched:
    """Hashes, and which of them have been seen."""

    def __init__(self, hashes: NDArray[np.int64]) -> None:
        self._hashes, self._numbers = np.unique(hashes, return_inverse=True)
        self._seen = np.zeros(len(self._hashes), bool)

    def look(self, hashes: NDArray[np.int64]) -> None:
        if len(self._hashes):
            places = np.minimum(np.searchsorted(self._hashes, hashes), len(self._hashes) - 1)
            self._seen[places[self._hashes[places] == hashes]] = True

    def seen(self) -> NDArray[np.bool_]:
        """For each of the hashes, in their first order."""
        seen: NDArray[np.bool_] = self._seen[self._numbers]
        return seen
