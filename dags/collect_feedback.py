"""### Collect feedback

Every night collects the day that has finished: what readers of the service said about its changes, of which the last that
each caller said about an answer counts, as the day's version of **feedback**. Its last task emits the asset `feedback`.
Only a service with `serve.feedback` keeps any; a day without is skipped from `arrival_check` on, which says so in its log.

Backfill it for days that were missed, or about which more has come.
"""

from datetime import timedelta

from airflow.sdk import DAG, chain

from mendel_airflow.arrivals import ArrivalCheck
from mendel_airflow.assets import feedback
from mendel_airflow.emission import EmitAsset
from mendel_airflow.partitions import ResolvePartition, of_finished_days, yesterday
from mendel_airflow.policy import COMMON_PARAMS, DEFAULT_ARGS, deadline, report_failed_run
from mendel_airflow.stage import FORCE, stage

AFTER_MIDNIGHT = "30 0 * * *"  # what was said at midnight is written a moment later

with DAG(
    dag_id="collect_feedback",
    description="What readers said about changes on a day, as a dataset",
    doc_md=__doc__,
    schedule=of_finished_days(AFTER_MIDNIGHT),
    params=COMMON_PARAMS,
    default_args=DEFAULT_ARGS,
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=12),
    deadline=deadline("collect_feedback", within=timedelta(hours=6)),
    on_failure_callback=report_failed_run,
    tags=["mendel", "inference"],
):
    chain(
        ResolvePartition(default=yesterday),
        ArrivalCheck(folder="feedback_inbox"),
        stage("feedback collect", FORCE, doc="Commit what was said on the day."),
        EmitAsset(asset=feedback),
    )
