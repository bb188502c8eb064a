"""Near duplicates: MinHash (datasketch) in bands proposes (LSH), the exact Jaccard similarity decides.

Two sentences are near-equal when their sets of character 5-grams, taken over lower-case words without punctuation, have
a Jaccard similarity of at least the threshold (0.8: about one word changed in a sentence of 100 characters). Equal ones
are always found. Of pairs right at the threshold LSH misses under 1 in 1,000, of pairs at 0.9 under 1 in a million.
"""

from __future__ import annotations

import re
import zlib
from collections import defaultdict
from dataclasses import dataclass
from typing import Generic, TypeVar

from datasketch import MinHash

SHINGLE = 5
PERMUTATIONS = 64
MISSED = 1e-3
"""Highest share of pairs at the threshold that LSH may fail to propose."""
WORDS = re.compile(r"\w+")
Key = TypeVar("Key")


def shingles(text: str) -> frozenset[str]:
    """Character 5-grams of the words in lower case; a text without a word or shorter than that stands for itself."""
    words = " ".join(WORDS.findall(text.casefold())) or text
    return frozenset(map("".join, zip(*(words[start:] for start in range(SHINGLE)), strict=False))) or frozenset(
        [words]
    )


def similarity(one: frozenset[str], other: frozenset[str]) -> float:
    """Jaccard similarity: shared over all."""
    return len(one & other) / len(one | other)


@dataclass(frozen=True, slots=True)
class Sketch:
    """A text, prepared for comparison."""

    text: str
    shingles: frozenset[str]
    hashes: list[int]
    """Of the shingles."""
    bands: tuple[int, ...]
    """Hashes of the parts of its MinHash: texts that share none are not compared. Another process has others."""


class Sketcher:
    """Prepares texts for comparison at a threshold."""

    def __init__(self, threshold: float) -> None:
        self.bands, rows = _bands(threshold)
        self._minhash = MinHash(num_perm=PERMUTATIONS, hashfunc=int)  # the hashes are there already
        self._width = rows * self._minhash.hashvalues.itemsize

    def __call__(self, text: str) -> Sketch:
        parts = shingles(text)
        hashes = list(map(zlib.crc32, map(str.encode, parts)))
        self._minhash.clear()
        self._minhash.update_batch(hashes)
        values, width = self._minhash.hashvalues.tobytes(), self._width
        bands = tuple(hash((band, values[band * width : (band + 1) * width])) for band in range(self.bands))
        return Sketch(text, parts, hashes, bands)


class Index(Generic[Key]):
    """Texts seen so far, to find the first that a new one equals or nearly equals.

    The buckets are two dictionaries, for most hold one text: about 2 kB a sentence at 0.8, a third of what datasketch's own
    sets take.
    """

    def __init__(self, threshold: float) -> None:
        self._threshold = threshold
        self._entries: list[tuple[str, Key]] = []
        self._first: dict[int, int] = {}
        self._others: defaultdict[int, list[int]] = defaultdict(list)

    def add(self, sketch: Sketch, key: Key) -> None:
        place = len(self._entries)
        for band in sketch.bands:
            if self._first.setdefault(band, place) != place:
                self._others[band].append(place)
        self._entries.append((sketch.text, key))

    def find(self, sketch: Sketch) -> Key | None:
        """The key of the earliest text added that is near-equal to this one."""
        places = {self._first[band] for band in sketch.bands if band in self._first}
        places.update(place for band in sketch.bands if band in self._others for place in self._others[band])
        for place in sorted(places):
            text, key = self._entries[place]
            if similarity(sketch.shingles, shingles(text)) >= self._threshold:
                return key
        return None


def _bands(threshold: float) -> tuple[int, int]:
    """Bands and rows per band for LSH: the most rows, hence the fewest false candidates, that miss few enough pairs."""
    choices = ((PERMUTATIONS // rows, rows) for rows in range(PERMUTATIONS // 2, 0, -1))
    return next((bands, rows) for bands, rows in choices if (1 - threshold**rows) ** bands <= MISSED)
