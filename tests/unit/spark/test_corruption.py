import os
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from pyspark.sql import SparkSession

from mendel.core.errors import InputError
from mendel.noise.profile import NoiseProfile, Rates, ResolvedProfile
from mendel.spark import corruption as spark

from .conftest import LOCAL, corpus_table, write_corpus

pytestmark = pytest.mark.spark

RATES = Rates(deletion=0.01)
RESOLVED = ResolvedProfile(profile=NoiseProfile(name="n", rates=RATES), rates=RATES, alphabet="ab", weights=(0.5, 0.5))


@pytest.fixture(scope="module")
def session() -> Iterator[SparkSession]:
    with spark.session(LOCAL) as session:
        yield session


def test_settings_go_over_the_defaults(session: SparkSession) -> None:
    assert session.sparkContext.master == LOCAL["spark.master"]
    assert session.conf.get("spark.sql.session.timeZone") == "UTC"


def test_corpus_is_read_with_the_split_of_its_folder(session: SparkSession, tmp_path: Path) -> None:
    # given files that hold no column `split`
    uris = write_corpus(corpus_table(), tmp_path, files=2)
    # when they are read, then every record has the split that its folder names
    read = spark.read_corpus(session, uris, f"file://{tmp_path}").toArrow()
    assert read.sort_by("id").equals(corpus_table().select(["id", "text", "split"]).cast(read.schema))


def test_sample_does_not_depend_on_the_files(session: SparkSession, tmp_path: Path) -> None:
    samples = [
        spark.sample(
            spark.read_corpus(
                session, write_corpus(corpus_table(), tmp_path / name, files), f"file://{tmp_path / name}"
            ),
            "train",
        )
        for name, files in (("one", 1), ("three", 3))
    ]
    assert len(samples[0]) == 200
    assert samples[0] == samples[1]


def test_missing_column_is_named(session: SparkSession, tmp_path: Path) -> None:
    uris = write_corpus(corpus_table().drop_columns(["text"]), tmp_path)
    with pytest.raises(InputError, match="lacks the columns text; it has"):
        spark.read_corpus(session, uris, f"file://{tmp_path}")


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("text", None, "1 nulls in column text"),
        ("id", None, "1 nulls in column id"),
        ("split", "dev", "records of the split dev; known are train, validation, test"),
    ],
)
def test_bad_record_is_refused_in_the_driver(
    session: SparkSession, tmp_path: Path, column: str, value: str | None, message: str
) -> None:
    # given a corpus with one bad record
    table = corpus_table()
    values = [value, *table[column].to_pylist()[1:]]
    table = table.set_column(table.column_names.index(column), column, pa.array(values, pa.string()))
    corpus = spark.read_corpus(session, write_corpus(table, tmp_path / "corpus"), f"file://{tmp_path / 'corpus'}")
    # when a worker meets it, then the driver's error is the worker's
    with pytest.raises(InputError, match=message):
        spark.write_pairs(corpus, RESOLVED, 1, dict.fromkeys(["train", "validation", "test"], 1), f"{tmp_path}/pairs")


def test_split_without_records_is_refused(session: SparkSession, tmp_path: Path) -> None:
    corpus = spark.read_corpus(session, write_corpus(corpus_table(), tmp_path), f"file://{tmp_path}")
    with pytest.raises(InputError, match="no dev records"):
        spark.sample(corpus, "dev")


def java_that(folder: Path, script: str) -> Path:
    """A JAVA_HOME whose java is a shell script."""
    java = folder / "bin" / "java"
    java.parent.mkdir()
    java.write_text(f"#!/bin/sh\n{script}\n")
    java.chmod(0o755)
    return folder


def test_the_java_of_this_machine_will_do() -> None:
    spark.require_java()


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("echo 'openjdk version \"11.0.2\" 2019-01-15' >&2", r"cannot run Spark: openjdk version \"11.0.2\""),
        ("echo 'Module jdk.incubator.vector not found' >&2; exit 1", "Module jdk.incubator.vector not found"),
        ("exit 3", "it says nothing"),
    ],
)
def test_java_that_cannot_run_spark(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, message: str) -> None:
    monkeypatch.setenv("JAVA_HOME", str(java_that(tmp_path, script)))
    with pytest.raises(InputError, match=message):
        spark.require_java()


@pytest.mark.parametrize(("variable", "message"), [("JAVA_HOME", "no Java found in JAVA_HOME="), ("PATH", "on PATH")])
def test_no_java(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, message: str) -> None:
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv(variable, os.fspath(tmp_path))
    with pytest.raises(InputError, match=message) as raised:
        spark.require_java()
    assert "set JAVA_HOME" in str(raised.value), "the message does not say what to do"
