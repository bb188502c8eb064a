"""What kill -9 does to `mendel stream`: kills at seeded moments while it restores, then a count of what came out.

The smoke pipeline's champion restores a few hundred small records of its own noisy pairs, five a micro-batch. After each
kill, of the driver, its JVM and with it the workers, the stream is started again; the last start runs to the end.

    .venv/bin/python bench/stream_kills.py [--route files-lake] [--kafka localhost:9092] [--kills 10] [--records 300]

Routes: files-lake, and with a broker kafka-lake and kafka-kafka. Prints a table and writes bench/results/stream_kills.json.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import common
import pyarrow.parquet as pq
import yaml

from mendel.core import lake, manifest
from mendel.streaming import batches

SMOKE = common.REPO / "include" / "pipelines" / "smoke.yaml"
FOLDER = common.FOLDER / "stream"
DAY = common.PARTITION
CHAIN = ("ingest", "validate corpus", "corrupt", "validate pairs", "finetune", "evaluate", "promote")
ROUTES = ("files-lake", "kafka-lake", "kafka-kafka")
A_BATCH = 5
UP_TO_BATCHES = 4
UP_TO_SECONDS = 1.5
"""After the last of them: a micro-batch or two."""


class Route:
    """One stream from a source to a sink, with the records that it is to restore."""

    def __init__(self, name: str, records: Sequence[dict[str, str]], broker: str | None) -> None:
        self.name = name
        self.records = records
        self.broker = broker
        self.source, self.sink = name.split("-")
        self.topic = f"mendel-{uuid.uuid4().hex[:8]}"
        self.root = (FOLDER / name).as_uri()
        shutil.rmtree(FOLDER / name, ignore_errors=True)
        for dataset in ("ledger", "candidate"):
            shutil.copytree(FOLDER / "lake" / dataset, FOLDER / name / dataset)
        self.config = FOLDER / f"{name}.yaml"
        self.config.write_text(yaml.safe_dump({"name": name, "lake": self.root, "stream": self.settings()}))

    def settings(self) -> dict[str, Any]:
        source: dict[str, Any] = {"kind": "files", "files_per_batch": 1}
        if self.source == "kafka":
            source = {"kind": "kafka", "servers": self.broker, "topic": self.topic, "records_per_batch": A_BATCH}
        sink: dict[str, Any] = {"kind": "lake"}
        if self.sink == "kafka":
            sink = {"kind": "kafka", "servers": self.broker, "topic": f"{self.topic}-restored"}
        return {"source": source, "sink": sink, "interval_seconds": 0}

    def send(self) -> None:
        """All records, before the stream starts."""
        lines = [json.dumps(record).encode() for record in self.records]
        if self.source == "files":
            inbox = FOLDER / self.name / "inbox_stream"
            inbox.mkdir()
            for start in range(0, len(lines), A_BATCH):
                (inbox / f"{start:05d}.jsonl").write_bytes(b"\n".join(lines[start : start + A_BATCH]))
            return
        from kafka import KafkaProducer

        producer = KafkaProducer(bootstrap_servers=self.broker, acks="all")
        for line in lines:
            producer.send(self.topic, line)
        producer.flush()
        producer.close()

    def out(self) -> Iterator[dict[str, Any]]:
        """Every restored record that a consumer finds."""
        if self.sink == "kafka":
            yield from self._messages()
            return
        for version in self.committed():
            manifest.verify(self.root, version)
            for file in version.files:
                if file.path.endswith(".parquet"):
                    yield from pq.read_table(lake.join(self.root, file.path)).to_pylist()

    def _messages(self) -> Iterator[dict[str, Any]]:
        from kafka import KafkaConsumer

        consumer = KafkaConsumer(
            f"{self.topic}-restored",
            bootstrap_servers=self.broker,
            group_id=None,
            auto_offset_reset="earliest",
            consumer_timeout_ms=5000,
        )
        for message in consumer:
            row = json.loads(message.value)
            assert message.key.decode() == row["id"]
            yield row
        consumer.close()

    def committed(self) -> list[manifest.Manifest]:
        keys = manifest.partitions(self.root, batches.DATASET)
        return [version for key in keys if (version := manifest.current(self.root, batches.DATASET, key)) is not None]

    def abandoned(self) -> int:
        """Attempts that wrote something and that no manifest names."""
        named = {lake.join(self.root, version.folder) for version in self.committed()}
        there = {f"file://{path}" for path in (FOLDER / self.name / batches.DATASET).glob("*/*/attempt=*")}
        return len(there - named)

    def spark_batches(self) -> int:
        """Micro-batches that Spark itself has marked as done."""
        return len(list((FOLDER / self.name / "stream_checkpoints" / "default" / "commits").glob("[0-9]*")))


@contextmanager
def stream(route: Route, *options: str) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """`mendel stream` in a process group of its own, and the file of what it says."""
    log_file = FOLDER / f"{route.name}.log"
    command = [str(common.MENDEL), "stream", "-c", str(route.config), *options]
    with log_file.open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=common.REPO, start_new_session=True)
        try:
            yield process, log_file
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def until(condition: Callable[[], bool], process: subprocess.Popen[bytes], log_file: Path) -> None:
    while not condition():
        if process.poll() is not None:
            raise SystemExit(f"the stream ended by itself:\n{log_file.read_text()[-3000:]}")
        time.sleep(0.02)


def kill(route: Route, batch_count: int, after: float) -> dict[str, Any]:
    """Start the stream and kill it this long after it has done so many micro-batches."""
    with stream(route) as (process, log_file):
        until(lambda: "stream started" in log_file.read_text(), process, log_file)
        until(lambda: log_file.read_text().count("event=micro-batch") >= batch_count, process, log_file)
        time.sleep(after)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    return {
        "route": route.name,
        "after_batches": batch_count,
        "after_seconds": round(after, 3),
        "batches_in_the_lake": len(route.committed()),
        "batches_done_to_spark": route.spark_batches(),
        "abandoned_attempts": route.abandoned(),
    }


def finish(route: Route) -> None:
    with stream(route, "--partition", DAY) as (process, log_file):
        if process.wait(timeout=600):
            raise SystemExit(f"the last start failed:\n{log_file.read_text()[-3000:]}")


def count(route: Route) -> dict[str, Any]:
    """What came out, beside what went in."""
    sent = {record["id"]: record["text"] for record in route.records}
    rows = list(route.out())
    times = Counter(row["id"] for row in rows)
    texts: dict[str, set[str]] = {}
    for row in rows:
        texts.setdefault(row["id"], set()).add(row["text"])
    return {
        "route": route.name,
        "records": len(sent),
        "once": sum(times[key] == 1 for key in sent),
        "lost": sum(times[key] == 0 for key in sent),
        "duplicates": sum(times.values()) - len(times),
        "unknown": len(times.keys() - sent.keys()),
        "originals_differ": sum(row["original"] != sent.get(row["id"]) for row in rows),
        "ids_with_two_texts": sum(len(variants) > 1 for variants in texts.values()),
        "abandoned_attempts": route.abandoned(),
    }


def prepare(size: int) -> list[dict[str, str]]:
    """A champion, made where there is none yet, and noisy records."""
    root = (FOLDER / "lake").as_uri()
    environment = os.environ | {"MENDEL_LAKE": root, "MLFLOW_TRACKING_URI": f"sqlite:///{FOLDER}/mlflow.db"}
    FOLDER.mkdir(parents=True, exist_ok=True)
    for stage in CHAIN:
        command = [str(common.MENDEL), *stage.split(), "-c", str(SMOKE), "-p", DAY]
        process = subprocess.run(command, env=environment, cwd=common.REPO, capture_output=True, text=True)
        if process.returncode:
            raise SystemExit(
                f"mendel {stage}: exit code {process.returncode}\n{(process.stdout + process.stderr)[-3000:]}"
            )
    pairs = manifest.current(root, "pairs", DAY)
    assert pairs is not None
    uris = [lake.join(root, file.path) for file in pairs.files if file.path.endswith(".parquet")]
    noisy = [
        text for uri in uris for text in pq.read_table(uri, columns=["noisy"])["noisy"].to_pylist() if text.strip()
    ]
    return [{"id": f"r{number:05d}", "text": text} for number, text in enumerate(noisy[:size])]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--route", choices=ROUTES, action="append", help="one of them; all that are possible by default"
    )
    parser.add_argument("--kafka", help="host:port of a broker")
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--records", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    names = options.route or [name for name in ROUTES if options.kafka or "kafka" not in name]
    if not options.kafka and any("kafka" in name for name in names):
        parser.error("this route needs --kafka")
    described = f"{common.machine()}; {options.kills} kills, seed {options.seed}"
    records = prepare(options.records)
    kills, counts = [], []
    for name in names:
        route, moments = Route(name, records, options.kafka), random.Random(options.seed)
        route.send()
        for _ in range(options.kills):
            kills.append(kill(route, moments.randint(0, UP_TO_BATCHES), moments.uniform(0, UP_TO_SECONDS)))
            print(kills[-1], flush=True)
        finish(route)
        counts.append(count(route))
    common.report("stream_kills", described, counts, dict.fromkeys(counts[0], ""), unseen=kills)
    assert all(not row["lost"] and not row["unknown"] and not row["originals_differ"] for row in counts)
    assert all(row["once"] == row["records"] for row in counts if row["route"].endswith("lake"))


if __name__ == "__main__":
    main()
