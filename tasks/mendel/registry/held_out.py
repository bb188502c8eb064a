"""The held-out sentences that everyone is scored on, and the training text that the baselines learn from."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from mendel import lake
from mendel.corruption import edits
from mendel.errors import InputError
from mendel.manifest import InputEntry
from mendel.registry.scores import Sample
from mendel.stage import Context

FEWEST = 30
"""Sentences: below this an interval says nothing."""


def sample(context: Context, pairs: InputEntry, size: int) -> Sample:
    """At most `size` sentences of the test split, in the order of a hash of their ids: the same for every candidate.

    Of the noisy copies of a sentence the first one counts, so that sentences are drawn independently of each other.
    Raises InputError when fewer than 30 are left.
    """
    tables = list(_tables(context, pairs, "test", ["id", "copy", "clean", "noisy", "edits"]))
    if sum(len(table) for table in tables) == 0:
        raise InputError(f"{pairs.uri} has no test split: hold out documents in the ingest section, then run it again")
    table = pa.concat_tables(tables)
    table = table.filter(pc.equal(table["copy"], pc.min(table["copy"])))
    rows = sorted(table.to_pylist(), key=lambda row: hashlib.sha256(row["id"].encode()).digest())[:size]
    if len(rows) < FEWEST:
        raise InputError(
            f"{pairs.uri}: {len(rows)} held-out sentences to score, at least {FEWEST} are needed: "
            f"hold out more text in the ingest section"
        )
    return Sample(
        ids=[row["id"] for row in rows],
        clean=[row["clean"] for row in rows],
        noisy=[row["noisy"] for row in rows],
        edits=[edits.decode(row["edits"]) for row in rows],
    )


def training_text(context: Context, pairs: InputEntry) -> Iterator[str]:
    """The clean sentences of the training split."""
    for table in _tables(context, pairs, "train", ["clean"]):
        yield from table["clean"].to_pylist()


def _tables(context: Context, pairs: InputEntry, split: str, columns: list[str]) -> Iterator[pa.Table]:
    for uri in context.uris(pairs, ".parquet"):
        if f"/split={split}/" in uri:
            with lake.open_uri(uri) as file:
                yield pq.read_table(file, columns=columns)
