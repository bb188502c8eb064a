"""A table's log, read and written by delta-rs: `<lake>/<dataset>/_delta_log`.

A commit is made for the table's version that its change was computed from, or not at all (`BehindError`): Delta's own rebase
would let two writers both keep a file that one of them has replaced.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import CommitProperties, DeltaTable, Field, Schema
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError
from deltalake.schema import PrimitiveType
from deltalake.transaction import AddAction, RemoveAction, create_table_with_add_actions

from mendel.core import lake
from mendel.core.errors import InputError
from mendel.core.manifest import Manifest
from mendel.lakehouse.changes import TableChange
from mendel.lakehouse.tables import DatasetTable, RowsFile

FOLDER = "_delta_log"
KEY = "mendel"
"""Of a commit's metadata: what it says of the manifest."""
FOREVER = "interval 36500 days"
PROPERTIES: Mapping[str, str | None] = {
    # VACUUM of an engine would take all that no log lists for garbage: manifests, documents, versions that models
    # were made from. `mendel gc` knows better.
    "delta.deletedFileRetentionDuration": FOREVER,
    # The log is what names a version's manifest.
    "delta.logRetentionDuration": FOREVER,
}
STRING = PrimitiveType("string")
TYPES = {"dt": PrimitiveType("date")}
"""Of columns that a table is partitioned by; others are strings."""


class BehindError(Exception):
    """Somebody else has committed to the table meanwhile."""


class Commit(NamedTuple):
    """A version of a table, and the manifest that it was made for."""

    version: int
    at: datetime
    """When the table got it, in UTC."""
    partition: str | None
    fingerprint: str | None
    """Of the manifest; None where a partition had none in force any more, and where only columns were added."""
    manifest: str | None
    """The manifest's folder, relative to the lake."""
    rows: int | None
    finished: datetime | None
    """When the manifest was written."""


def uri(root: str, table: DatasetTable) -> str:
    return lake.join(lake.normalise(root), table.name)


def load(root: str, table: DatasetTable, version: int | None = None) -> DeltaTable | None:
    """The table at a version, else as it is; None where there is none. Raises InputError where it cannot be read."""
    try:
        return DeltaTable(uri(root, table), version=version, storage_options=_options(root))
    except TableNotFoundError:
        return None
    except DeltaError as error:
        raise InputError(
            f"{uri(root, table)}/{FOLDER} cannot be read: {error}. Nothing is lost: delete that folder, and "
            "mendel lake sync makes it again from the manifests, with versions from 0"
        ) from error


def create(root: str, table: DatasetTable, like: RowsFile) -> DeltaTable:
    """Make the log of an empty table with the columns of a file, unless another writer was first."""
    schema, _ = _content(lake.join(uri(root, table), like.path))
    columns = [
        Field(field.name, field.type, nullable=True)
        for field in Schema.from_arrow(schema).fields
        if field.name not in table.partitioned_by
    ]
    partition_columns = [Field(name, TYPES.get(name, STRING)) for name in table.partitioned_by]
    try:
        create_table_with_add_actions(
            uri(root, table),
            Schema([*columns, *partition_columns]),
            [],
            mode="error",
            partition_by=table.partitioned_by,
            name=table.name,
            configuration=PROPERTIES,
            storage_options=_options(root),
        )
    except DeltaError:
        if load(root, table) is None:
            raise
    delta = load(root, table)
    assert delta is not None, f"{table.name} was made and is not there"
    return delta


def listed(delta: DeltaTable, table: DatasetTable) -> dict[str, tuple[str, ...]]:
    """The table's files: paths relative to its folder, and the values of the columns that it is partitioned by."""
    actions = pa.table(delta.get_add_actions(flatten=True)).to_pydict()
    values = [actions[f"partition.{name}"] for name in table.partitioned_by]
    return {path: tuple(str(each[row]) for each in values) for row, path in enumerate(actions["path"])}


def missing(root: str, table: DatasetTable, delta: DeltaTable) -> list[str]:
    """The table's files that are not in the lake any more, relative to its folder: one listing."""
    folder = uri(root, table)
    there = lake.entries(folder)
    return [path for path in listed(delta, table) if lake.join(folder, path) not in there]


