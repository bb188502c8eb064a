"""The corpus's files."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest

from mendel.corpus import tables
from mendel.corpus.split import Dropped, Sentence

ROWS = [
    Dropped("a", place, f"The treaty of the year {place} was signed", "unterminated", "") for place in range(20_000)
]


@pytest.mark.parametrize("step", [1_000, 8_192, 9_000, 20_000])
def test_a_file_does_not_depend_on_how_its_rows_come(tmp_path: Path, step: int) -> None:
    whole = tables.of_dropped(ROWS)
    pq.write_table(whole, tmp_path / "whole.parquet", compression="zstd", row_group_size=tables.ROW_GROUP)

    with tables.Writer(tmp_path / "parts.parquet", tables.DROPPED) as writer:
        for start in range(0, len(ROWS), step):
            writer.write(whole.slice(start, step))

    assert (tmp_path / "parts.parquet").read_bytes() == (tmp_path / "whole.parquet").read_bytes()


def test_a_file_without_rows_has_the_schema(tmp_path: Path) -> None:
    with tables.Writer(tmp_path / "none.parquet", tables.SENTENCES):
        pass

    assert pq.read_table(tmp_path / "none.parquet").schema == tables.SENTENCES
    assert list(tables.read_sentences(str(tmp_path / "none.parquet"))) == []


def test_sentences_are_read_as_they_were_written(tmp_path: Path) -> None:
    sentence = Sentence("a", 3, None, "test", "The treaty was signed.")
    row = {"id": sentence.id, "doc": "a", "position": 3, "year": None, "split": "test", "text": sentence.text}
    table = tables.SENTENCES.empty_table().from_pylist([row], schema=tables.SENTENCES)

    with tables.Writer(tmp_path / "one.parquet", tables.SENTENCES) as writer:
        writer.write(table)

    assert list(tables.read_sentences(str(tmp_path / "one.parquet"))) == [sentence]
