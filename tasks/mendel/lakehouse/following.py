"""Tables follow the manifests: the manifest is the only commit, and a table's log is made from those in force.

After each commit the table gets that version's files (`follow`). What was missed, since a process was killed between the
two or had no delta-rs, comes with `sync`, which compares all: it runs before each query.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from itertools import chain
from typing import TYPE_CHECKING

from mendel.core import manifest
from mendel.core.errors import InputError, MendelError
from mendel.core.log import log
from mendel.core.manifest import Manifest
from mendel.lakehouse import changes
from mendel.lakehouse.changes import TableChange
from mendel.lakehouse.tables import TABLES, DatasetTable, rows_files

if TYPE_CHECKING:
    from deltalake import DeltaTable

READERS = 16
"""Manifests that are read at a time."""
ATTEMPTS = 100
"""Each that fails means that another writer got ahead."""


def follow(root: str, version: Manifest) -> None:
    """Bring a version that was committed into its table, where it has one. Never fails: `sync` does it later."""
    table = TABLES.get(version.dataset)
    if table is not None and table.has(version):
        attempt(root, table, version.partition if table.by else None)


def follow_all(root: str) -> None:
    """Bring all tables up to the manifests, as far as that goes."""
    for table in TABLES.values():
        attempt(root, table)


def attempt(root: str, table: DatasetTable, only: str | None = None) -> None:
    """What `sync` does (for `only` one partition, where given); a log line where that fails, none without delta-rs."""
    if find_spec("deltalake") is None:
        return
    try:
        _bring(root, table, only)
    except Exception as error:  # the manifests are there, and no table is worth the work of who has made them
        log.warning("the table is behind", table=table.name, error=str(error), remedy="mendel lake sync")


def sync(root: str, table: DatasetTable) -> int:
    """Make a table what the manifests in force say; how many versions of the table it took.

    Raises InputError where the table cannot be read or written, or where a file's columns do not fit; other days are then
    in the table.
    """
    return _bring(root, table, None)


def _bring(root: str, table: DatasetTable, only: str | None) -> int:
    """All changes, computed anew each time that another writer was first: from the manifests that are in force then."""
    from mendel.lakehouse import delta  # loads pyarrow, deltalake

    made = 0
    for attempt in range(ATTEMPTS):
        state = delta.load(root, table)
        versions, unknown = in_force(root, table, only)
        if state is None:
            if (first := next((file for version in versions for file in rows_files(table, version)), None)) is None:
                return made
            state = delta.create(root, table, first)
        misfits = []
        try:
            for change in _changes(table, state, versions, unknown, only):
                try:
                    delta.commit(root, table, state, change)
                except InputError as error:
                    if table.by is None:  # the next snapshot's change starts from this one
                        raise
                    misfits.append(error)
                    continue
                made += 1
                source = change.version.path if change.version else None
                log.info("in the table", table=table.name, version=state.version(), manifest=source)
        except delta.BehindError:
            time.sleep(random.uniform(0, 0.02 * (attempt + 1)))  # noqa: S311 (no secret)
            continue
        if misfits:
            raise misfits[0]
        return made
    raise MendelError(f"{table.name}: other writers were first {ATTEMPTS} times. Run: mendel lake sync")


def _changes(
    table: DatasetTable, state: DeltaTable, versions: list[Manifest], unknown: set[str], only: str | None
) -> Iterator[TableChange]:
    from mendel.lakehouse import delta  # loads pyarrow, deltalake

    listed = delta.listed(state, table)
    if table.by is None:
        last = next((commit.partition for commit in delta.history(state) if commit.partition), None)
        newer = [value for value in unknown if not versions or value > versions[-1].partition]
        return iter(()) if newer else changes.of_snapshots(table, versions, listed, last)
    if only:
        return chain.from_iterable(changes.of_partition(table, version, listed) for version in versions)
    return changes.of_partitions(table, versions, listed, unknown)


def in_force(root: str, table: DatasetTable, only: str | None = None) -> tuple[list[Manifest], set[str]]:
    """The versions in force that are the table's, by partition; and the partitions of which that cannot be read."""
    keys = [only] if only else manifest.keys(root, table.name)
    with ThreadPoolExecutor(READERS) as readers:
        found = dict(zip(keys, readers.map(lambda key: _current(root, table.name, key), keys), strict=True))
    versions = [version for version in found.values() if isinstance(version, Manifest) and table.has(version)]
    return versions, {_value(key) for key, version in found.items() if isinstance(version, InputError)}


def _current(root: str, dataset: str, key: str) -> Manifest | InputError | None:
    try:
        return manifest.current(root, dataset, key)
    except InputError as error:
        log.warning("left as it is in the table", dataset=dataset, partition=key, error=str(error))
        return error


def _value(key: str) -> str:
    return key.rpartition("=")[2]
