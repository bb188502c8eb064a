"""The rows of a Parquet file."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Collection, Iterator
from typing import IO, TYPE_CHECKING, Any

from mendel.records import streams
from mendel.records.problems import UnreadableFileError
from mendel.records.values import Row, as_json

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

ROWS = 1024
"""That are read at once."""
BATCH_BYTES = 64 << 20
"""Fewer are where they are large: what they take when they are read, by what the file says of itself."""


def rows(
    file: IO[bytes], compression: str | None, text_key: str, id_key: str | None, *, id_wanted: bool, extra: bool = False
) -> Iterator[Row]:
    """Rows in order, values as they are; strings as bytes. `extra`: the other columns too.

    Raises UnreadableFileError at whatever is damaged.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    with tempfile.TemporaryFile() as copy:
        source = streams.plain(file, compression)
        if compression is not None:  # Parquet is read from its end
            shutil.copyfileobj(source, copy, streams.BLOCK_BYTES)
            source = copy
        try:
            with pq.ParquetFile(source) as parquet:
                columns = _columns(parquet.schema_arrow.names, text_key, id_key, id_wanted=id_wanted)
                for batch in parquet.iter_batches(_at_once(parquet), columns=None if extra else columns):
                    texts = _values(batch.column(text_key))
                    ids = _values(batch.column(id_key)) if id_key in columns else [None] * len(texts)
                    yield from map(Row, ids, texts, _others(batch, columns))
        except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
            raise UnreadableFileError("damaged", f"not Parquet, or damaged: {error}") from error


def _columns(names: list[str], text_key: str, id_key: str | None, *, id_wanted: bool) -> list[str]:
    there = ", ".join(names) or "nothing"
    if text_key not in names:
        raise UnreadableFileError(
            "no_text", f"no column {text_key!r}; there is: {there}. Set text_key to what holds the text"
        )
    if id_wanted and id_key not in names:
        raise UnreadableFileError(
            "no_id", f"no column {id_key!r}; there is: {there}. Set id_key to what names a record"
        )
    columns = [key for key in dict.fromkeys((text_key, id_key)) if key in names]
    if twice := [key for key in columns if names.count(key) > 1]:
        raise UnreadableFileError("two_columns", f"{twice[0]!r} names several columns; there is: {there}")
    return [key for key in columns if key is not None]


def _at_once(parquet: pq.ParquetFile) -> int:
    groups = (parquet.metadata.row_group(number) for number in range(parquet.metadata.num_row_groups))
    largest = max((group.total_byte_size // max(group.num_rows, 1) for group in groups), default=0)
    return max(1, min(ROWS, BATCH_BYTES // max(largest, 1)))


def _others(batch: pa.RecordBatch, own: Collection[str]) -> Iterator[str | None]:
    """Of each row a JSON object of the columns that are not its own; columns of one name are told by the last."""
    names = [name for name in batch.schema.names if name not in own]
    columns = [_plain(batch.column(number)) for number, name in enumerate(batch.schema.names) if name not in own]
    for row in range(batch.num_rows):
        yield as_json({name: column[row] for name, column in zip(names, columns, strict=True)})


def _plain(column: pa.Array) -> list[Any]:
    """Python values; where Python has no form for one of them, all as Arrow prints them, and None where it cannot."""
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        return list(column.to_pylist())
    except (ValueError, OverflowError, pa.ArrowException):
        pass
    try:
        return list(pc.cast(column, pa.string(), safe=False).to_pylist())
    except (ValueError, pa.ArrowException):
        return [None] * len(column)


def _values(column: pa.Array) -> list[Any]:
    """Python values. Of a column that is neither text nor whole numbers only the type, not every value has a form."""
    import pyarrow as pa
    import pyarrow.types as types

    kind = column.type
    if types.is_dictionary(kind):
        column, kind = column.dictionary_decode(), kind.value_type
    if types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind):
        column = column.cast(pa.large_binary())
        kind = column.type
    if types.is_binary(kind) or types.is_large_binary(kind) or types.is_binary_view(kind) or types.is_integer(kind):
        return list(column.to_pylist())
    return [None if missing else kind for missing in column.is_null().to_pylist()]
