"""The section `stream` of a pipeline: what is read, where it goes, and how much at a time."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Discriminator, Field, Tag

from mendel.core import allowed, lake
from mendel.core.frozen import Frozen
from mendel.inference.records import RecordRules
from mendel.spark.settings import Tuning

INBOX = "inbox_stream"
CHECKPOINTS = "stream_checkpoints"

OPTIONS = (
    *("failOnDataLoss", "minPartitions", "maxTriggerDelay", "minOffsetsPerTrigger", "groupIdPrefix", "kafka.client.id"),
    *("kafkaConsumer.pollTimeoutMs", "fetchOffset.numRetries", "fetchOffset.retryIntervalMs"),
    *("kafka.security.protocol", "kafka.sasl.mechanism", "kafka.ssl.endpoint.identification.algorithm"),
    *("kafka.acks", "kafka.retries", "kafka.compression.type", "kafka.isolation.level", "kafka.*.ms", "kafka.*.bytes"),
)
"""What a pipeline may tell Kafka's client. Others name files, secrets and classes that it loads."""


def _client_options(options: dict[str, str]) -> dict[str, str]:
    return allowed.only(OPTIONS, options, "all others go into the file that MENDEL_KAFKA_OPTIONS names")


ClientOptions = Annotated[dict[str, str], AfterValidator(_client_options)]


class FileStream(Frozen):
    """A folder that receives files, as the inbox of a day does: complete when they appear, and never changed after."""

    kind: Literal["files"] = "files"
    uri: str | None = Field(None, description=f"the folder, with all below it; without one, {INBOX}/ of the lake")
    files_per_batch: int = Field(100, ge=1)

    def folder(self, root: str) -> str:
        return lake.normalise(self.uri) if self.uri else lake.join(root, INBOX)


class Kafka(Frozen):
    """A topic whose messages are records, one each."""

    kind: Literal["kafka"]
    servers: str = Field(min_length=1, description="host:port of some brokers, with commas")
    topic: str = Field(min_length=1)
    format: Literal["jsonl", "txt"] = Field(
        "jsonl", description="what a message is: a line of JSON, or the text itself"
    )
    start: Literal["earliest", "latest"] = Field("earliest", description="where a stream without a checkpoint begins")
    records_per_batch: int = Field(10_000, ge=1)
    options: ClientOptions = Field(default_factory=dict, description="further options of Spark's Kafka source")


class LakeSink(Frozen):
    """The dataset `restored_stream`: every record exactly once."""

    kind: Literal["lake"] = "lake"


class KafkaSink(Frozen):
    """Two topics, at least once: after a failure a record may come again, under the same id."""

    kind: Literal["kafka"]
    servers: str = Field(min_length=1, description="host:port of some brokers, with commas")
    topic: str = Field(min_length=1)
    rejected_topic: str | None = Field(None, description="without one, the topic's name and .rejected")
    options: ClientOptions = Field(default_factory=dict, description="further options of Spark's Kafka sink")

    @property
    def rejections(self) -> str:
        return self.rejected_topic or f"{self.topic}.rejected"


def _kind(value: Any) -> str:
    """Which of several a mapping means. Without `kind` it is the default, so that one setting over it needs no more."""
    return str(value.get("kind", "")) if isinstance(value, dict) else str(value.kind)


Source = Annotated[
    Annotated[FileStream, Tag("files")] | Annotated[FileStream, Tag("")] | Annotated[Kafka, Tag("kafka")],
    Discriminator(_kind),
]
Sink = Annotated[
    Annotated[LakeSink, Tag("lake")] | Annotated[LakeSink, Tag("")] | Annotated[KafkaSink, Tag("kafka")],
    Discriminator(_kind),
]


class Stream(Frozen):
    """How records are restored as they come."""

    name: str = Field(
        "default",
        pattern="^[a-z0-9][a-z0-9_-]*$",
        description="names the checkpoint: another source needs another name",
    )
    alias: str = Field("champion", description="whose model restores; asked again before every micro-batch")
    source: Source = FileStream()
    sink: Sink = LakeSink()
    text_key: str = Field("text", description="key (JSON) or column (Parquet) that holds the text")
    max_characters: int = Field(10_000, ge=1, description="a longer text is rejected")
    extra: bool = Field(True, description="keep a record's other keys or columns, as JSON in the column `extra`")
    threshold: float | None = Field(None, ge=0, le=1, description="changes of less confidence than this are left out")
    batch_records: int = Field(256, ge=1, description="texts that the restorer is given at once: bounds the memory")
    duplicate_seconds: int = Field(3600, ge=1, description="a record whose id came within this time before is dropped")
    interval_seconds: float = Field(10, ge=0, description="least time from one micro-batch to the next, when always on")
    metrics_host: str = Field("127.0.0.1", description="address of Prometheus's metrics; 0.0.0.0 for other machines")
    metrics_port: int | None = Field(None, ge=1, le=65535, description="port for Prometheus, when always on")
    spark: Tuning = Field(default_factory=dict, description="how Spark is tuned, as in spark.master: local[4]")

    @property
    def rules(self) -> RecordRules:
        return RecordRules(text_key=self.text_key, max_characters=self.max_characters, extra=self.extra)

    def checkpoint(self, root: str) -> str:
        """URI of the folder where Spark keeps how far the stream has come, and the ids that it has seen."""
        return lake.join(lake.normalise(root), CHECKPOINTS, self.name)
