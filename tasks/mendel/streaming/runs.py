"""The record of a run that came to its end, under a day: dataset `stream_run`, which the DAG tells Airflow of."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime

from mendel.core import digest, manifest
from mendel.core.manifest import Manifest
from mendel.core.stage import Context, Outcome, VersionName, commit
from mendel.streaming import batches
from mendel.streaming.query import Run

DATASET = "stream_run"


def record(context: Context, run: Run, started: datetime) -> Manifest:
    """Commit what a run did, made from the micro-batches that it put into the lake. One that found nothing has none."""
    committed = [batches.find(context.root, run.query, number) for number in run.totals.batches]
    made_from = tuple(batch.as_input() for batch in committed if batch is not None)
    span = [run.query, *run.totals.batches[:1], *run.totals.batches[-1:]]
    version = VersionName(
        DATASET,
        context.partition,
        manifest.fingerprint(batches.STAGE, batches.STAGE_VERSION, {}, span),
        batches.STAGE,
        batches.STAGE_VERSION,
    )
    outcome = Outcome(
        rows=run.totals.restored,
        digest=digest.of_digests(entry.digest for entry in made_from),
        parameters={"query": run.query},
        metrics={**asdict(run.totals), "batches": len(run.totals.batches), "restored": run.totals.restored},
    )
    return commit(version, context, made_from, outcome, started)
