"""What comes back of an exception that Spark's Python workers, or its calls of Python, raise."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pyarrow as pa
import pytest
from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession

from mendel.core.errors import GateError, InputError, MendelError
from mendel.spark import corruption as spark
from mendel.spark import failures

from .conftest import LOCAL

pytestmark = pytest.mark.spark

Batches = Iterable[pa.RecordBatch]
Run = Callable[[SparkSession, Path, Callable[[], None]], None]


@pytest.fixture(scope="module")
def session() -> Iterator[SparkSession]:
    with spark.session(LOCAL) as session:
        yield session


def in_a_worker(session: SparkSession, work: Callable[[], None]) -> DataFrame:
    """A table whose rows a worker makes, which does `work` on the way."""

    def rows(batches: Batches) -> Iterator[pa.RecordBatch]:
        work()
        yield from batches

    return session.range(1).mapInArrow(rows, "id long")


def reading(session: SparkSession, folder: Path, work: Callable[[], None]) -> None:
    in_a_worker(session, work).collect()


def writing(session: SparkSession, folder: Path, work: Callable[[], None]) -> None:
    in_a_worker(session, work).write.parquet(str(folder / "written"))


def stream(session: SparkSession, folder: Path, each: Callable[[DataFrame, int], None]) -> None:
    """A stream of one micro-batch."""
    (folder / "arriving").mkdir()
    (folder / "arriving" / "one.txt").write_text("a line")
    lines = session.readStream.text(str(folder / "arriving"))
    writer = lines.writeStream.foreachBatch(each).option("checkpointLocation", str(folder / "checkpoint"))
    writer.trigger(availableNow=True).start().awaitTermination()


def streaming(session: SparkSession, folder: Path, work: Callable[[], None]) -> None:
    stream(session, folder, lambda _frame, _number: work())


def reading_in_a_stream(session: SparkSession, folder: Path, work: Callable[[], None]) -> None:
    stream(session, folder, lambda frame, _number: reading(frame.sparkSession, folder, work))


everywhere = pytest.mark.parametrize("run", [reading, writing, streaming, reading_in_a_stream])


@everywhere
@pytest.mark.parametrize(
    "failure",
    [
        InputError("1 nulls in column text"),
        GateError("batch 3: 2 records were read and 1 was written"),
        InputError(
            "restorer.json is not valid:\n  weights.0: it must be a number\n  alphabet: there is no such key here"
        ),
    ],
    ids=["input", "gate", "of several lines"],
)
def test_a_foreseen_failure_comes_back_as_itself(
    session: SparkSession, tmp_path: Path, run: Run, failure: MendelError
) -> None:
    kind, message = type(failure), str(failure)

    def fail() -> None:
        try:
            raise InputError("an earlier failure, which the one raised in the end explains")
        except InputError as earlier:
            raise kind(message) from earlier

    with pytest.raises(kind) as raised, failures.as_raised():
        run(session, tmp_path, fail)
    assert str(raised.value) == message, "the message changed on its way"


@everywhere
def test_any_other_failure_stays_as_spark_has_it(session: SparkSession, tmp_path: Path, run: Run) -> None:
    def fail() -> None:
        raise ValueError("the text of a record says InputError: nothing to see here")

    with pytest.raises((PySparkException, Py4JError), match="ValueError: the text of a record"), failures.as_raised():
        run(session, tmp_path, fail)


def test_what_is_raised_beside_spark_is_left_alone() -> None:
    with pytest.raises(KeyError), failures.as_raised():
        raise KeyError("id")
