"""Separates the splits of a corpus of any size, in a folder that holds what memory need not.

Sentences are taken in the order pinned, test, validation, train, and by document and place within each. One that is equal
or near-equal to an earlier one is dropped: as `duplicate` or `near_duplicate` within a split, as `leak` across two. With a
pinned test set the test split is exactly those sentences: their documents stay held out, and held-out text that they do
not hold is dropped as `not_pinned`.

The result does not depend on the order in which sentences come. They are sorted on disk, and sketched; those that belong
to one component of near-equal ones are judged together (`corpus.split`), the others have nothing to fear from each other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import groupby, islice, tee
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
import pyarrow as pa

from mendel.core import runs
from mendel.core.log import track
from mendel.core.runs import Runs
from mendel.corpus import tables
from mendel.corpus.components import Comparison, Components
from mendel.corpus.dedupe import Sketcher
from mendel.corpus.sources.base import Split
from mendel.corpus.split import NOT_PINNED, ORDER, PINNED_AGAIN, Reason, Sentence, judged, sentence_id

PINNED = 0
"""The rank of a sentence of the pinned test set; then come the splits'."""
RANKS = {split: rank for rank, split in enumerate(ORDER, start=1)}
SPLITS: tuple[Split, ...] = ("test", *ORDER)
"""By rank."""
PLACED = pa.schema(
    [("rank", pa.int8()), ("doc", pa.string()), ("position", pa.int32()), ("year", pa.int32()), ("text", pa.string())]
)
LINKED = pa.schema([("component", pa.int64()), ("place", pa.int64()), *PLACED])
GONE = pa.schema([("place", pa.int64()), ("reason", pa.string()), ("detail", pa.string())])
ROWS = 8192
"""Of Python objects that become a table at a time."""
REPEATED = 64
Item = TypeVar("Item")


class Separated(NamedTuple):
    """Part of a result: what stays, by `tables.SENTENCES`, and what goes, by `tables.DROPPED`."""

    sentences: pa.Table
    dropped: pa.Table


class Separation:
    """Takes sentences, then tells which of them stay and which go and why."""

    def __init__(self, folder: Path, threshold: float, pinned: Iterable[Sentence] | None) -> None:
        self._folder = folder
        self._threshold = threshold
        self._pinned = pinned is not None
        self._rows = Runs(PLACED, ["rank", "doc", "position", "text"], folder / "sentences")
        self._held_out: set[str] = set()
        for batch in _batched(pinned or ()):
            self._held_out.update(sentence.doc for sentence in batch)
            self._rows.add(_table(batch, [PINNED] * len(batch)))

    def add(self, sentences: Sequence[Sentence]) -> None:
        self._rows.add(_table(sentences, [RANKS["test" if s.doc in self._held_out else s.split] for s in sentences]))

    def results(self) -> Iterator[Separated]:
        """In the order of the sentences' places, some at a time. To be called once, after the last sentence."""
        components = self._compared()
        gone = self._judged(components)
        start, following = 0, next(gone, None)
        for block in runs.read(self._placed):
            reasons: dict[int, Reason] = {}
            while following is not None and following[0] < start + block.num_rows:
                reasons[following[0] - start] = following[1]
                following = next(gone, None)
            start += block.num_rows
            if self._pinned:
                for place in np.flatnonzero(block["rank"].to_numpy() == RANKS["test"]).tolist():
                    reasons.setdefault(place, NOT_PINNED)
            yield _separated(block, reasons)

    @property
    def _placed(self) -> Path:
        return self._folder / "placed.arrow"

    def _compared(self) -> Components:
        """Writes the sentences in order, and finds which may be near-equal."""
        comparison = Comparison(self._folder / "sketches", self._threshold)

        def sketched() -> Iterator[pa.Table]:
            for block in track(self._rows.merged(), "sketching sentences"):
                comparison.add(block["text"].to_pylist())
                yield block

        runs.write(self._placed, PLACED, sketched())
        return comparison.components()

    def _judged(self, components: Components) -> Iterator[tuple[int, Reason]]:
        """The places of sentences that go, ascending, and why; without those that are alone and `not_pinned`."""
        gone = Runs(GONE, ["place"], self._folder / "gone")
        for batch in _batched(self._reasons(components)):
            columns = zip(*((place, reason.reason, reason.detail) for place, reason in batch), strict=True)
            gone.add(pa.table([*map(list, columns)], schema=GONE))
        for table in gone.merged():
            for row in table.to_pylist():
                yield row["place"], Reason(row["reason"], row["detail"])

    def _reasons(self, components: Components) -> Iterator[tuple[int, Reason]]:
        """The same, component by component."""
        linked = Runs(LINKED, ["component", "place"], self._folder / "linked")
        start = 0
        for block in runs.read(self._placed):
            low, high = np.searchsorted(components.places, [start, start + block.num_rows])
            places, labels = components.places[low:high], components.labels[low:high]
            columns = block.take(pa.array(places - start)).columns
            linked.add(pa.table([pa.array(labels), pa.array(places), *columns], schema=LINKED))
            start += block.num_rows
        sketch = lru_cache(REPEATED)(Sketcher(self._threshold))  # where one text is there many times
        ordered = (row for table in linked.merged() for row in table.to_pylist())
        for _, component in track(groupby(ordered, itemgetter("component")), "removing duplicates"):
            rows, again = tee(component)
            reasons = judged(map(_sentence, again), sketch, self._threshold, pinned=self._pinned)
            yield from ((row["place"], reason) for row, reason in zip(rows, reasons, strict=True) if reason)


def _table(sentences: Sequence[Sentence], ranks: Sequence[int]) -> pa.Table:
    columns = {name: [getattr(sentence, name) for sentence in sentences] for name in PLACED.names[1:]}
    return pa.table({"rank": ranks, **columns}, schema=PLACED)


def _sentence(row: Mapping[str, Any]) -> tuple[Sentence, bool]:
    """A sentence, and whether it is pinned."""
    rank = row["rank"]
    return Sentence(row["doc"], row["position"], row["year"], SPLITS[rank], row["text"]), rank == PINNED


def _separated(block: pa.RecordBatch, reasons: Mapping[int, Reason]) -> Separated:
    """A block of sentences, of which those at some places go."""
    places = sorted(reasons)
    going = block.take(pa.array(places, pa.int64()))
    told = [reasons[place] for place in places]
    dropped = pa.table(
        {
            **{name: going[name] for name in ("doc", "position", "text")},
            "reason": [reason.reason for reason in told],
            "detail": [reason.detail for reason in told],
        },
        schema=tables.DROPPED,
    ).filter(pa.array([reason != PINNED_AGAIN for reason in told], pa.bool_()))
    stays = np.ones(block.num_rows, bool)
    stays[places] = False
    staying = block.filter(pa.array(stays))
    sentences = pa.table(
        {
            **{name: staying[name] for name in ("doc", "position", "year", "text")},
            "id": list(map(sentence_id, staying["text"].to_pylist())),
            "split": pa.array(SPLITS).take(staying["rank"]),
        }
    )
    return Separated(sentences.select(tables.SENTENCES.names).cast(tables.SENTENCES), dropped)


def _batched(items: Iterable[Item]) -> Iterator[list[Item]]:
    items = iter(items)
    while batch := list(islice(items, ROWS)):
        yield batch
