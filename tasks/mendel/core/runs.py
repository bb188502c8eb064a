"""Sorting more rows than memory holds: sorted runs in a folder, merged block by block."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Generator, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa

RUN_BYTES = 32 * 2**20
"""Of rows that are sorted in memory."""
BLOCK_BYTES = 2**18
"""Of each run, held while all are merged: the runs of 10 GB take 80 MB."""
Rows = TypeVar("Rows", pa.Table, pa.RecordBatch)


class Runs:
    """Rows of a schema that come in any order and are read in the order of their keys, which hold no null.

    No more than RUN_BYTES of them are in memory at a time, or a block of each run; the folder gets the rest.
    """

    def __init__(self, schema: pa.Schema, keys: Sequence[str], folder: Path) -> None:
        self.schema = schema
        self._order = [(key, "ascending") for key in keys]
        self._folder = folder
        self._paths: list[Path] = []
        self._pending: list[pa.Table] = []
        self._bytes = 0
        folder.mkdir(parents=True, exist_ok=True)

    def add(self, rows: pa.Table | pa.RecordBatch) -> None:
        """Further rows, their columns in any order."""
        table = pa.Table.from_batches([rows]) if isinstance(rows, pa.RecordBatch) else rows
        table = table.select(self.schema.names).cast(self.schema)
        for part in cut(table, RUN_BYTES):
            self._pending.append(part)
            self._bytes += part.nbytes
            if self._bytes >= RUN_BYTES:
                self._spill()

    def merged(self) -> Iterator[pa.Table]:
        """All rows in order, in blocks. To be called once, after the last row."""
        if not self._paths:
            yield from cut(self._sorted(), BLOCK_BYTES)
            return
        self._spill()
        with ExitStack() as opened:
            heads = [opened.enter_context(_Head(path, [name for name, _ in self._order])) for path in self._paths]
            while heads := [head for head in heads if head.rows or head.advance()]:
                bound = min(head.last for head in heads)
                block = pa.Table.from_batches([part for head in heads if (part := head.until(bound)).num_rows])
                yield block.sort_by(self._order)

    def _sorted(self) -> pa.Table:
        table = pa.concat_tables(self._pending) if self._pending else self.schema.empty_table()
        self._pending, self._bytes = [], 0
        return table.sort_by(self._order)

    def _spill(self) -> None:
        if self._pending:
            self._paths.append(self._folder / f"{len(self._paths):06}.arrow")
            write(self._paths[-1], self.schema, cut(self._sorted(), BLOCK_BYTES))


class _Head:
    """The next block of a run."""

    def __init__(self, path: Path, keys: Sequence[str]) -> None:
        self._blocks = read(path)
        self._keys = keys
        self.rows = 0

    def __enter__(self) -> _Head:
        return self

    def __exit__(self, *_: object) -> None:
        self._blocks.close()

    def advance(self) -> bool:
        """The next block, if there is one."""
        block = next(self._blocks, None)
        if block is None:
            return False
        self._set(block)
        return True

    def until(self, bound: tuple[Any, ...]) -> pa.RecordBatch:
        """The rows up to and with a key, which are then behind the head."""
        count = bisect_right(range(self.rows), bound, key=self._key)
        part, rest = self._block.slice(0, count), self._block.slice(count)
        self._set(rest)
        return part

    def _set(self, block: pa.RecordBatch) -> None:
        self._block, self.rows = block, block.num_rows
        self._columns = [block[key] for key in self._keys]
        if self.rows:
            self.last = self._key(self.rows - 1)

    def _key(self, row: int) -> tuple[Any, ...]:
        return tuple(column[row].as_py() for column in self._columns)


def cut(rows: Rows, size: int) -> Iterator[Rows]:
    """The rows in slices of about `size` bytes."""
    step = max(1, size * rows.num_rows // max(1, rows.nbytes))
    for start in range(0, rows.num_rows, step):
        yield rows.slice(start, step)


def write(path: Path, schema: pa.Schema, tables: Iterator[pa.Table]) -> None:
    """Tables as one file, each as one block of it."""
    with pa.ipc.new_file(path, schema, options=pa.ipc.IpcWriteOptions(compression="lz4")) as writer:
        for table in tables:
            writer.write_table(table.combine_chunks())


def read(path: Path, columns: Sequence[str] | None = None) -> Generator[pa.RecordBatch]:
    """The blocks of a file, one at a time; all columns or some."""
    with pa.OSFile(str(path)) as file:
        names = pa.ipc.open_file(file).schema.names
        fields = None if columns is None else [names.index(column) for column in columns]
        reader = pa.ipc.open_file(file, options=pa.ipc.IpcReadOptions(included_fields=fields))
        for number in range(reader.num_record_batches):
            yield reader.get_batch(number)
