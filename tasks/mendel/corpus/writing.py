"""Writes a corpus of any size: what a reading yields, separated, as Parquet files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path

import pyarrow.compute as pc

from mendel.core.runs import Runs
from mendel.corpus import tables
from mendel.corpus.separation import Separation
from mendel.corpus.sources.base import Rejected, Split
from mendel.corpus.split import Dropped, Sentence


class Corpus:
    """Takes what a reading yields, then writes what stays and what was dropped; and counts."""

    def __init__(self, folder: Path, threshold: float, pinned: Iterable[Sentence] | None) -> None:
        self._separation = Separation(folder, threshold, pinned)
        self._dropped = Runs(tables.DROPPED, ["doc", "position", "reason"], folder / "dropped")
        self.sentences: Counter[Split] = Counter()
        self.dropped: Counter[str] = Counter()
        """By reason."""
        self.characters = 0
        self.alphabet: set[str] = set()
        """Of the training sentences."""

    def take(self, batch: Iterable[Sentence | Dropped | Rejected]) -> None:
        items = list(batch)
        self._separation.add([item for item in items if isinstance(item, Sentence)])
        dropped = [item for item in items if isinstance(item, Dropped)]
        self._dropped.add(tables.of_dropped(dropped))
        self.dropped.update(item.reason for item in dropped)

    def write(self, files: Mapping[Split, Path], dropped: Path) -> None:
        """A file of each split's sentences, and one of what was dropped."""
        with ExitStack() as opened:
            writers = {
                split: opened.enter_context(tables.Writer(path, tables.SENTENCES)) for split, path in files.items()
            }
            for part in self._separation.results():
                for split, writer in writers.items():
                    sentences = part.sentences.filter(pc.equal(part.sentences["split"], split))
                    writer.write(sentences)
                    self._count(split, sentences["text"].to_pylist())
                self._dropped.add(part.dropped)
                self.dropped.update(part.dropped["reason"].to_pylist())
        with tables.Writer(dropped, tables.DROPPED) as writer:
            for table in self._dropped.merged():
                writer.write(table)

    def _count(self, split: Split, texts: list[str]) -> None:
        if texts:
            self.sentences[split] += len(texts)
            self.characters += sum(map(len, texts))
        if split == "train":
            self.alphabet.update(*texts)