def rows(delta: DeltaTable) -> int:
    """How many rows the log says that the table has."""
    return sum(pa.table(delta.get_add_actions(flatten=True))["num_records"].to_pylist())


def commit(root: str, table: DatasetTable, delta: DeltaTable, change: TableChange) -> None:
    """Make one change the table's next version; `delta` is the table as it then is.

    Raises BehindError where the table is not what the change was computed from, and InputError where its files do not fit.
    """
    contents = [_content(lake.join(uri(root, table), file.path)) for file in change.adds]
    try:
        for schema, _ in contents:
            _add_columns_of(schema, delta, root, table)
        files = [
            AddAction(
                path=file.path,
                size=file.bytes,
                partition_values=dict(zip(table.partitioned_by, file.values, strict=True)),
                modification_time=_milliseconds(change.version),
                data_change=True,
                stats=json.dumps({"numRecords": count}),
            )
            for file, (_, count) in zip(change.adds, contents, strict=True)
        ]
        moment = int(time.time() * 1000)
        delta.create_write_transaction(
            [*files, *(RemoveAction(path, True, moment) for path in change.removes)],
            "append",
            delta.schema(),
            table.partitioned_by,
            commit_properties=CommitProperties(custom_metadata=_names(change.version), max_commit_retries=0),
        )
    except CommitFailedError as error:
        raise BehindError from error
    delta.update_incremental()


def history(delta: DeltaTable) -> Iterator[Commit]:
    """All versions of a table, the newest first."""
    for entry in delta.history():
        named: Mapping[str, Any] = entry.get(KEY, {})
        finished = named.get("finished")
        yield Commit(
            version=entry["version"],
            at=datetime.fromtimestamp(entry["timestamp"] / 1000, UTC),
            partition=named.get("partition"),
            fingerprint=named.get("fingerprint"),
            manifest=named.get("manifest"),
            rows=named.get("rows"),
            finished=datetime.fromisoformat(finished) if finished else None,
        )


def _names(version: Manifest | None) -> dict[str, Any]:
    """A commit's metadata. `userMetadata` is what other engines show of it."""
    if version is None:
        return {}
    named = {
        "manifest": version.path,
        "partition": version.partition,
        "fingerprint": version.fingerprint,
        "digest": version.digest,
        "rows": version.rows,
        "finished": version.finished.isoformat(),
    }
    return {"userMetadata": version.path, KEY: named}


def _milliseconds(version: Manifest | None) -> int:
    return int(version.finished.timestamp() * 1000) if version else 0


def _content(file: str) -> tuple[pa.Schema, int]:
    """The columns of a Parquet file, and its rows."""
    with lake.open_uri(file) as opened, pq.ParquetFile(opened) as parquet:
        return parquet.schema_arrow.remove_metadata(), parquet.metadata.num_rows


def _add_columns_of(schema: pa.Schema, delta: DeltaTable, root: str, table: DatasetTable) -> None:
    """Give the table the columns that a file has besides; its other rows have none there. A type never changes."""
    present = {field.name: field.type for field in delta.schema().fields}
    added = []
    for field in Schema.from_arrow(schema).fields:
        if field.name not in present:
            added.append(Field(field.name, field.type, nullable=True))
        elif field.type != present[field.name] and field.name not in table.partitioned_by:
            raise InputError(
                f"{table.name}: column {field.name} is {present[field.name]} in the table and {field.type} in a new "
                "file. A column may come, and may be left out; its type stays. Give the new one another name, or delete "
                f"{uri(root, table)}/{FOLDER} and make older versions again: mendel lake sync starts anew"
            )
    if not added:
        return
    delta.alter.add_columns(added, commit_properties=CommitProperties(max_commit_retries=0))
    delta.update_incremental()


def _options(root: str) -> dict[str, str]:
    """What delta-rs has to be told that other libraries take for granted: a store without TLS is meant."""
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL", "")
    if root.startswith("s3://") and endpoint.startswith("http://"):
        return {"AWS_ENDPOINT_URL": endpoint, "AWS_ALLOW_HTTP": "true"}
    return {}
