"""The dataset `pairs`: clean texts with their noisy copies, as Parquet files below `split=…`, and `noise.json`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mendel.core.errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa
    from pyarrow import dataset

COLUMNS = {
    "id": "string",  # record_id#copy, unique
    "record_id": "string",  # the corpus record that was corrupted
    "split": "string",
    "copy": "int",  # from 0
    "clean": "string",
    "noisy": "string",
    "edits": "binary",  # what was done, see mendel.noise.edits
}
"""Name and SQL type of each column; none is ever null."""

NOISE = "noise.json"
"""The ResolvedProfile that made the pairs."""

BATCH = 8192
"""Pairs that are read at a time, where all are not read at once."""


def read(
    uris: Sequence[str], *, splits: Sequence[str] | None = None, columns: Sequence[str] = tuple(COLUMNS)
) -> pa.Table:
    """Pairs from their Parquet files (of one file system), all splits or some. Order of rows is not defined."""
    from pyarrow import dataset

    condition = None if splits is None else dataset.field("split").isin(splits)
    return _files(uris).to_table(columns=list(columns), filter=condition)


def scan(uris: Sequence[str]) -> dataset.Scanner:
    """The same, to be read some at a time: its `to_batches`, with its `projected_schema`."""
    return _files(uris).scanner(columns=list(COLUMNS), batch_size=BATCH, batch_readahead=1, fragment_readahead=1)


def _files(uris: Sequence[str]) -> dataset.Dataset:
    import pyarrow as pa
    from fsspec.core import url_to_fs
    from pyarrow import dataset

    if not uris:
        raise InputError("a pairs dataset without Parquet files; make it again: mendel corrupt --force")
    file_system, _ = url_to_fs(uris[0])
    return dataset.dataset(
        [file_system._strip_protocol(uri) for uri in uris],
        filesystem=file_system,
        partitioning=dataset.partitioning(pa.schema([("split", pa.string())]), flavor="hive"),
    )
