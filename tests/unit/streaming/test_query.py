"""The stream on local Spark, from a folder into the lake. One session for all of it."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import signal
import socket
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from mendel.core import lake, manifest
from mendel.core.errors import GateError, InputError
from mendel.forgetting import copies, erasure
from mendel.forgetting.subject import ReadingRules, Subject
from mendel.inference.records import id_of_place
from mendel.lakehouse import delta
from mendel.lakehouse.tables import TABLES
from mendel.spark import corruption as spark
from mendel.streaming import batches, progress, query, runs
from mendel.streaming.query import Run
from mendel.streaming.settings import Stream

from .conftest import WORKERS, StreamLake, python, running

pytestmark = pytest.mark.spark

DAY = "2026-11-24"


@pytest.fixture(scope="module")
def session() -> Iterator[SparkSession]:
    settings = query.defaults(Stream()) | {"spark.executorEnv.PYTHONPATH": str(WORKERS)}
    with spark.session(settings) as session:
        yield session


def run(session: SparkSession, made: StreamLake, **settings: Any) -> Run:
    """Restore what is there now."""
    return query.run_in(session, made.root, Stream.model_validate(settings), made.context(DAY), once=True)


def numbered(first: int, last: int) -> list[dict[str, object]]:
    return [{"id": f"r{number:03}", "text": f"teh record {number}"} for number in range(first, last)]


def test_records_come_out_restored_with_where_they_came_from(session: SparkSession, a_stream: StreamLake) -> None:
    a_stream.drop("a.jsonl", [{"id": "x", "text": "teh end", "lang": "en"}, {"id": "y", "text": "teh end?"}])
    a_stream.drop("below/b.txt.gz", gzip.compress(b"fine\n"))

    found = run(session, a_stream)

    by_file = {(row["file"], row["ordinal"]): row for row in a_stream.restored()}
    assert sorted(by_file) == [("a.jsonl", 1), ("a.jsonl", 2), ("below/b.txt.gz", 1)]
    assert by_file["a.jsonl", 1] == {
        "id": "x",
        "text": "the end",
        "original": "teh end",
        "confidence": 0.75,
        "changed": True,
        "fallback": False,
        "model_version": 1,
        "file": "a.jsonl",
        "ordinal": 1,
        "extra": '{"lang": "en"}',
    }
    assert by_file["a.jsonl", 2]["fallback"] is True
    assert found.totals.restored == found.totals.records == 3


def test_changes_below_the_threshold_are_left_out_one_by_one(session: SparkSession, a_stream: StreamLake) -> None:
    a_stream.make_champion({"teh": "the", "Kign": "King"})
    a_stream.drop("a.jsonl", [{"id": "x", "text": "teh Kign"}, {"id": "y", "text": "Kign"}])

    run(session, a_stream, threshold=0.8)

    assert [(row["text"], row["changed"], row["fallback"]) for row in a_stream.restored()] == [
        ("the Kign", True, False),
        ("Kign", False, True),
    ]


def test_every_micro_batch_is_one_version_with_its_number_in_the_path(
    session: SparkSession, a_stream: StreamLake
) -> None:
    # Given three files, one for each micro-batch
    for number in range(3):
        a_stream.drop(f"{number}.jsonl", numbered(number * 4, number * 4 + 4))

    found = run(session, a_stream, source={"files_per_batch": 1})

    made = a_stream.committed()
    assert [one.partition for one in made] == [f"batch={found.query[:8]}-{number:08d}" for number in range(3)]
    for one in made:
        manifest.verify(a_stream.root, one)
        assert one.rows == 4
        assert [entry.name for entry in one.inputs] == ["candidate"]
        (places,) = one.metrics["files"].values()
        assert places == {"first": 1, "last": 4, "records": 4}
    assert set(a_stream.times().values()) == {1}


def test_the_table_follows_each_micro_batch(session: SparkSession, a_stream: StreamLake) -> None:
    for number in range(2):
        a_stream.drop(f"{number}.jsonl", numbered(number * 4, number * 4 + 4))

    found = run(session, a_stream, source={"files_per_batch": 1})

    table = TABLES[batches.DATASET]
    state = delta.load(a_stream.root, table)
    assert state is not None, "there is no table"
    assert {value for (value,) in delta.listed(state, table).values()} == {f"{found.query[:8]}-{n:08d}" for n in (0, 1)}
    assert delta.rows(state) == 8


def test_a_second_run_takes_only_what_is_new(session: SparkSession, a_stream: StreamLake) -> None:
    a_stream.drop("a.jsonl", numbered(0, 3))
    run(session, a_stream)
    nothing = run(session, a_stream)
    # A file that was moved here keeps its old time stamp
    late = a_stream.drop("b.jsonl", numbered(3, 5))
    os.utime(late, (0, 0))

    found = run(session, a_stream)

    assert nothing.totals.batches == []
    assert found.totals.records == 2, "the file with the old time stamp was passed over"
    assert a_stream.times() == dict.fromkeys([f"r{number:03}" for number in range(5)], 1)


def test_duplicates_are_dropped_within_a_batch_and_across_batches_and_runs(
    session: SparkSession, a_stream: StreamLake
) -> None:
    a_stream.drop("a.jsonl", [*numbered(0, 3), *numbered(0, 2)])
    first = run(session, a_stream)
    a_stream.drop("b.jsonl", numbered(1, 5))
    second = run(session, a_stream)

    assert (first.totals.duplicates, second.totals.duplicates) == (2, 2)
    assert a_stream.times() == dict.fromkeys([f"r{number:03}" for number in range(5)], 1)


def test_an_id_may_come_again_after_the_window(session: SparkSession, a_stream: StreamLake) -> None:
    # Given a window of a second; ids are forgotten at the end of a micro-batch, by the time of the one before it
    for number, first in enumerate([0, 0, 1, 2, 0]):
        a_stream.drop(f"{number}.jsonl", numbered(first, first + 1))
        run(session, a_stream, duplicate_seconds=1)
        time.sleep(1.1)

    assert a_stream.times() == {"r000": 2, "r001": 1, "r002": 1}, "the second is dropped, the last came long after it"


def test_rejected_records_are_kept_with_their_reasons(session: SparkSession, a_stream: StreamLake) -> None:
    a_stream.drop(
        "bad.jsonl",
        b'{"id": "ok", "text": "teh one"}\n{"id": "cut", "text": \n{"id": 1.5, "text": "x"}\n{"id": "n"}\n'
        + '{"id": "l", "text": "Señor"}\n'.encode("latin-1"),
    )
    a_stream.drop("broken.txt.gz", gzip.compress(b"fine\n" * 1000)[:-20])
    a_stream.drop("what.docx", b"?")

    found = run(session, a_stream)

    assert [(row["file"], row["ordinal"], row["reason"]) for row in a_stream.rejections()] == [
        ("bad.jsonl", 2, "not_json"),
        ("bad.jsonl", 3, "bad_id"),
        ("bad.jsonl", 4, "no_text"),
        ("bad.jsonl", 5, "not_utf8"),
        ("broken.txt.gz", None, "damaged"),
        ("what.docx", None, "unknown_format"),
    ]
    assert [row["id"] for row in a_stream.restored()] == ["ok"]
    assert (found.totals.records, found.totals.rejected, found.totals.restored) == (7, 6, 1)


def test_a_batch_of_rejections_alone_is_kept_too(session: SparkSession, a_stream: StreamLake) -> None:
    a_stream.drop("a.jsonl", b"{\n")

    run(session, a_stream)

    (made,) = a_stream.committed()
    assert (made.rows, made.metrics["records_rejected"]) == (0, 1)
    assert len(a_stream.rejections()) == 1


def test_a_promotion_counts_from_the_next_micro_batch(
    session: SparkSession, a_stream: StreamLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a promotion while the first micro-batch is being written
    for number in range(3):
        a_stream.drop(f"{number}.jsonl", numbered(number, number + 1))
    write = batches.MicroBatch.write

    def promoted_meanwhile(self: batches.MicroBatch, *arguments: Any) -> Any:
        if self.number == 0:
            a_stream.make_champion({"teh": "THE"})
        return write(self, *arguments)

    monkeypatch.setattr(batches.MicroBatch, "write", promoted_meanwhile)

    run(session, a_stream, source={"files_per_batch": 1})

    assert [one.parameters["model_version"] for one in a_stream.committed()] == [1, 2, 2]
    assert Counter((row["model_version"], row["text"].split()[0]) for row in a_stream.restored()) == {
        (1, "the"): 1,
        (2, "THE"): 2,
    }


def test_a_model_is_loaded_once_for_all_batches(
    session: SparkSession, a_stream: StreamLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given that the model's file becomes another after the first micro-batch
    for number in range(4):
        a_stream.drop(f"{number}.jsonl", numbered(number, number + 1))
    (file,) = a_stream.folder.glob("candidate/**/restorer.json")
    write = batches.MicroBatch.write

    def changed_after(self: batches.MicroBatch, *arguments: Any) -> Any:
        made = write(self, *arguments)
        file.write_text(json.dumps({"kind": "spelling", "words": {"teh": "loaded again"}}))
        return made

    monkeypatch.setattr(batches.MicroBatch, "write", changed_after)

    run(session, a_stream, source={"files_per_batch": 1})

    assert {row["text"].split()[0] for row in a_stream.restored()} == {"the"}
    assert len(a_stream.committed()) == 4


KILLED = """
import os, sys
from mendel.core import manifest
from mendel.streaming import batches
commit, set_current = manifest.commit, manifest.set_current
def kill(*_): os.kill(os.getpid(), 9)
def armed(then):
    # the second micro-batch dies here
    return lambda root, made, **options: kill() if made.partition.endswith("-00000001") else then(root, made, **options)
