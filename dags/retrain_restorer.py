"""### Retrain the restorer

Follows the assets `drift` and `feedback`: weighs what was seen of the champion up to the day, as the day's version of
**retraining**. Where a training is wanted it takes a snapshot of the source as the day's **corpus**, and its last task emits
that asset: from there the chain is the weekly one, to a decision in the ledger, which tells why the model was trained.

Where none is wanted, the run is skipped from `wanted_check` on, which says in its log what was looked at. A cool-down and a
budget a month hold back, and a day starts one training: later evidence of the same day starts no other. What began with a
backfill is not weighed, unless the param *Train after a backfill* is on.
"""

from datetime import timedelta

from airflow.sdk import DAG, PartitionedAssetTimetable, chain

from mendel_airflow.assets import drift, feedback
from mendel_airflow.partitions import ResolvePartition, yesterday
from mendel_airflow.policy import COMMON_PARAMS, DEFAULT_ARGS, RETRAIN, deadline, report_failed_run
from mendel_airflow.retraining import RetrainCheck
from mendel_airflow.snapshot import corpus_snapshot
from mendel_airflow.stage import FORCE, stage
from mendel_airflow.wanted import WantedCheck

with DAG(
    dag_id="retrain_restorer",
    description="A training that production asks for, by drift or by what readers said",
    doc_md=__doc__,
    schedule=PartitionedAssetTimetable(assets=drift | feedback),
    params=COMMON_PARAMS | {"retrain": RETRAIN},
    default_args=DEFAULT_ARGS,
    catchup=False,
    max_active_runs=1,  # a day's cool-down counts from the days that were weighed before it
    dagrun_timeout=timedelta(hours=12),
    deadline=deadline("retrain_restorer", within=timedelta(hours=4)),
    on_failure_callback=report_failed_run,
    tags=["mendel", "training"],
):
    chain(
        ResolvePartition(default=yesterday),
        RetrainCheck(),
        stage("retrain", FORCE, doc="Weigh what was seen of the champion, and learn noise from what readers said."),
        WantedCheck(),
        *corpus_snapshot(),
    )
