"""Which datasets are tables, and which of a version's files hold the rows.

A table's folder is its dataset's, `<lake>/<dataset>/_delta_log`, so that its paths are relative and a lake can be moved
or copied whole. Of a dataset whose partitions are days (or micro-batches) the table holds all versions in force, the
partition being a column. A corpus is a full snapshot, and so is what is made of it: there the table holds the newest.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from mendel.core.manifest import FileEntry, Manifest, partition_path

DEPTH = 4
"""Folders of a file's path in the lake above what its stage named: dataset, partition, fingerprint, attempt."""


class DatasetTable(NamedTuple):
    """A dataset as a table. What `files` matches is the path of a file in the attempt that wrote it."""

    name: str
    """Also the dataset's."""
    files: str
    by: str | None = None
    """The column that holds a row's partition: `dt` or `batch`. None: the newest partition is the whole table."""
    within: tuple[str, ...] = ()
    """Columns that the folders inside a version name, and its files do not hold."""

    @property
    def partitioned_by(self) -> list[str]:
        return [*([self.by] if self.by else []), *self.within]

    def has(self, version: Manifest) -> bool:
        """Whether a version's partition can be one of the table's: by days there is no other than a date."""
        return self.by is None or self.value(version) is not None

    def value(self, version: Manifest) -> str | None:
        """A version's value of the column `by`."""
        name, separator, value = partition_path(version.dataset, version.partition).split("/")[1].partition("=")
        return value if separator and name == self.by else None


TABLES = {
    table.name: table
    for table in (
        DatasetTable("corpus", r"split=\w+/part-[^/]+\.parquet"),
        DatasetTable("pairs", r"split=\w+/part-[^/]+\.parquet", within=("split",)),
        DatasetTable("restored", r"part-\d+\.parquet", by="dt"),
        DatasetTable("restored_stream", r"part-[^/]+\.parquet", by="batch"),
        DatasetTable("drift", r"tests\.parquet", by="dt"),
        DatasetTable("evaluation", r"scores\.parquet", by="dt"),
    )
}


class RowsFile(NamedTuple):
    """A Parquet file of a table."""

    path: str
    """Relative to the table's folder."""
    bytes: int
    values: tuple[str, ...]
    """Of the columns that the table is partitioned by, in their order."""


def rows_files(table: DatasetTable, version: Manifest) -> Iterator[RowsFile]:
    """The files that hold a version's rows."""
    of_partition = [table.value(version)] if table.by else []
    for file in version.files:
        folders = _named(file)
        if re.fullmatch(table.files, folders):
            within = dict(folder.split("=", 1) for folder in folders.split("/") if "=" in folder)
            values = [*of_partition, *(within[name] for name in table.within)]
            path = file.path.removeprefix(f"{version.dataset}/")
            yield RowsFile(path, file.bytes, tuple(str(value) for value in values))


def _named(file: FileEntry) -> str:
    return "/".join(file.path.split("/")[DEPTH:])
