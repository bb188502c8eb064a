"""### Build marts

Makes the figures for dashboards anew whenever a champion, a restored day, an alarm of drift or a day's feedback has come:
dbt builds them of the lake's tables, and tests them. They are put in place once every test has passed; a test that says no
fails the run at once, and the marts of before stay. The images have dbt; a checkout gets it by `make marts`, as the task says.

A run makes all of them, whatever its partition.
"""

from datetime import timedelta

from airflow.sdk import DAG, PartitionedAssetTimetable

from mendel_airflow.assets import champion, drift, feedback, restored
from mendel_airflow.policy import COMMON_PARAMS, DEFAULT_ARGS, deadline, report_failed_run
from mendel_airflow.stage import stage

with DAG(
    dag_id="build_marts",
    description="Figures for dashboards, by dbt",
    doc_md=__doc__,
    schedule=PartitionedAssetTimetable(assets=champion | restored | feedback | drift),
    params={"config": COMMON_PARAMS["config"]},
    default_args=DEFAULT_ARGS,
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=12),
    deadline=deadline("build_marts", within=timedelta(hours=6)),
    on_failure_callback=report_failed_run,
    tags=["mendel", "marts"],
):
    # One task, as every command: astronomer-cosmos would make a task of each model, and need dbt where Airflow parses DAGs.
    stage("marts build", partitioned=False, doc="Build the marts with dbt, test them, and put them in place.")
