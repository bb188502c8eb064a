"""SQL over the lake, by DuckDB in this process: a view for each table whose name is in a statement.

The statement reads the lake's tables and nothing else: no file of this machine, no network.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from typing import Any, NamedTuple

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from deltalake import DeltaTable

from mendel.core.errors import InputError
from mendel.lakehouse import delta, following, json_views
from mendel.lakehouse.delta import Commit
from mendel.lakehouse.tables import TABLES, DatasetTable

NAMES = (*TABLES, *json_views.SCHEMAS)
FINGERPRINT = re.compile(r"[0-9a-f]{16}")
WORD = re.compile(r"\w+")
BATCH = 1000
"""Rows of an answer that are fetched at a time."""


class Travel(NamedTuple):
    """Which past of the tables a statement sees."""

    versions: Mapping[str, str] = {}
    """Of tables by name: a number of the log, or a manifest's fingerprint."""
    as_of: date | None = None
    """Days up to this one; of corpus and pairs the newest snapshot then."""


NOW = Travel()


class Answer(NamedTuple):
    """What a statement returns."""

    columns: list[str]
    rows: Iterator[tuple[Any, ...]]


@contextmanager
def answer(root: str, statement: str, travel: Travel = NOW) -> Iterator[Answer]:
    """Run one SQL statement. Raises InputError saying what is wrong with it, or with what it asks for."""
    for name in travel.versions:
        _table(name)
    with duckdb.connect() as connection:
        connection.execute("SET enable_external_access = false; SET python_enable_replacements = false")
        try:
            for name in filter(set(WORD.findall(statement.lower())).__contains__, NAMES):
                if (rows := source(root, name, travel)) is not None:
                    connection.register(name, rows)
            cursor = connection.execute(statement)
            columns = [column[0] for column in cursor.description or ()]
            yield Answer(columns, _rows(cursor))
        except duckdb.CatalogException as error:
            raise InputError(
                f"{error}\nTables are {', '.join(NAMES)}; one that has no data yet is not there"
            ) from error
        except duckdb.Error as error:
            raise InputError(str(error)) from error


def history(root: str, name: str) -> Iterator[Commit]:
    """All versions of a table with their manifests, the newest first. Raises InputError where there is no such table."""
    return delta.history(_present(root, _table(name)))


def overview(root: str) -> Iterator[dict[str, Any]]:
    """What each table holds now."""
    for table in TABLES.values():
        if (state := _synced(root, table)) is not None:
            latest = next((commit for commit in delta.history(state) if commit.manifest), None)
            yield {
                "table": table.name,
                "version": state.version(),
                "rows": delta.rows(state),
                "files": len(state.file_uris()),
                "manifest": latest.manifest if latest else None,
            }


def _rows(cursor: duckdb.DuckDBPyConnection) -> Iterator[tuple[Any, ...]]:
    while rows := cursor.fetchmany(BATCH):
        yield from rows


def source(root: str, name: str, travel: Travel = NOW) -> pa.Table | ds.Dataset | None:
    """A table's rows; None where the lake has none yet."""
    if name in json_views.SCHEMAS:
        return json_views.read(root, name, travel.as_of)
    table = TABLES[name]
    if (state := _synced(root, table)) is None:
        return None
    if version := travel.versions.get(name):
        return _readable(root, table, _numbered(state, table, version))
    if travel.as_of is None:
        return state.to_pyarrow_dataset()
    if table.by == "dt":
        return state.to_pyarrow_dataset().filter(pc.field("dt") <= pa.scalar(travel.as_of))
    return _readable(root, table, _version_of(root, state, table, travel.as_of))


def _synced(root: str, table: DatasetTable) -> DeltaTable | None:
    """The table as the manifests say; as it is where it cannot be written, which is logged."""
    following.attempt(root, table)
    return delta.load(root, table)


def _version_of(root: str, state: DeltaTable, table: DatasetTable, day: date) -> int:
    """The version that a table had of a day: of a snapshot by its partition, of micro-batches by when they were made."""
    commits = [commit for commit in delta.history(state) if commit.finished is not None]
    if table.by is None:
        versions, _ = following.in_force(root, table)
        there = [version for version in versions if version.partition <= day.isoformat()]
        commits = [commit for commit in commits if there and commit.fingerprint == there[-1].fingerprint]
    else:
        commits = [commit for commit in commits if commit.finished and commit.finished.date() <= day]
    if not commits:
        raise InputError(f"{table.name} has never been as it was on {day}. See: mendel lake history {table.name}")
    return commits[0].version


def _numbered(state: DeltaTable, table: DatasetTable, version: str) -> int:
    if FINGERPRINT.fullmatch(version):
        found = [commit.version for commit in delta.history(state) if commit.fingerprint == version]
        if not found:
            raise InputError(f"no version of {table.name} was made for a manifest {version}")
        return found[0]
    if not version.isdecimal():
        raise InputError(f"{table.name}={version}: write a version's number, or the 16 digits of a manifest")
    if int(version) > state.version():
        raise InputError(f"{table.name} has no version {version}: its newest is {state.version()}")
    return int(version)


def _readable(root: str, table: DatasetTable, number: int) -> ds.Dataset:
    """A past version. Raises InputError where `mendel gc` has removed files of it."""
    state = delta.load(root, table, number)
    assert state is not None, f"{table.name} is gone while it is read"
    if gone := delta.missing(root, table, state):
        raise InputError(f"version {number} of {table.name} is gone: {gone[0]} was removed (mendel gc)")
    return state.to_pyarrow_dataset()


def _present(root: str, table: DatasetTable) -> DeltaTable:
    if (state := _synced(root, table)) is None:
        raise InputError(f"{root} has no {table.name} yet")
    return state


def _table(name: str) -> DatasetTable:
    if name not in TABLES:
        raise InputError(f"no table {name} has versions. These have: {', '.join(TABLES)}")
    return TABLES[name]
