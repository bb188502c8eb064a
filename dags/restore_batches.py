"""### Restore batches

Every night restores the day that has finished: reads `inbox/dt=DATE/`, restores it with the champion in shards, and
commits **restored** for the day once every record has come out exactly once, restored or rejected with a reason. Its
last task emits the asset `restored`. A day without files is skipped from `list_shards` on, which says so in its log.

Backfill it for days that were missed or that got late files. The champion is resolved once per run, before the shards
fan out; a day keeps the model version it was first restored with unless the param *Model version* names another.
"""

from datetime import timedelta

from airflow.sdk import DAG, Param, TaskGroup, chain

from mendel_airflow.assets import restored
from mendel_airflow.emission import EmitAsset
from mendel_airflow.partitions import ResolvePartition, of_finished_days, yesterday
from mendel_airflow.policy import COMMON_PARAMS, DEFAULT_ARGS, GPU, deadline, report_failed_run
from mendel_airflow.shards import ListShards
from mendel_airflow.stage import FORCE, mapped_stage, option, stage

EVERY_DAY = "0 0 * * *"

with DAG(
    dag_id="restore_batches",
    description="The inbox of a day, restored by the champion",
    doc_md=__doc__,
    schedule=of_finished_days(EVERY_DAY),
    params=COMMON_PARAMS
    | {
        "model_version": Param(
            None,
            type=["null", "string"],
            pattern="^([1-9][0-9]*|[a-z]+)$",
            title="Model version",
            description_md="Version or alias of the registered model. Empty: the day's own where it has one, else `champion`.",
        ),
    },
    default_args=DEFAULT_ARGS,
    catchup=False,
    max_active_runs=2,
    dagrun_timeout=timedelta(hours=12),
    deadline=deadline("restore_batches", within=timedelta(hours=6)),
    on_failure_callback=report_failed_run,
    tags=["mendel", "inference"],
):
    with TaskGroup("shards", prefix_group_id=False, tooltip="One task for each shard of the day") as shards:
        listed = ListShards()
        mapped_stage(
            "restore shard",
            FORCE,
            over=listed.output,
            index="shard {{ task.mapped.shard }}",
            pool=GPU,
            timeout=timedelta(hours=4),
            doc="Restore one shard of the day's records.",
        )
    collect = stage(
        "restore collect",
        FORCE,
        doc="Check that every record came out exactly once, commit the day.",
        trigger_rule="none_failed_min_one_success",  # of the list and its shards: of bad records alone there are none
    )
    collect.set_upstream(listed)
    chain(
        ResolvePartition(default=yesterday),
        stage(
            "restore plan",
            option("--model-version", param="model_version"),
            FORCE,
            doc="List the day's files, resolve the champion.",
        ),
        shards,
        collect,
        EmitAsset(asset=restored),
    )
