"""Sorted runs: any rows come out in order, whatever fits into memory."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mendel.core import runs
from mendel.core.runs import Runs

SCHEMA = pa.schema({"split": pa.int8(), "doc": pa.string(), "position": pa.int32(), "note": pa.string()})
KEYS = ["split", "doc", "position"]
ROWS = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.text("aä€\U0001f600\0", max_size=3),
        st.integers(-(2**31), 2**31 - 1) | st.integers(0, 2),
        st.none() | st.text(max_size=5),
    ),
    max_size=60,
)


def table(rows: list[Any]) -> pa.Table:
    return pa.Table.from_pylist([dict(zip(SCHEMA.names, row, strict=True)) for row in rows], schema=SCHEMA)


def merged(rows: list[Any], folder: Path, batch: int) -> list[pa.Table]:
    found = Runs(SCHEMA, KEYS, folder)
    for start in range(0, len(rows), batch):
        found.add(table(rows[start : start + batch]))
    return list(found.merged())


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=ROWS, batch=st.integers(1, 20), run=st.integers(1, 800), block=st.integers(1, 100))
def test_rows_come_in_the_order_of_their_keys_whatever_fits_into_memory(
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    rows: list[Any],
    batch: int,
    run: int,
    block: int,
) -> None:
    monkeypatch.setattr(runs, "RUN_BYTES", run)
    monkeypatch.setattr(runs, "BLOCK_BYTES", block)

    blocks = merged(rows, tmp_path_factory.mktemp("runs"), batch)

    found = [tuple(row.values()) for part in blocks for row in part.to_pylist()]
    assert [row[:3] for row in found] == sorted(row[:3] for row in rows)
    assert sorted(map(repr, found)) == sorted(map(repr, rows)), "a row was lost, or came from nowhere"


def test_what_does_not_fit_lies_on_disk_and_comes_back_in_small_blocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given 100 kB of rows in no order, and room for a tenth of them
    monkeypatch.setattr(runs, "RUN_BYTES", 10_000)
    monkeypatch.setattr(runs, "BLOCK_BYTES", 1_000)
    rows = [(0, f"{number:05}", number, "x" * 80) for number in range(1000)]
    random.Random(0).shuffle(rows)

    blocks = merged(rows, tmp_path, batch=10)

    assert [row["position"] for block in blocks for row in block.to_pylist()] == list(range(1000))
    assert 5 < len(list(tmp_path.iterdir())) < 20, "runs are not as large as there is room for"
    assert max(block.nbytes for block in blocks) < 20_000, "a block holds more than the runs' next blocks together"


def test_columns_are_read_alone(tmp_path: Path) -> None:
    rows = table([(1, "a", 2, None), (1, "b", 3, "n")])
    runs.write(tmp_path / "file", SCHEMA, iter([rows.slice(0, 1), rows.slice(1)]))

    blocks = list(runs.read(tmp_path / "file", ["position"]))

    assert [block.to_pydict() for block in blocks] == [{"position": [2]}, {"position": [3]}]


def test_no_rows_are_no_blocks(tmp_path: Path) -> None:
    assert merged([], tmp_path, batch=1) == []
