"""The corpus's files: Parquet tables of sentences and of what was dropped."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from mendel.core import lake
from mendel.corpus.sources.base import Rejected
from mendel.corpus.split import Dropped, Sentence

SENTENCES = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("doc", pa.string(), nullable=False),
        pa.field("position", pa.int32(), nullable=False),
        pa.field("year", pa.int32()),
        pa.field("split", pa.string(), nullable=False),
        pa.field("text", pa.string(), nullable=False),
    ]
)
DROPPED = pa.schema(
    [
        pa.field("doc", pa.string(), nullable=False),
        pa.field("position", pa.int32(), nullable=False),
        pa.field("text", pa.string(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("detail", pa.string(), nullable=False),
    ]
)
ROW_GROUP = 8192
"""Rows; small enough for several workers to share a file of a laptop's corpus."""


def of_sentences(sentences: Sequence[Sentence]) -> pa.Table:
    columns = {name: [getattr(sentence, name) for sentence in sentences] for name in SENTENCES.names}
    return pa.table(columns, schema=SENTENCES)


def of_dropped(dropped: Sequence[Dropped]) -> pa.Table:
    placed = sorted(dropped, key=lambda item: (item.doc, item.position, item.reason))
    columns = {name: [getattr(item, name) for item in placed] for name in DROPPED.names}
    return pa.table(columns, schema=DROPPED)


def write(table: pa.Table, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path, compression="zstd", row_group_size=ROW_GROUP)


def write_quarantine(quarantined: Iterable[Rejected], path: Path) -> None:
    lines = (json.dumps({"uri": item.uri, "reason": item.reason, "detail": item.detail}) + "\n" for item in quarantined)
    path.write_text("".join(lines))


def read_sentences(uri: str) -> list[Sentence]:
    """The sentences of a file that `write` made."""
    rows = pq.read_table(pa.BufferReader(lake.read_bytes(uri)), schema=SENTENCES).to_pylist()
    return [Sentence(row["doc"], row["position"], row["year"], row["split"], row["text"]) for row in rows]
