"""Which of many texts may decide about each other: near-equal ones, and what is near-equal to those, found on disk.

Two texts are compared when they share a band (LSH, `corpus.dedupe`). Of texts by the million each shares one with some, by
chance, so pairs are sifted by a bound that every pair at the threshold keeps: their sets of 5-grams differ in no more
places than (1 - t) / (1 + t) of their sizes' sum, and odd sketches (Mitzenmacher, Pagh and Pham 2014: for each bit, whether
an even or odd number of 5-grams falls on it) differ in no more bits than the sets do in 5-grams. What passes joins two
components. Texts of different components are never near-equal; most texts have none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from mendel.core.log import track
from mendel.corpus.dedupe import Sketcher

PART = 2**21
"""Texts of which one band's hashes are sorted in memory, some 200 MB."""
PAIRS = 2**17
"""Pairs that are looked at together."""
BITS = 256
"""Of an odd sketch: random sets of up to 450 5-grams each are told apart at 0.8."""
SLACK = 1e-6
"""For rounding: what is at the threshold passes."""
ODD = np.dtype((np.uint64, BITS // 64))

Places = NDArray[np.int64]


class Components(NamedTuple):
    """Texts that are not alone in their component."""

    places: Places
    """Ascending: the texts' numbers in the order in which they came."""
    labels: Places
    """Of each, the component's: the number of one of its texts."""


class Comparison:
    """Takes texts in order, into files of a folder; then says which belong together.

    In memory are a part of one band, and two numbers for each text that is not alone.
    """

    def __init__(self, folder: Path, threshold: float) -> None:
        self._sketch = Sketcher(threshold)
        self._threshold = threshold
        self._folder = folder
        self._count = 0
        folder.mkdir(parents=True, exist_ok=True)

    def add(self, texts: Iterable[str]) -> None:
        """A batch, whose texts are sketched one at a time: 5-grams take a hundred times a text's room."""
        bands, sizes, odd = [], [], []
        for sketch in map(self._sketch, texts):
            bands.append(sketch.bands)
            sizes.append(len(sketch.hashes))
            odd.append(_odd(sketch.hashes))
        for band, hashes in enumerate(np.array(bands, np.int64).reshape(-1, self._sketch.bands).T):
            self._append(f"band-{band}", hashes)
        self._append("sizes", np.array(sizes, np.int32))
        self._append("odd", np.array(odd, np.uint8))
        self._count += len(sizes)

    def components(self) -> Components:
        """To be called once, after the last text."""
        found = Components(np.empty(0, np.int64), np.empty(0, np.int64))
        for band in track(range(self._sketch.bands), "comparing sentences"):
            for part in self._parts(band):
                one, other = self._alike(*part)
                found = _joined(found, one, other)
        return found

    def _parts(self, band: int) -> Iterator[tuple[Places, Places]]:
        """Hashes and places of the texts of a band, in parts that share no hash; only where two texts have the same."""
        parts = -(-self._count // PART)
        for part in range(parts):
            chunks = [
                (hashes[chosen], start + np.flatnonzero(chosen))
                for start, hashes in self._read(f"band-{band}", np.dtype(np.int64))
                for chosen in [hashes % parts == part]
            ]
            hashes, places = (np.concatenate(columns) for columns in zip(*chunks, strict=True))
            order = np.argsort(hashes, kind="stable")
            hashes, places = hashes[order], places[order]
            same = hashes[1:] == hashes[:-1]
            shared = np.zeros(len(hashes), bool)
            shared[1:] |= same
            shared[:-1] |= same
            yield hashes[shared], places[shared]

    def _alike(self, hashes: Places, places: Places) -> tuple[Places, Places]:
        """Pairs of places that join texts of the same hash which may be near-equal; of a group, as many as join it."""
        sizes = self._at("sizes", np.dtype(np.int32), places)
        order = np.lexsort((sizes, hashes))
        hashes, places, sizes = hashes[order], places[order], sizes[order]
        odd = self._at("odd", ODD, places)
        ends = np.searchsorted(hashes, hashes, "right") - 1
        labels = changes = np.arange(len(places))
        pairs: list[tuple[Places, Places]] = []
        first, distance = np.arange(len(places) - 1), 1
        while True:
            # Those go that have no other behind them at this distance or further: their group ends, the sizes differ too
            # much, or all of the group that follows is in their component.
            first = first[first + distance <= ends[first]]
            first = first[self._threshold * sizes[first + distance] <= sizes[first] + SLACK]
            first = first[changes[first] != changes[ends[first]]]
            if not len(first):
                break
            unjoined = first[labels[first] != labels[first + distance]]
            one = unjoined[self._may_be_near(unjoined, unjoined + distance, sizes, odd)]
            if len(one):
                labels = _components(labels[one], labels[one + distance], len(labels))[labels]
                changes = np.concatenate([[0], np.cumsum(labels[1:] != labels[:-1])])
                pairs.append((places[one], places[one + distance]))
            distance += 1
        none = np.empty(0, np.int64)
        return (
            np.concatenate([none, *(one for one, _ in pairs)]),
            np.concatenate([none, *(other for _, other in pairs)]),
        )

    def _may_be_near(self, one: Places, other: Places, sizes: Any, odd: Any) -> NDArray[np.bool_]:
        """Whether the bound leaves it open that their similarity reaches the threshold."""
        chunks = [np.empty(0, bool)]
        for start in range(0, len(one), PAIRS):
            a, b = one[start : start + PAIRS], other[start : start + PAIRS]
            differing = np.bitwise_count(odd[a] ^ odd[b]).sum(axis=1, dtype=np.int64)
            most = (1 - self._threshold) * (sizes[a] + sizes[b]) / (1 + self._threshold)
            chunks.append(differing <= most + SLACK)
        return np.concatenate(chunks)

    def _append(self, name: str, values: NDArray[Any]) -> None:
        with (self._folder / name).open("ab") as file:
            file.write(values.tobytes())

    def _read(self, name: str, kind: np.dtype[Any]) -> Iterator[tuple[int, NDArray[Any]]]:
        """A file's values, chunk by chunk, each with its first place."""
        with ExitStack() as opened:
            file = opened.enter_context((self._folder / name).open("rb"))
            start = 0
            while len(data := file.read(PAIRS * kind.itemsize)):
                values = np.frombuffer(data, kind.base).reshape(-1, *kind.shape)
                yield start, values
                start += len(values)

    def _at(self, name: str, kind: np.dtype[Any], places: Places) -> NDArray[Any]:
        """A file's values at some places. The file is read from its start to its end: mapped, all of it would stay."""
        order = np.argsort(places)
        ascending = places[order]
        values = np.empty((len(places), *kind.shape), kind.base)
        for start, chunk in self._read(name, kind):
            low, high = np.searchsorted(ascending, [start, start + len(chunk)])
            values[order[low:high]] = chunk[ascending[low:high] - start]
        return values


def _odd(hashes: Sequence[int]) -> NDArray[np.uint8]:
    counts = np.bincount(np.array(hashes) % BITS, minlength=BITS)
    odd: NDArray[np.uint8] = np.packbits(counts % 2 == 1)
    return odd


def _joined(found: Components, one: Places, other: Places) -> Components:
    """Components after some of their texts, or others, were joined in pairs."""
    places, numbers = np.unique(np.concatenate([found.places, one, found.labels, other]), return_inverse=True)
    ones, others = np.split(numbers, 2)
    labels = _components(ones, others, len(places))
    representatives = np.empty(len(places), np.int64)
    representatives[labels[::-1]] = places[::-1]
    return Components(places, representatives[labels])


def _components(one: Places, other: Places, count: int) -> Places:
    """The component of each of `count` nodes, from 0 on, when these pairs of them are joined."""
    graph = coo_array((np.ones(len(one), np.int8), (one, other)), shape=(count, count))
    labels: Places = connected_components(graph, directed=False)[1]
    return labels
