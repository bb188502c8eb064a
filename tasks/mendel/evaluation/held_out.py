"""The held-out sentences that everyone is scored on, and the training text that the baselines learn from."""

from __future__ import annotations

import hashlib

import pyarrow.compute as pc

from mendel.core.errors import InputError
from mendel.core.manifest import InputEntry
from mendel.core.stage import Context
from mendel.evaluation.scores import Sample
from mendel.noise import edits, pairs

FEWEST = 30
"""Sentences: below this an interval says nothing."""


def sample(context: Context, entry: InputEntry, size: int, untouched: int, seed: int) -> Sample:
    """At most `size` sentences of the test split, in an order by hash of their ids: the same for every candidate.

    The clean text of the first `untouched` is given to the systems too. Another seed gives another order. Of the noisy
    copies of a sentence the first one counts, so that sentences are drawn independently of each other. Raises InputError
    when fewer than 30 are left.
    """
    table = pairs.read(
        context.uris(entry, ".parquet"), splits=["test"], columns=["id", "copy", "clean", "noisy", "edits"]
    )
    table = table.filter(pc.equal(table["copy"], 0))
    order = sorted(table.to_pylist(), key=lambda row: hashlib.sha256(f"{seed}:{row['id']}".encode()).digest())
    rows = order[:size]
    if len(rows) < FEWEST:
        raise InputError(
            f"{entry.uri}: {len(rows)} held-out sentences to score, at least {FEWEST} are needed: "
            f"hold out more text in the ingest section"
        )
    return Sample(
        ids=[row["id"] for row in rows],
        clean=[row["clean"] for row in rows],
        noisy=[row["noisy"] for row in rows],
        edits=[edits.decode(row["edits"]) for row in rows],
        untouched=[row["clean"] for row in order[:untouched]],
    )


def training_text(context: Context, entry: InputEntry) -> list[str]:
    """The clean sentences of the training split."""
    table = pairs.read(context.uris(entry, ".parquet"), splits=["train"], columns=["copy", "clean"])
    texts: list[str] = table.filter(pc.equal(table["copy"], 0))["clean"].to_pylist()
    return texts
