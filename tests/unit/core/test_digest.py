"""Digests follow from the data alone."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mendel.core import digest, runs

ROWS = st.lists(
    st.fixed_dictionaries(
        {
            "id": st.text("abcdef0123456789", min_size=1, max_size=8),
            "text": st.none() | st.text(max_size=20),
            "edits": st.binary(max_size=8),
            "year": st.none() | st.integers(-(2**31), 2**31 - 1),
            "share": st.floats(allow_nan=False, width=32),
            "kept": st.booleans(),
            "tags": st.none() | st.lists(st.text(max_size=3), max_size=3),
        }
    ),
    min_size=1,
    max_size=12,
    unique_by=lambda row: str(row["id"]),
)
SCHEMA = pa.schema(
    {
        "id": pa.string(),
        "text": pa.string(),
        "edits": pa.binary(),
        "year": pa.int32(),
        "share": pa.float32(),
        "kept": pa.bool_(),
        "tags": pa.list_(pa.string()),
    }
)
PUBLISHED = "a107ce363cfa3d24c72680fd47348612316d84b83ccfcf3afcb59597031c363b"
LARGE = pa.schema(
    {
        **{name: SCHEMA.field(name).type for name in SCHEMA.names},
        "id": pa.large_string(),
        "text": pa.large_string(),
        "edits": pa.large_binary(),
        "tags": pa.large_list(pa.large_string()),
    }
)


def table(rows: list[dict[str, Any]], schema: pa.Schema = SCHEMA) -> pa.Table:
    return pa.Table.from_pylist(rows, schema=schema)


@given(ROWS, st.randoms(use_true_random=False))
def test_order_of_rows_and_columns_does_not_count(rows: list[dict[str, Any]], chance: random.Random) -> None:
    shuffled = chance.sample(rows, len(rows))
    columns = chance.sample(SCHEMA.names, len(SCHEMA.names))

    assert digest.of_table(table(shuffled).select(columns)) == digest.of_table(table(rows))


@given(ROWS)
def test_large_types_are_the_same_data(rows: list[dict[str, Any]]) -> None:
    assert digest.of_table(table(rows, LARGE)) == digest.of_table(table(rows)), "large_string must digest as string"


@given(ROWS)
def test_dictionary_encoding_is_the_same_data(rows: list[dict[str, Any]]) -> None:
    plain = table(rows)
    place = plain.column_names.index("text")
    encoded = plain.set_column(place, "text", plain["text"].dictionary_encode())

    assert encoded.schema != plain.schema, "nothing was encoded"
    assert digest.of_table(encoded) == digest.of_table(plain)


@settings(max_examples=30)
@given(rows=ROWS, cut=st.integers(0, 12), group=st.integers(1, 5))
def test_files_and_row_groups_do_not_count(
    tmp_path_factory: Any, rows: list[dict[str, Any]], cut: int, group: int
) -> None:
    folder: Path = tmp_path_factory.mktemp("parts")
    pq.write_table(table(rows[:cut]), folder / "a.parquet", row_group_size=group, compression="zstd")
    pq.write_table(table(rows[cut:]), folder / "b.parquet", compression=None)

    read = pa.concat_tables([pq.read_table(folder / "b.parquet"), pq.read_table(folder / "a.parquet")])

    assert digest.of_table(read) == digest.of_table(table(rows)), "how rows lie in files must not count"


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=ROWS, batch=st.integers(1, 5), run=st.integers(1, 2000), chance=st.randoms(use_true_random=False))
def test_rows_that_come_in_batches_digest_as_their_table(
    monkeypatch: pytest.MonkeyPatch, rows: list[dict[str, Any]], batch: int, run: int, chance: random.Random
) -> None:
    monkeypatch.setattr(runs, "RUN_BYTES", run)
    monkeypatch.setattr(runs, "BLOCK_BYTES", run // 3)
    shuffled = table(chance.sample(rows, len(rows)))

    assert digest.of_batches(shuffled.to_batches(batch), SCHEMA) == digest.of_table(table(rows))


def test_a_digest_is_the_same_from_release_to_release() -> None:
    # Given rows of every kind of column, with nulls
    rows = table(
        [
            {"id": "b", "text": None, "edits": b"\x00", "year": 1790, "share": 0.5, "kept": True, "tags": ["a", "bc"]},
            {"id": "a", "text": "ä€", "edits": b"", "year": None, "share": -1.0, "kept": False, "tags": None},
        ]
    )

    # Then their digest is what version 0.2.0 said
    assert digest.of_table(rows) == PUBLISHED
    assert digest.of_batches(rows.to_batches(1), SCHEMA) == PUBLISHED


@given(ROWS, st.data())
def test_any_other_value_gives_another_digest(rows: list[dict[str, Any]], data: st.DataObject) -> None:
    changed = [dict(row) for row in rows]
    row = data.draw(st.sampled_from(changed))
    name = data.draw(st.sampled_from(["text", "year", "kept", "tags"]))
    other: dict[str, Any] = {"text": "another " + (row["text"] or ""), "year": 7 if row["year"] is None else None}
    other |= {"kept": not row["kept"], "tags": [*(row["tags"] or []), "more"]}
    row[name] = other[name]

    assert digest.of_table(table(changed)) != digest.of_table(table(rows)), f"a change of {name} went unseen"


def test_null_is_neither_empty_nor_zero() -> None:
    def of(value: Any, kind: pa.DataType) -> str:
        return digest.of_table(pa.table({"id": ["1"], "x": pa.array([value], kind)}))

    assert of(None, pa.string()) != of("", pa.string())
    assert of(None, pa.int32()) != of(0, pa.int32())
    assert of(None, pa.list_(pa.string())) != of([], pa.list_(pa.string()))


def test_text_does_not_flow_from_one_row_into_the_next() -> None:
    one = pa.table({"id": ["1", "2"], "x": ["ab", "c"]})
    other = pa.table({"id": ["1", "2"], "x": ["a", "bc"]})

    assert digest.of_table(one) != digest.of_table(other)


def test_slices_and_chunks_digest_as_their_rows() -> None:
    whole = pa.table({"id": [f"{number:02}" for number in range(20)], "x": [str(number) for number in range(20)]})
    middle = whole.slice(5, 10)
    rebuilt = pa.Table.from_pylist(middle.to_pylist(), schema=whole.schema)

    assert digest.of_table(middle) == digest.of_table(rebuilt)
    assert digest.of_table(whole.slice(0, 0)) == digest.of_table(rebuilt.slice(0, 0)), "no rows are no rows"


def test_files_count_with_their_names(tmp_path: Path) -> None:
    for name in ("one", "same", "renamed"):
        (tmp_path / name / "adapter").mkdir(parents=True)
    (tmp_path / "one" / "adapter" / "a.bin").write_bytes(b"1")
    (tmp_path / "same" / "adapter" / "a.bin").write_bytes(b"1")
    (tmp_path / "renamed" / "adapter" / "b.bin").write_bytes(b"1")

    assert digest.of_files(tmp_path / "one") == digest.of_files(tmp_path / "same")
    assert digest.of_files(tmp_path / "one") != digest.of_files(tmp_path / "renamed")


@given(st.lists(st.text("0123456789abcdef", min_size=4, max_size=4), max_size=5), st.randoms(use_true_random=False))
def test_several_digests_count_in_any_order(digests: list[str], chance: random.Random) -> None:
    assert digest.of_digests(chance.sample(digests, len(digests))) == digest.of_digests(digests)
