"""### Ingest the corpus

Takes a full snapshot of the source as the week's partition of the dataset **corpus**: normalised, split, checked
against its expectations, put into the data registry. Its last task emits the asset `corpus`, which starts
`corrupt_corpus`; together the four DAGs run through to a promoted restorer.

A run without a partition key takes the key of the last weekly tick. Where the source has not changed since, the week
gets the version that is there already, and every later stage finds its work done. A backfill starts no training unless
its param *Train after a backfill* is on.
"""

from datetime import timedelta

from airflow.sdk import DAG, CronPartitionTimetable, chain

from mendel_airflow.partitions import KEY_FORMAT, ResolvePartition, this_week
from mendel_airflow.policy import COMMON_PARAMS, DEFAULT_ARGS, RETRAIN, deadline, report_failed_run
from mendel_airflow.snapshot import corpus_snapshot

MONDAYS = "0 0 * * 1"

with DAG(
    dag_id="ingest_corpus",
    description="A weekly snapshot of the source, checked and versioned",
    doc_md=__doc__,
    schedule=CronPartitionTimetable(MONDAYS, timezone="UTC", key_format=KEY_FORMAT, run_immediately=timedelta(0)),
    params=COMMON_PARAMS | {"retrain": RETRAIN},
    default_args=DEFAULT_ARGS,
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=12),
    deadline=deadline("ingest_corpus", within=timedelta(hours=4)),
    on_failure_callback=report_failed_run,
    tags=["mendel", "training"],
):
    chain(
        ResolvePartition(default=this_week),
        *corpus_snapshot(),
    )
