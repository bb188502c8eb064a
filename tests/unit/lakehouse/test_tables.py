"""Which files are rows: of versions that the real stages make."""

from __future__ import annotations

import pytest

from mendel.inference import restored
from mendel.lakehouse.json_views import REJECTIONS
from mendel.lakehouse.tables import TABLES, rows_files
from mendel.stages.corrupt import Corrupt
from mendel.stages.drift import Drift
from mendel.stages.evaluate import Evaluate
from mendel.stages.ingest import Ingest
from mendel.streaming import batches

from .writer import day, rows, snapshot


def test_tables_are_named_after_the_datasets() -> None:
    stages = {Ingest.dataset, Corrupt.dataset, Drift.dataset, Evaluate.dataset}
    assert TABLES.keys() == {*stages, restored.DATASET, batches.DATASET}
    assert {table.name for table in REJECTIONS} == {restored.DATASET, batches.DATASET}


def test_restored_documents_and_rejections_are_no_rows(disk: str) -> None:
    made = day(disk, "2026-11-23", rows("a"), rows("b"))

    found = list(rows_files(TABLES["restored"], made))

    assert len(made.files) == 4
    assert [file.path.rsplit("/", 1)[1] for file in found] == ["part-00000.parquet", "part-00001.parquet"]
    assert {file.values for file in found} == {("2026-11-23",)}


def test_what_a_corpus_dropped_is_no_row(disk: str) -> None:
    [file] = rows_files(TABLES["corpus"], snapshot(disk, "2026-11-23", "a"))

    assert file.path.endswith("split=train/part-00000.parquet")
    assert file.values == (), "a corpus file has its split in a column"


@pytest.mark.parametrize(
    ("partition", "value"), [("2026-11-23", None), ("batch=0123abcd-00000012", "0123abcd-00000012")]
)
def test_a_stream_is_by_micro_batches(disk: str, partition: str, value: str | None) -> None:
    version = day(disk, "2026-11-23", rows("a")).model_copy(
        update={"dataset": "restored_stream", "partition": partition}
    )
    stream = TABLES["restored_stream"]

    assert (stream.value(version), stream.has(version)) == (value, value is not None)
