"""The record of a run that came to its end, under a day: dataset `stream_run`, which the DAG tells Airflow of."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime

from mendel.core import digest, lake, manifest
from mendel.core.code_version import code_version
from mendel.core.manifest import Manifest
from mendel.core.stage import Context
from mendel.streaming import batches
from mendel.streaming.query import Run

DATASET = "stream_run"


def record(context: Context, run: Run, started: datetime) -> Manifest:
    """Commit what a run did, made from the micro-batches that it put into the lake. One that found nothing has none."""
    found = [batches.find(context.root, run.query, number) for number in run.totals.batches]
    made_from = tuple(batch.as_input() for batch in found if batch is not None)
    span = [run.query, *run.totals.batches[:1], *run.totals.batches[-1:]]
    made = Manifest(
        dataset=DATASET,
        partition=context.partition,
        fingerprint=manifest.fingerprint(batches.STAGE, batches.STAGE_VERSION, {}, span),
        stage=batches.STAGE,
        stage_version=batches.STAGE_VERSION,
        run_id=context.run_id,
        inputs=made_from,
        files=(),
        rows=run.totals.restored,
        digest=digest.of_digests(entry.digest for entry in made_from),
        parameters={"query": run.query},
        metrics={**asdict(run.totals), "batches": len(run.totals.batches), "restored": run.totals.restored},
        code_version=code_version(),
        started=started,
        finished=datetime.now(UTC),
    )
    return manifest.commit(lake.normalise(context.root), made)
