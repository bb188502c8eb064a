"""### Restore stream

Every hour restores what has arrived since the last run, in the folder or the Kafka topic of the pipeline's section
`stream`, with the champion, and ends. It goes on where the last run stopped, killed or not; in the lake every record is
there exactly once. Its last task emits the asset `restored_stream`; a run that found nothing new emits none and says so.

Pause it where the stream is always on (the chart's `stream.enabled`): two at a time would do the same work.
"""

from datetime import timedelta

from airflow.sdk import DAG, chain

from mendel_airflow.assets import restored_stream
from mendel_airflow.emission import EmitAsset, nothing_new
from mendel_airflow.partitions import ResolvePartition, today
from mendel_airflow.policy import COMMON_PARAMS, DEFAULT_ARGS, GPU, deadline, report_failed_run
from mendel_airflow.stage import stage

EVERY_HOUR = "0 * * * *"

with DAG(
    dag_id="restore_stream",
    description="What has arrived since the last run, restored by the champion",
    doc_md=__doc__,
    schedule=EVERY_HOUR,
    params={"config": COMMON_PARAMS["config"]},
    default_args=DEFAULT_ARGS,
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=6),
    deadline=deadline("restore_stream", within=timedelta(hours=2)),
    on_failure_callback=report_failed_run,
    tags=["mendel", "inference"],
):
    chain(
        ResolvePartition(default=today),
        stage("stream", doc="Restore what is there now, in micro-batches.", pool=GPU, timeout=timedelta(hours=4)),
        EmitAsset(asset=restored_stream, dataset="stream_run", unless=nothing_new),
    )
