"""Parquet: columns of strings; all other columns, the schema and its metadata are written as they were read."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from mendel.core.errors import InputError
from mendel.corpus.traced import Splice, TracedText, spliced
from mendel.documents.document import ReadingOptions, Segment, SegmentedDocument
from mendel.documents.fields import chosen
from mendel.documents.prose import from_text

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq


class ParquetCell(NamedTuple):
    """A value, by its column and its row, from 0."""

    column: int
    row: int


@dataclass(frozen=True)
class ParquetDocument(SegmentedDocument):
    """A table, its segments with the values that they are of."""

    data: bytes
    segments: Sequence[Segment]
    owners: Sequence[ParquetCell]
    outline: tuple[int, ...] = ()

    def written(self, changes: Sequence[Sequence[Splice]]) -> bytes:
        """The table with values changed, in row groups and compressions as they were."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        splices: dict[ParquetCell, list[Splice]] = {}
        sources: dict[ParquetCell, str] = {}
        for segment, owner, of_segment in zip(self.segments, self.owners, changes, strict=True):
            if of_segment:
                splices.setdefault(owner, []).extend(of_segment)
                sources[owner] = segment.traced.source
        values: dict[int, dict[int, str]] = {}
        for cell, of_segment in splices.items():
            values.setdefault(cell.column, {})[cell.row] = spliced(sources[cell], of_segment)
        target = io.BytesIO()
        with pq.ParquetFile(io.BytesIO(self.data)) as file:
            schema = file.schema_arrow
            with pq.ParquetWriter(target, schema, compression=_compressions(file)) as writer:
                first = 0
                for number in range(file.num_row_groups):
                    group = file.read_row_group(number)
                    for column, changed in values.items():
                        field = schema.field(column)
                        texts = enumerate(group.column(column).to_pylist(), start=first)
                        new_column = pa.array([changed.get(row, text) for row, text in texts], _plain(field.type))
                        group = group.set_column(column, field, new_column.cast(field.type))
                    writer.write_table(group, row_group_size=max(group.num_rows, 1))
                    first += group.num_rows
        return target.getvalue()


def read(data: bytes, options: ReadingOptions) -> ParquetDocument:
    """The values of columns of strings. Raises InputError where it is no Parquet, or a column is not there."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(io.BytesIO(data)) as file:
            schema = file.schema_arrow
            numbers = [number for number, field in enumerate(schema) if _is_text(field.type)]
            names = [schema.field(number).name for number in numbers]
            if len(set(schema.names)) < len(schema.names):
                raise InputError("two columns have the same name; give each its own")
            table = file.read(columns=names) if names else None
            rows = file.metadata.num_rows
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"not Parquet, or damaged: {error}") from error
    values = [table.column(name).to_pylist() for name in names] if table is not None else []
    columns = chosen(names, lambda column: [text or "" for text in values[column]], options.fields)
    segments: list[Segment] = []
    owners: list[ParquetCell] = []
    for column in sorted(columns):
        for row, text in enumerate(values[column]):
            for segment in _segments(text, f"row {row + 1}, {names[column]}"):
                segments.append(segment)
                owners.append(ParquetCell(numbers[column], row))
    return ParquetDocument(data, segments, owners, (rows, *numbers))


def _segments(text: str | None, place: str) -> Iterator[Segment]:
    if text:
        yield from from_text(TracedText.of(text), place=place)


def _is_text(kind: pa.DataType) -> bool:
    import pyarrow.types as types

    return bool(
        types.is_string(_plain(kind)) or types.is_large_string(_plain(kind)) or types.is_string_view(_plain(kind))
    )


def _plain(kind: pa.DataType) -> pa.DataType:
    """The type of the values, where a column has each of them once."""
    import pyarrow.types as types

    return kind.value_type if types.is_dictionary(kind) else kind


def _compressions(file: pq.ParquetFile) -> dict[str, str]:
    """Of each column, as its first row group has it."""
    group = file.metadata.row_group(0)
    columns = (group.column(number) for number in range(group.num_columns))
    return {column.path_in_schema: column.compression.replace("UNCOMPRESSED", "NONE") for column in columns}
