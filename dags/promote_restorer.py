"""### Promote the restorer

Follows the asset `candidate`: scores it on the held-out text beside the champion, the untouched input and SymSpell; the
gate decides; the decision goes into the ledger and onto MLflow's aliases. Its last task emits the asset `champion`.

A declined candidate is a good run: `emit_champion` is then skipped, with the reasons in its log. With the param *Ask a
person*, or where the deployment wants it always, a promotion waits for an answer under *Required Actions*; no answer in
time is a no, and the ledger says who said no. A run's own rules count only where they are stricter than the deployment's.
Promotions run one at a time.
"""

from datetime import timedelta

from airflow.sdk import DAG, PartitionedAssetTimetable, chain

from mendel_airflow.assets import candidate, champion
from mendel_airflow.emission import EmitAsset
from mendel_airflow.partitions import ResolvePartition, newest
from mendel_airflow.policy import COMMON_PARAMS, DEFAULT_ARGS, GPU, deadline, report_failed_run
from mendel_airflow.promotion import REJECTED_BY, Approval, approval_param, declined
from mendel_airflow.stage import FORCE, stage

with DAG(
    dag_id="promote_restorer",
    description="The gate between a candidate and the champion",
    doc_md=__doc__,
    schedule=PartitionedAssetTimetable(assets=candidate),
    params=COMMON_PARAMS | {"approval": approval_param()},
    default_args=DEFAULT_ARGS,
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(days=4),
    deadline=deadline("promote_restorer", within=timedelta(days=1)),
    on_failure_callback=report_failed_run,
    tags=["mendel", "training"],
):
    chain(
        ResolvePartition(default=newest("candidate")),
        stage(
            "evaluate",
            FORCE,
            pool=GPU,
            timeout=timedelta(hours=4),
            doc="Score the candidate on the pinned test set, and decide.",
        ),
        Approval(doc_md="Ask a person, where the run or the deployment wants it and the gate has said yes."),
        stage(
            "promote", REJECTED_BY, FORCE, doc="Write the decision into the ledger, then set MLflow's aliases by it."
        ),
        EmitAsset(asset=champion, dataset="promotion", unless=declined),
    )
