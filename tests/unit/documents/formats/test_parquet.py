"""Parquet: strings change, and types, metadata, row groups and compression stay."""

from __future__ import annotations

import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mendel.core.errors import InputError
from mendel.documents.document import ReadingOptions

from ..conftest import asked, restored

ROWS = 6


def table() -> pa.Table:
    text = ["teh first house", None, "", "teh “third”\nhouse", "right", "teh last one"]
    schema = pa.schema(
        [
            pa.field("id", pa.string(), nullable=False),
            pa.field("n", pa.decimal128(9, 2), metadata={"unit": "m"}),
            pa.field("body", pa.large_string(), metadata={"a": "b"}),
            pa.field("kind", pa.dictionary(pa.int8(), pa.string())),
            pa.field("tags", pa.list_(pa.string())),
        ],
        metadata={"made by": "teh test"},
    )
    rows = [
        {"id": f"a{n}", "n": n, "body": text[n], "kind": f"teh kind {n % 2}", "tags": ["teh tag"]} for n in range(ROWS)
    ]
    return pa.Table.from_pylist(rows, schema)


def written(content: pa.Table) -> bytes:
    file = io.BytesIO()
    pq.write_table(content, file, row_group_size=4, compression={"id": "gzip", "body": "zstd", "n": "none"})
    return file.getvalue()


def test_without_a_change_the_bytes_are_the_same() -> None:
    assert restored(written(table()), "parquet").data == written(table())


def test_strings_change_and_all_else_stays() -> None:
    # given
    data = written(table())
    # when
    found = restored(data, "parquet", {"teh": "the"}).data
    # then
    with pq.ParquetFile(io.BytesIO(data)) as old, pq.ParquetFile(io.BytesIO(found)) as new:
        assert new.schema_arrow.equals(old.schema_arrow, check_metadata=True)
        groups = range(new.num_row_groups)
        assert [new.metadata.row_group(n).num_rows for n in groups] == [4, 2]
        assert [new.metadata.row_group(0).column(n).compression for n in range(3)] == ["GZIP", "UNCOMPRESSED", "ZSTD"]
        before, after = old.read().to_pylist(), new.read().to_pylist()
    wanted = [
        row | {name: row[name] and row[name].replace("teh", "the") for name in ("body", "kind")} for row in before
    ]
    assert after == wanted


def test_columns_of_prose_are_read() -> None:
    assert asked(written(table()), "parquet", ReadingOptions(fields=("id",))) == []
    assert asked(written(table().select(["body"])), "parquet")[:2] == ["teh first house", 'teh "third" house']


@pytest.mark.parametrize(
    ("data", "message"),
    [(b"PAR1 no", "not Parquet, or damaged"), (written(table()), "there is no field 'tags'; there is: id, body, kind")],
)
def test_what_cannot_be_read_is_named(data: bytes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        asked(data, "parquet", ReadingOptions(fields=("tags",)))
