"""Kafka: Spark's connector, the client's options, and the two topics of the sink."""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

import pyspark
from pyspark.sql import DataFrame
from pyspark.sql.functions import col, struct, to_json

from mendel.core import config
from mendel.core.errors import InputError
from mendel.streaming.settings import Kafka, KafkaSink, Stream

OPTIONS = "MENDEL_KAFKA_OPTIONS"
"""Path or URI of a YAML file with further options (kafka.sasl.jaas.config: …), so that no secret is in a pipeline."""

CONNECTOR = "spark-sql-kafka-0-10_2.13"
SHIPPED = (
    "org.apache.hadoop:hadoop-client-runtime,org.apache.hadoop:hadoop-client-api,org.scala-lang:scala-library,"
    "com.github.luben:zstd-jni,org.xerial.snappy:snappy-java,at.yawk.lz4:lz4-java,org.slf4j:slf4j-api,"
    "com.google.code.findbugs:jsr305,org.apache.spark:spark-tags_2.13,"
    "org.scala-lang.modules:scala-parallel-collections_2.13"
)
"""What the connector depends on and Spark brings itself."""


def connector(settings: Stream) -> dict[str, str]:
    """The Spark settings that bring the connector, where it is needed and does not lie among Spark's own jars."""
    needed = isinstance(settings.source, Kafka) or isinstance(settings.sink, KafkaSink)
    if not needed or any((Path(pyspark.__file__).parent / "jars").glob(f"{CONNECTOR}*.jar")):
        return {}
    coordinates = f"org.apache.spark:{CONNECTOR}:{version('pyspark')}"
    return {"spark.jars.packages": coordinates, "spark.jars.excludes": SHIPPED}


def client_options(options: Mapping[str, str]) -> dict[str, str]:
    """The options of the pipeline, those of the file that MENDEL_KAFKA_OPTIONS names over them."""
    uri = os.environ.get(OPTIONS)
    if not uri:
        return dict(options)
    private = config.load(uri)
    if bad := sorted(name for name, value in private.items() if isinstance(value, dict | list)):
        raise InputError(f"{OPTIONS}={uri}: the value of {', '.join(bad)} must be a text; write name.of.option: value")
    return {**options, **{name: str(value) for name, value in private.items()}}


def write(sink: KafkaSink, restored: DataFrame, rejected: DataFrame) -> None:
    """Send both, the id as the message's key, the row as JSON; a rejection's key is its place."""
    place = to_json(struct("file", "ordinal"))
    for frame, key, topic in ((rejected, place, sink.rejections), (restored, col("id"), sink.topic)):
        messages = frame.select(key.alias("key"), to_json(struct("*"), {"ignoreNullFields": "false"}).alias("value"))
        (
            messages.write.format("kafka")
            .option("kafka.bootstrap.servers", sink.servers)
            .option("topic", topic)
            .options(**client_options(sink.options))
            .save()
        )
