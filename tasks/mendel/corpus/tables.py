"""The corpus's files: Parquet tables of sentences and of what was dropped."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Self

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


def of_dropped(dropped: Sequence[Dropped]) -> pa.Table:
    columns = {name: [getattr(item, name) for item in dropped] for name in DROPPED.names}
    return pa.table(columns, schema=DROPPED)


class Writer:
    """One Parquet file of tables that come one after another; its row groups do not depend on how they come."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = pq.ParquetWriter(path, schema, compression="zstd")
        self._rest = schema.empty_table()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, failure: type[BaseException] | None, *_: object) -> None:
        if failure is None and self._rest.num_rows:
            self._file.write_table(self._rest.combine_chunks())
        self._file.close()

    def write(self, table: pa.Table) -> None:
        self._rest = pa.concat_tables([self._rest, table])
        while self._rest.num_rows >= ROW_GROUP:
            self._file.write_table(self._rest.slice(0, ROW_GROUP).combine_chunks())
            self._rest = self._rest.slice(ROW_GROUP)


def read_batches(uri: str) -> Iterator[pa.RecordBatch]:
    """The rows of a Parquet file, a row group's worth at a time."""
    with lake.open_uri(uri) as file:
        yield from pq.ParquetFile(file).iter_batches(ROW_GROUP)


def read_sentences(uri: str) -> Iterator[Sentence]:
    """The sentences of a file that ingest made."""
    for batch in read_batches(uri):
        for row in batch.to_pylist():
            yield Sentence(row["doc"], row["position"], row["year"], row["split"], row["text"])


def quarantine_line(item: Rejected) -> str:
    return json.dumps({"uri": item.uri, "reason": item.reason, "detail": item.detail}) + "\n"
