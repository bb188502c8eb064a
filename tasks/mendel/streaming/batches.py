"""Micro-batches in the lake: each is one version of `restored_stream`, in a partition of its own, or it is not there.

    restored_stream/batch=<query>-00000012/<fingerprint>/_manifest.json           the commit
    restored_stream/batch=<query>-00000012/<fingerprint>/attempt=…/*.parquet      restored records
    restored_stream/batch=<query>-00000012/<fingerprint>/attempt=…/rejected/*.json   what could not be, with reasons

The name holds Spark's id of the query, which lives in its checkpoint, and its number of the micro-batch, which Spark
gives again to the same records when it repeats a micro-batch after a failure. So a batch that was committed before the
failure is found and left, whichever model is current by then; one that was not leaves files that nothing names.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from mendel.core import digest, lake, manifest
from mendel.core.errors import GateError
from mendel.core.log import log
from mendel.core.manifest import InputEntry, Manifest
from mendel.core.stage import Context, Draft, Outcome, VersionName, commit
from mendel.inference import restored
from mendel.promotion.champions import Resolved
from mendel.streaming.settings import Stream

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame

DATASET = "restored_stream"
STAGE = "stream"
STAGE_VERSION = 1
REJECTED = "rejected"


def partition(query: str, number: int) -> str:
    return f"batch={query[:8]}-{number:08d}"


def find(root: str, query: str, number: int) -> Manifest | None:
    """The micro-batch's manifest, or None when it was not committed (or held nothing)."""
    return manifest.read(root, DATASET, partition(query, number), _fingerprint(query, number))


def _fingerprint(query: str, number: int) -> str:
    """Of what Spark calls the micro-batch alone: with the model or the settings in it, a repetition might commit twice."""
    return manifest.fingerprint(STAGE, STAGE_VERSION, {}, {"query": query, "batch": number})


class MicroBatch:
    """One micro-batch on its way into the lake."""

    def __init__(self, context: Context, settings: Stream, query: str, number: int) -> None:
        self.context = context
        self.settings = settings
        self.query = query
        self.number = number
        self.started = datetime.now(UTC)

    def write(
        self,
        restored: DataFrame,
        rejected: DataFrame,
        expected: tuple[int, int],
        model: Resolved,
        candidate: InputEntry,
    ) -> Manifest:
        """Write and commit. `expected` are the records and the rejections that Spark counted.

        Raises GateError when another number was written, or two records under one id.
        """
        place = partition(self.query, self.number)
        version = VersionName(DATASET, place, _fingerprint(self.query, self.number), STAGE, STAGE_VERSION)
        with Draft(self.context, version.path) as draft:
            if expected[0]:
                restored.write.mode("append").parquet(lake.spark_uri(draft.uri))
            if expected[1]:
                rejected.write.option("ignoreNullFields", False).json(lake.spark_uri(lake.join(draft.uri, REJECTED)))
            files = draft.files()
            root = self.context.root
            table = _read([lake.join(root, file.path) for file in files if file.path.endswith(".parquet")])
            _check(place, table, expected[0])
        outcome = Outcome(
            rows=table.num_rows,
            digest=digest.of_table(table),
            files=files,
            parameters={
                "settings": self.settings.model_dump(mode="json", exclude={"source": {"options"}, "spark": True}),
                "query": self.query,
                "batch": self.number,
                "model_version": model.registered,
            },
            metrics={"records_restored": table.num_rows, "records_rejected": expected[1], **signals(table)},
        )
        return commit(version, self.context, [candidate], outcome, self.started, draft=draft)


def put_in_force(root: str, batch: Manifest, expected: tuple[int, int]) -> None:
    """What a commit does after its manifest, for a batch whose run was killed between the two.

    Raises GateError where the batch does not hold what was read: two runs at a time share a checkpoint, which an object
    store does not prevent.
    """
    there = batch.rows, batch.metrics["records_rejected"]
    if there != expected and restored.FORGOTTEN not in batch.metrics:
        raise GateError(
            f"{batch.path} holds {there[0]} records and {there[1]} rejections, and {expected[0]} and {expected[1]} were "
            "read: another run of this stream is at work. Stop one, and give `stream.name` a new name to read all again"
        )
    manifest.set_current(root, batch)
    log.info("unchanged", stage=STAGE, version=batch.path, rows=batch.rows)


def _read(uris: list[str]) -> pa.Table:
    import pyarrow as pa
    import pyarrow.parquet as pq

    tables = []
    for uri in uris:
        with lake.open_uri(uri) as file:
            tables.append(pq.read_table(file).cast(restored.schema()))
    return pa.concat_tables([restored.schema().empty_table(), *tables])


def _check(place: str, table: pa.Table, expected: int) -> None:
    import pyarrow.compute as pc

    if table.num_rows != expected:
        raise GateError(f"{place}: {expected} records were read and {table.num_rows} were written")
    if twice := table.num_rows - pc.count_distinct(table["id"]).as_py():
        raise GateError(f"{place}: {twice} records came out under an id that another one has")


def signals(table: pa.Table) -> dict[str, Any]:
    """What to watch for drift, and where the records came from: of each file (or topic/partition) the first and last."""
    import pyarrow.compute as pc

    places = table.group_by("file").aggregate([("ordinal", "min"), ("ordinal", "max"), ("ordinal", "count")])
    return {
        "share_changed": pc.mean(table["changed"]).as_py(),
        "share_fallback": pc.mean(table["fallback"]).as_py(),
        "mean_confidence": pc.mean(table["confidence"]).as_py(),
        "mean_characters": pc.mean(pc.utf8_length(table["original"])).as_py(),
        "files": {
            row["file"]: {"first": row["ordinal_min"], "last": row["ordinal_max"], "records": row["ordinal_count"]}
            for row in sorted(places.to_pylist(), key=lambda row: str(row["file"]))
        },
    }
