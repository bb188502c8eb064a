"""### Collect garbage

Every week removes from the lake what nobody needs any more: attempts of stages that were killed, files that *Make again*
replaced, versions that nothing refers to. What is in force, what the ledger names, and all that those were made from stay,
and so does whatever is younger than a week. Its log lists every item with the reason.

Look first: trigger it with *Remove* off, and it only lists.
"""

from datetime import timedelta

from airflow.sdk import DAG, Param

from mendel_airflow.policy import COMMON_PARAMS, DEFAULT_ARGS, deadline, report_failed_run
from mendel_airflow.stage import flag, stage

SUNDAYS = "0 3 * * 0"

with DAG(
    dag_id="collect_garbage",
    description="What nobody needs any more leaves the lake",
    doc_md=__doc__,
    schedule=SUNDAYS,
    params={
        "config": COMMON_PARAMS["config"],
        "delete": Param(True, type="boolean", title="Remove", description="Off: list what would be removed, and stop."),
    },
    default_args=DEFAULT_ARGS,
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=12),
    deadline=deadline("collect_garbage", within=timedelta(hours=6)),
    on_failure_callback=report_failed_run,
    tags=["mendel", "storage"],
):
    stage(
        "gc",
        flag("--delete", param="delete"),
        partitioned=False,
        timeout=timedelta(hours=4),
        doc="List what nobody needs any more, and remove it.",
    )
