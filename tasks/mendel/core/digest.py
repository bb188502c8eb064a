"""Digests of data that depend on the data alone: not on Parquet's bytes, file names, row order or the clock."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pyarrow as pa
    from typing_extensions import Buffer


def of_table(table: pa.Table, key: str = "id") -> str:
    """Hex sha256 over a table's rows ordered by `key` (unique), columns ordered by name.

    Columns may be strings, bytes, numbers, booleans or lists of those; nulls count.
    """
    import pyarrow.compute as pc

    ordered = table.take(pc.sort_indices(table, [(key, "ascending")]))
    return _of_columns(table.schema, len(table), lambda name: ordered[name].chunks)


def of_batches(batches: Iterable[pa.Table | pa.RecordBatch], schema: pa.Schema, key: str = "id") -> str:
    """The same of more rows than memory holds: they are sorted in a temporary folder (TMPDIR)."""
    from mendel.core import runs  # loads pyarrow

    with tempfile.TemporaryDirectory(prefix="mendel-digest-") as folder:
        unordered = runs.Runs(schema, [key], Path(folder, "runs"))
        count = 0
        for batch in batches:
            unordered.add(batch)
            count += batch.num_rows
        ordered = Path(folder, "ordered.arrow")
        runs.write(ordered, schema, unordered.merged())
        return _of_columns(schema, count, lambda name: (block[0] for block in runs.read(ordered, [name])))


Chunks = Callable[[], Iterable["pa.Array"]]
"""A column's parts in order, as often as they are asked for: nulls, lengths and values count one after another."""


def _of_columns(schema: pa.Schema, rows: int, column: Callable[[str], Iterable[pa.Array]]) -> str:
    digest = hashlib.sha256()
    for name in sorted(schema.names):
        kind = schema.field(name).type
        digest.update(f"{name}:{_kind(kind)}:{rows}".encode())
        _update(digest, kind, partial(column, name))
    return digest.hexdigest()


def _kind(kind: pa.DataType) -> str:
    """A type's name, without what writers exchange at will: offset widths, encodings, the name of a list's element."""
    import pyarrow as pa

    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return f"list<{_kind(kind.value_type)}>"
    if pa.types.is_dictionary(kind):
        return _kind(kind.value_type)
    return str(kind).replace("large_", "").replace("_view", "")


def _update(digest: hashlib._Hash, kind: pa.DataType, chunks: Chunks) -> None:
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_dictionary(kind):
        _update(digest, kind.value_type, lambda: (chunk.dictionary_decode() for chunk in chunks()))
        return
    for chunk in chunks():
        digest.update(pc.is_null(chunk).to_numpy(zero_copy_only=False))
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        for chunk in chunks():
            digest.update(_lengths(pc.list_value_length(chunk)))
        _update(digest, kind.value_type, lambda: (chunk.flatten() for chunk in chunks()))
    elif pa.types.is_null(kind):
        pass
    elif pa.types.is_primitive(kind):
        empty = False if pa.types.is_boolean(kind) else pa.scalar(0).cast(kind)
        for chunk in chunks():
            digest.update(pc.fill_null(chunk, empty).to_numpy(zero_copy_only=False))
    else:
        for chunk in chunks():
            digest.update(_lengths(pc.binary_length(chunk.cast(pa.large_binary()))))
        for chunk in chunks():
            digest.update(_values(chunk))


def _lengths(lengths: pa.Array) -> Buffer:
    import pyarrow as pa
    import pyarrow.compute as pc

    filled: Buffer = pc.fill_null(lengths, 0).cast(pa.int64()).to_numpy()
    return filled


def _values(chunk: pa.Array) -> pa.Buffer:
    """The bytes of an array's strings, joined."""
    import pyarrow as pa

    raw = chunk.cast(pa.large_binary()).drop_null()
    if not len(raw):
        return pa.py_buffer(b"")
    _, places, data = raw.buffers()
    offsets = pa.Array.from_buffers(pa.int64(), len(raw) + 1, [None, places], offset=raw.offset)
    first, last = offsets[0].as_py(), offsets[-1].as_py()
    return data.slice(first, last - first) if last > first else pa.py_buffer(b"")


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
