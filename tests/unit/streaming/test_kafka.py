"""The stream from and to a real broker: MENDEL_TEST_KAFKA=localhost:9092 names one."""

from __future__ import annotations

import json
import os
import signal
import uuid
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from kafka import KafkaConsumer, KafkaProducer

from .conftest import StreamLake, python

BROKER = os.environ.get("MENDEL_TEST_KAFKA", "")

pytestmark = [
    pytest.mark.spark,
    pytest.mark.skipif(not BROKER, reason="no Kafka broker: name one in MENDEL_TEST_KAFKA, as localhost:9092"),
]

STREAM = """
import os, sys
from mendel.streaming import kafka
if sys.argv[1] == "killed":
    def sent_and_killed(*arguments, write=kafka.write):
        write(*arguments)
        os.kill(os.getpid(), 9)
    kafka.write = sent_and_killed
sys.argv = ["mendel", "stream", "-c", sys.argv[2], "-p", "2026-11-24"]
from mendel.cli.main import main
main()
"""


@pytest.fixture
def topic() -> str:
    """A name that no earlier run has used; the broker makes the topic at its first message."""
    return f"mendel-{uuid.uuid4().hex[:8]}"


def send(topic: str, messages: Sequence[bytes | None]) -> None:
    producer = KafkaProducer(bootstrap_servers=BROKER)
    for message in messages:
        producer.send(topic, key=b"any", value=message).get(30)
    producer.close()


def received(topic: str) -> list[tuple[str, dict[str, Any]]]:
    """Key and value of all that a topic holds."""
    consumer = KafkaConsumer(
        topic, bootstrap_servers=BROKER, auto_offset_reset="earliest", consumer_timeout_ms=3000, group_id=None
    )
    found = [(message.key.decode(), json.loads(message.value)) for message in consumer]
    consumer.close()
    return found


def numbered(first: int, last: int) -> list[bytes]:
    return [json.dumps({"id": f"r{number:03}", "text": "teh end"}).encode() for number in range(first, last)]


def test_from_a_topic_into_the_lake(a_stream: StreamLake, topic: str) -> None:
    # Given a topic with records, two of them twice, and what is none
    send(topic, [*numbered(0, 5), *numbered(0, 2), b"{", None])
    pipeline = a_stream.pipeline(source={"kind": "kafka", "servers": BROKER, "topic": topic, "records_per_batch": 4})

    first = python(STREAM, "", str(pipeline))
    send(topic, numbered(5, 7))
    second = python(STREAM, "", str(pipeline))

    # Then each is there once with its place, and the second run took only what was new
    assert (first.returncode, second.returncode) == (0, 0), first.stderr[-2000:] + second.stderr[-2000:]
    assert "9 records in 3 micro-batches: 5 restored, 2 rejected, 2 duplicates dropped" in first.stdout
    assert "2 records in 1 micro-batches: 2 restored" in second.stdout
    restored = {row["id"]: row for row in a_stream.restored()}
    assert a_stream.times() == dict.fromkeys([f"r{number:03}" for number in range(7)], 1)
    assert (restored["r003"]["text"], restored["r003"]["file"], restored["r003"]["ordinal"]) == (
        "the end",
        f"{topic}/0",
        3,
    )
    assert [(row["ordinal"], row["reason"]) for row in a_stream.rejections()] == [(7, "not_json"), (8, "no_text")]


def test_killed_when_sent_a_batch_comes_again_under_the_same_ids(a_stream: StreamLake, topic: str) -> None:
    # Given a stream from topic to topic that is killed between sending a micro-batch and Spark's commit of it
    send(topic, [*numbered(0, 6), b"{"])
    out = f"{topic}-restored"
    pipeline = a_stream.pipeline(
        source={"kind": "kafka", "servers": BROKER, "topic": topic, "records_per_batch": 4},
        sink={"kind": "kafka", "servers": BROKER, "topic": out},
    )
    killed = python(STREAM, "killed", str(pipeline))
    assert killed.returncode == -signal.SIGKILL, killed.stderr[-2000:]

    again = python(STREAM, "", str(pipeline))

    # Then nothing is lost, the batch that was under way came twice, and it can be told by the key
    assert again.returncode == 0, again.stderr[-2000:]
    messages = received(out)
    assert Counter(key for key, _ in messages) == {f"r{number:03}": 2 if number < 4 else 1 for number in range(6)}
    assert {key for key, row in messages if row["id"] == key and row["text"] == "the end"} == {
        f"r{number:03}" for number in range(6)
    }
    (rejected,) = received(f"{out}.rejected")
    assert json.loads(rejected[0]) == {"file": f"{topic}/0", "ordinal": 6}
    assert rejected[1]["reason"] == "not_json"
    assert rejected[1]["excerpt"] == "{"
