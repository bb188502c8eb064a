"""Digests of data that depend on the data alone: not on Parquet's bytes, file names, row order or the clock."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa


def of_table(table: pa.Table, key: str = "id") -> str:
    """Hex sha256 over a table's rows ordered by `key` (unique), columns ordered by name.

    Columns may be strings, bytes, numbers, booleans or lists of those; nulls count.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    digest = hashlib.sha256()
    table = table.take(pc.sort_indices(table, [(key, "ascending")]))
    for name in sorted(table.column_names):
        column = table[name].combine_chunks()
        if isinstance(column, pa.ChunkedArray):
            column = pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
        digest.update(f"{name}:{_kind(column.type)}:{len(column)}".encode())
        _update(digest, column)
    return digest.hexdigest()


def _kind(kind: pa.DataType) -> str:
    """A type's name, without what writers exchange at will: offset widths, encodings, the name of a list's element."""
    import pyarrow as pa

    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return f"list<{_kind(kind.value_type)}>"
    if pa.types.is_dictionary(kind):
        return _kind(kind.value_type)
    return str(kind).replace("large_", "").replace("_view", "")


def _update(digest: hashlib._Hash, column: pa.Array) -> None:
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    kind = column.type
    digest.update(pc.is_null(column).to_numpy(zero_copy_only=False).tobytes())
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        digest.update(pc.fill_null(pc.list_value_length(column), 0).cast(pa.int64()).to_numpy().tobytes())
        _update(digest, column.flatten())
    elif pa.types.is_null(kind):
        pass
    elif pa.types.is_primitive(kind):
        filled = pc.fill_null(column, False if pa.types.is_boolean(kind) else pa.scalar(0).cast(kind))
        digest.update(filled.to_numpy(zero_copy_only=False).tobytes())
    else:
        raw = column.cast(pa.large_binary())
        digest.update(pc.fill_null(pc.binary_length(raw), 0).cast(pa.int64()).to_numpy().tobytes())
        for value in raw.drop_null():
            digest.update(value.as_buffer())


def of_files(folder: Path) -> str:
    """Hex sha256 over a folder's files, their names included: for models, whose files are their content."""
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(str(path.relative_to(folder)).encode() + b"\0")
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def of_digests(digests: Iterable[str]) -> str:
    """One digest for several, whatever their order."""
    return hashlib.sha256("\n".join(sorted(digests)).encode()).hexdigest()
