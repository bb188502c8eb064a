"""### Watch the restorer

Follows the asset `restored`: compares the day with what its model was calibrated on, as the day's version of **drift**. Its
last task emits the asset `drift` where several days are an alarm; else it is skipped, and says what the day was.

An alarm alone trains nothing; `retrain_restorer` follows it, where that DAG is unpaused. `report.md` says what has changed.
"""

from datetime import timedelta

from airflow.sdk import DAG, PartitionedAssetTimetable, chain

from mendel_airflow.assets import drift, restored
from mendel_airflow.drift import no_alarm
from mendel_airflow.emission import EmitAsset
from mendel_airflow.partitions import ResolvePartition, newest
from mendel_airflow.policy import COMMON_PARAMS, DEFAULT_ARGS, deadline, report_failed_run
from mendel_airflow.stage import FORCE, stage

with DAG(
    dag_id="watch_restorer",
    description="Whether restored text is still like what the model was calibrated on",
    doc_md=__doc__,
    schedule=PartitionedAssetTimetable(assets=restored),
    params=COMMON_PARAMS,
    default_args=DEFAULT_ARGS,
    catchup=False,
    max_active_runs=1,  # a day's evidence is in the reports of the days before it
    dagrun_timeout=timedelta(hours=12),
    deadline=deadline("watch_restorer", within=timedelta(hours=6)),
    on_failure_callback=report_failed_run,
    tags=["mendel", "inference"],
):
    chain(
        ResolvePartition(default=newest("restored")),
        stage("drift", FORCE, doc="Compare the day with the reference of the model that restored it."),
        EmitAsset(asset=drift, unless=no_alarm),
    )
