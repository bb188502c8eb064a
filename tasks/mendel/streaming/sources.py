"""The sources: what arrives, as a stream of records and rejections, by the same rules as the daily inbox."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from typing import Any

import pyarrow as pa
from fsspec.core import url_to_fs
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.functions import col, unix_millis

from mendel.core import lake
from mendel.inference import inbox
from mendel.inference.inbox import InboxFile
from mendel.inference.records import InboxRecord, RecordRules, Rejection, parse
from mendel.records.values import Row
from mendel.streaming import kafka
from mendel.streaming.settings import FileStream, Kafka, Stream

FIELDS = {
    "key": "binary",  # equal for records with one id
    "sent": "long",  # when the source got it, in ms since 1970
    "id": "string",
    "text": "string",
    "file": "string",
    "ordinal": "long",
    "extra": "string",
    "reason": "string",  # only of a rejection, as are the two that follow
    "detail": "string",
    "excerpt": "string",
}
SCHEMA = ", ".join(f"{name} {kind}" for name, kind in FIELDS.items())
ARROW = pa.schema({name: {"long": pa.int64()}.get(kind) or getattr(pa, kind)() for name, kind in FIELDS.items()})
ROWS = 256
"""Rows of an Arrow batch: with texts of the greatest length still a few megabytes."""

Batches = Iterable[pa.RecordBatch]
Parser = Callable[[Batches], Iterator[pa.RecordBatch]]
Item = InboxRecord | Rejection

FILES_SCHEMA = "path string, modificationTime timestamp, length long, content binary"
FOR_EVER = "36500d"


def read(spark: SparkSession, settings: Stream, root: str) -> DataFrame:
    """The stream of `FIELDS`, of whichever source."""
    match settings.source:
        case FileStream() as files:
            return _files(spark, files, root, settings.rules)
        case Kafka() as topic:
            return _messages(spark, topic, settings.rules)


def _files(spark: SparkSession, source: FileStream, root: str, rules: RecordRules) -> DataFrame:
    """Spark finds the files and remembers which it has had; their content is read by our own formats."""
    folder = source.folder(root)
    fs, path = url_to_fs(folder)
    fs.makedirs(path, exist_ok=True)
    lines = (
        spark.readStream.format("binaryFile")
        .schema(FILES_SCHEMA)
        .option("recursiveFileLookup", True)
        .option("maxFilesPerTrigger", source.files_per_batch)
        .option("maxFileAge", FOR_EVER)  # by default a file moved here with an old time stamp is passed over in silence
        .load(lake.spark_uri(folder))
    )
    listed = lines.select("path", "length", unix_millis("modificationTime").alias("sent"))  # `content` is never loaded
    return listed.mapInArrow(_file_parser(folder, rules), SCHEMA)


def _file_parser(folder: str, rules: RecordRules) -> Parser:
    def parse_files(batches: Batches) -> Iterator[pa.RecordBatch]:
        fs, base = url_to_fs(folder)
        for batch in batches:
            for row in batch.to_pylist():
                name = lake.from_spark(row["path"]).removeprefix(folder).strip("/")
                file = InboxFile(name, row["length"], True, f"{base}/{name}", fs)
                yield from _arrow((row["sent"], item) for item in inbox.records(file, rules))

    return parse_files


def _messages(spark: SparkSession, source: Kafka, rules: RecordRules) -> DataFrame:
    messages = (
        spark.readStream.format("kafka")
        .option("kafka.bootstrap.servers", source.servers)
        .option("subscribe", source.topic)
        .option("startingOffsets", source.start)
        .option("maxOffsetsPerTrigger", source.records_per_batch)
        .options(**kafka.client_options(source.options))
        .load()
    )
    fields = messages.select("value", "topic", "partition", "offset", unix_millis(col("timestamp")).alias("sent"))
    return fields.mapInArrow(_message_parser(source.format, rules), SCHEMA)


def _message_parser(kind: str, rules: RecordRules) -> Parser:
    def one(row: dict[str, Any]) -> Item:
        raw = Row(None, None) if row["value"] is None else row["value"]
        return parse(raw, kind, f"{row['topic']}/{row['partition']}", row["offset"], rules)

    def parse_messages(batches: Batches) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            yield from _arrow((row["sent"], one(row)) for row in batch.to_pylist())

    return parse_messages


def _arrow(items: Iterator[tuple[int, Item]]) -> Iterator[pa.RecordBatch]:
    rows: list[dict[str, Any]] = []
    for sent, item in items:
        rows.append({**asdict(item), "key": _key(item), "sent": sent})
        if len(rows) == ROWS:
            yield pa.RecordBatch.from_pylist(rows, ARROW)
            rows = []
    if rows:
        yield pa.RecordBatch.from_pylist(rows, ARROW)


def _key(item: Item) -> bytes:
    """What duplicates share: of a record its id; a rejection has only its place, so that none is taken for another."""
    named = ("id", item.id) if isinstance(item, InboxRecord) else ("at", item.file, str(item.ordinal))
    return hashlib.sha256("\n".join(named).encode()).digest()[:16]