if sys.argv[1] == "written": manifest.commit = armed(commit)
if sys.argv[1] == "manifest": manifest.set_current = armed(set_current)
sys.argv = ["mendel", "stream", "-c", sys.argv[2], "-p", "2026-11-24"]
from mendel.cli.main import main
main()
"""


@pytest.mark.parametrize("point", ["written", "manifest"])
def test_killed_and_run_again_every_record_is_there_exactly_once(
    session: SparkSession, a_stream: StreamLake, point: str
) -> None:
    # Given a stream that is killed in its second micro-batch of three: when its files are written, or when its manifest
    # is and neither readers nor Spark know yet
    for number in range(3):
        a_stream.drop(f"{number}.jsonl", numbered(number * 4, number * 4 + 4))
    settings: dict[str, Any] = {"source": {"kind": "files", "files_per_batch": 1}}
    killed = python(KILLED, point, str(a_stream.pipeline(**settings)))
    assert killed.returncode == -signal.SIGKILL, killed.stderr[-2000:]
    there = len(list((a_stream.folder / batches.DATASET).glob("*/*/_manifest.json")))
    assert there == (1 if point == "written" else 2), "it was not killed where it should be"

    # When there is another champion by the time that it is run again
    a_stream.make_champion({"teh": "THE"})
    run(session, a_stream, **settings)

    # Then each record is there once, each micro-batch by one model, what was committed by the model that made it
    assert a_stream.times() == dict.fromkeys([f"r{number:03}" for number in range(12)], 1)
    assert [one.parameters["model_version"] for one in a_stream.committed()] == (
        [1, 2, 2] if point == "written" else [1, 1, 2]
    )
    manifests = list((a_stream.folder / batches.DATASET).glob("*/*/_manifest.json"))
    assert len(manifests) == 3, "a micro-batch was committed twice"


def test_a_checkpoint_that_is_lost_never_hides_new_records(session: SparkSession, a_stream: StreamLake) -> None:
    # Spark then numbers from 0 again: what it calls batch 0 is another batch
    a_stream.drop("a.jsonl", numbered(0, 2))
    run(session, a_stream)
    a_stream.drop("b.jsonl", numbered(2, 4))

    run(session, a_stream, name="anew")

    assert set(a_stream.times()) == {"r000", "r001", "r002", "r003"}
    assert len(a_stream.committed()) == 2


def test_a_batch_that_another_run_committed_with_other_records_stops_the_stream(
    session: SparkSession, a_stream: StreamLake
) -> None:
    # Given what two runs on one checkpoint make on an object store, which does not stop the second: Spark reads other
    # records under the number of a micro-batch that is committed
    a_stream.drop("a.jsonl", numbered(0, 2))
    run(session, a_stream)
    checkpoint = a_stream.folder / "stream_checkpoints" / "default"
    for name in ("offsets", "commits", "sources", "state"):
        shutil.rmtree(checkpoint / name)
    a_stream.drop("b.jsonl", numbered(2, 5))

    with pytest.raises(GateError, match="holds 2 records and 0 rejections, and 5 and 0 were read: another run"):
        run(session, a_stream)


def test_without_a_champion_nothing_is_read(session: SparkSession, tmp_path: Path) -> None:
    empty = StreamLake(root=tmp_path.as_uri(), folder=tmp_path)
    empty.drop("a.jsonl", numbered(0, 1))

    with pytest.raises(InputError, match="The ledger is empty"):
        run(session, empty)

    assert not (tmp_path / "stream_checkpoints").exists()


def test_a_damaged_model_is_named_and_the_batch_comes_again(session: SparkSession, a_stream: StreamLake) -> None:
    a_stream.drop("a.jsonl", numbered(0, 2))
    run(session, a_stream)
    a_stream.make_champion({"teh": "THE"})
    damaged = max(a_stream.folder.glob("candidate/**/restorer.json"), key=lambda path: path.stat().st_mtime_ns)
    whole = damaged.read_bytes()
    damaged.write_bytes(b"{}")
    a_stream.drop("b.jsonl", numbered(2, 4))

    with pytest.raises(InputError, match=r"restorer\.json: expected \d+ bytes, found 2"):
        run(session, a_stream)
    damaged.write_bytes(whole)
    run(session, a_stream)

    assert a_stream.times() == dict.fromkeys([f"r{number:03}" for number in range(4)], 1)


def test_what_a_batch_raises_is_what_the_run_raises(
    session: SparkSession, a_stream: StreamLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_stream.drop("a.jsonl", numbered(0, 2))

    def refuse(place: str, *_: Any) -> None:
        raise GateError(f"{place}: 2 records were read and 1 were written")

    monkeypatch.setattr(batches, "_check", refuse)

    with pytest.raises(GateError, match="00000000: 2 records were read and 1 were written"):
        run(session, a_stream)
    assert a_stream.committed() == []


def test_a_run_is_recorded_under_its_day(session: SparkSession, a_stream: StreamLake) -> None:
    from datetime import UTC, datetime

    for number in range(2):
        a_stream.drop(f"{number}.jsonl", [*numbered(number, number + 2), {"id": "bad"}])
    context, started = a_stream.context(DAY), datetime.now(UTC)

    made = runs.record(context, run(session, a_stream, source={"files_per_batch": 1}), started)

    assert manifest.current(a_stream.root, "stream_run", DAY) == made
    assert [entry.uri for entry in made.inputs] == [one.path for one in a_stream.committed()]
    metrics = {name: made.metrics[name] for name in ("batches", "records", "restored", "rejected", "duplicates")}
    assert metrics == {"batches": 2, "records": 6, "restored": 3, "rejected": 2, "duplicates": 1}
    assert made.rows == 3
    assert made.metrics["max_lag_seconds"] > 0


def test_always_on_it_restores_what_arrives_until_it_is_asked_to_stop(a_stream: StreamLake) -> None:
    # Given a stream that goes on, as a process of its own
    port = free_port()
    pipeline = a_stream.pipeline(interval_seconds=0, metrics_port=port)
    with running("-m", "mendel.cli", "stream", "-c", str(pipeline)) as process:
        # When files come one after the other, and then SIGTERM
        for number in range(2):
            a_stream.drop(f"{number}.jsonl", numbered(number, number + 1))
            until(lambda expected=number + 1: len(a_stream.committed()) == expected)
        until(lambda: 'mendel_stream_records_total{outcome="restored"} 2.0' in scrape(port))
        told = scrape(port)
        # And then nothing more, of which Spark tells too
        until(lambda: figure(port, "last_report_timestamp_seconds") > figure(port, "last_batch_timestamp_seconds") + 1)
        process.send_signal(signal.SIGTERM)
        said, _ = process.communicate(timeout=60)

    # Then each is there, Prometheus was told, and it ended well
    assert process.returncode == 0, said[-2000:]
    assert a_stream.times() == {"r000": 1, "r001": 1}
    assert "mendel_stream_model_version 1.0" in told
    assert "mendel_stream_batch_seconds_count 2.0" in told
    assert "mendel_stream_lag_seconds" in told
    assert "process_start_time_seconds" in told


@pytest.mark.parametrize(("host", "reached"), [(Stream().metrics_host, False), ("0.0.0.0", True)])
def test_metrics_are_for_this_machine_unless_told_otherwise(host: str, reached: bool) -> None:
    # Given another address of this machine: to a socket on all of them it is as good as the first
    port = free_port()
    gauges = progress.Gauges(host, port)
    try:
        assert "mendel_stream_records" in scrape(port)
        # Then
        with socket.socket() as other:
            assert (other.connect_ex(("127.0.0.2", port)) == 0) is reached, f"bound to {host}"
    finally:
        gauges.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def scrape(port: int) -> str:
    import urllib.request

    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        return str(answer.read().decode())


def figure(port: int, name: str) -> float:
    (line,) = [line for line in scrape(port).splitlines() if line.startswith(f"mendel_stream_{name} ")]
    return float(line.split()[1])


def until(condition: Any, seconds: float = 180) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.1)


def test_the_files_of_a_killed_attempt_are_listed_nowhere(session: SparkSession, a_stream: StreamLake) -> None:
    a_stream.drop("a.jsonl", numbered(0, 1))
    run(session, a_stream)
    (made,) = a_stream.committed()
    assert {lake.join(a_stream.root, file.path).rsplit("/", 1)[0] for file in made.files} == {
        lake.join(a_stream.root, made.folder)
    }


def test_a_record_that_is_forgotten_is_in_no_micro_batch_and_no_file_any_more(
    session: SparkSession, a_stream: StreamLake
) -> None:
    # Given two micro-batches; one has the record, and a rejection of another
    a_stream.drop("a.jsonl", [{"id": "x", "text": "teh secret"}, {"id": "y", "text": "teh end"}, {"id": "z"}])
    run(session, a_stream)
    a_stream.drop("b.jsonl", numbered(0, 2))
    run(session, a_stream)

    # When both are forgotten
    rules = Stream().rules
    subject = Subject(records=frozenset({"x", id_of_place("a.jsonl", 3)}))
    erasure.erase(a_stream.root, copies.find(a_stream.root, subject, ReadingRules(rules, rules, txt=False)))

    # Then the others are left, the table has no more, and what comes next is restored
    a_stream.drop("c.jsonl", numbered(2, 3))
    run(session, a_stream)
    assert [row["id"] for row in a_stream.restored()] == ["r000", "r001", "r002", "y"]
    assert a_stream.rejections() == []
    for batch in a_stream.committed():
        manifest.verify(a_stream.root, batch)
    table = delta.load(a_stream.root, TABLES[batches.DATASET])
    assert table is not None
    assert delta.rows(table) == 4
    assert b"secret" not in (a_stream.folder / "inbox_stream" / "a.jsonl").read_bytes()
