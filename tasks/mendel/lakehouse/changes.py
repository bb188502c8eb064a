"""What a table lacks, and has too much of, beside the manifests in force. Nothing here touches a store."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from operator import attrgetter
from typing import NamedTuple

from mendel.core.manifest import Manifest
from mendel.lakehouse.tables import DatasetTable, RowsFile, rows_files

Listed = Mapping[str, tuple[str, ...]]
"""A table's files: paths relative to its folder, and the values of the columns that it is partitioned by."""


class TableChange(NamedTuple):
    """One version of the table: what it adds and removes for one manifest (None: a partition has none in force any more)."""

    version: Manifest | None
    adds: tuple[RowsFile, ...]
    removes: tuple[str, ...]


def of_snapshots(
    table: DatasetTable, versions: Sequence[Manifest], listed: Listed, last: str | None
) -> Iterator[TableChange]:
    """Changes that make a table the newest snapshot, by way of those since the `last` partition that it has shown.

    `versions` are those in force, by partition. One whose files are the table's already needs none.
    """
    ordered = [version for version in versions if last is None or version.partition > last] or versions[-1:]
    for version in ordered:
        wanted = {file.path: file for file in rows_files(table, version)}
        yield from _change(version, wanted, listed, {path for path in listed if path not in wanted})
        listed = {path: file.values for path, file in wanted.items()}


def of_partitions(
    table: DatasetTable, versions: Sequence[Manifest], listed: Listed, unknown: Collection[str] = ()
) -> Iterator[TableChange]:
    """Changes that make a table the union of the versions in force, in the order in which those were made.

    Files that several versions list (a repeated partition has those of an earlier one) are the first partition's: a file
    can be in a table once. `unknown` are values of the column `by` about which nothing is known: their rows stay.
    """
    wanted: dict[str | None, dict[str, RowsFile]] = {table.value(version): {} for version in versions}
    needed: set[str] = set()
    for version in sorted(versions, key=attrgetter("partition")):
        files = [file for file in rows_files(table, version) if file.path not in needed]
        wanted[table.value(version)] = {file.path: file for file in files}
        needed.update(file.path for file in files)
    for version in sorted(versions, key=attrgetter("finished")):
        value = table.value(version)
        own = {path for path, values in listed.items() if values[0] == value}
        yield from _change(version, wanted[value], listed, own - needed)
    left = {path for path, (value, *_) in listed.items() if value not in wanted and value not in unknown} - needed
    yield from _change(None, {}, listed, left)


def of_partition(table: DatasetTable, version: Manifest, listed: Listed) -> Iterator[TableChange]:
    """The change for one version that was put in force, whatever is in force elsewhere.

    Without the others it is not known whether one of them has the files that this one had: `of_partitions` puts that right.
    """
    value = table.value(version)
    elsewhere = {path for path, values in listed.items() if values[0] != value}
    wanted = {file.path: file for file in rows_files(table, version) if file.path not in elsewhere}
    yield from _change(version, wanted, listed, listed.keys() - elsewhere - wanted.keys())


def _change(
    version: Manifest | None, wanted: Mapping[str, RowsFile], listed: Listed, removes: Collection[str]
) -> Iterator[TableChange]:
    adds = tuple(file for path, file in wanted.items() if listed.get(path) != file.values)
    if adds or removes:
        yield TableChange(version, adds, tuple(sorted(removes)))
