"""The rows of a Parquet file."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from typing import IO, TYPE_CHECKING, Any

from mendel.records import streams
from mendel.records.problems import UnreadableFileError
from mendel.records.values import Row

if TYPE_CHECKING:
    import pyarrow as pa

ROWS = 1024


def rows(
    file: IO[bytes], compression: str | None, text_key: str, id_key: str | None, *, id_wanted: bool
) -> Iterator[Row]:
    """Rows in order, values as they are; strings as bytes. Raises UnreadableFileError at whatever is damaged."""
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
                for batch in parquet.iter_batches(ROWS, columns=columns):
                    texts = _values(batch.column(text_key))
                    ids = _values(batch.column(id_key)) if id_key in columns else [None] * len(texts)
                    yield from map(Row, ids, texts)
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
