"""### Corrupt the corpus

Follows the asset `corpus`: introduces errors into its sentences the way DNA mutates, checks the **pairs** of noisy and
clean text against their expectations, and puts them into the data registry. Its last task emits the asset `pairs`,
which starts `finetune_restorer`.

The noise is the configuration's, of the kinds that were learned from readers' feedback where `corrupt.learned_noise` is on
and `retrain_restorer` has learned some. A run started by hand can take another profile, as it is, or another error rate; it
goes on to training with those pairs.
"""

from datetime import timedelta

from airflow.sdk import DAG, Param, PartitionedAssetTimetable, chain

from mendel_airflow.assets import corpus, pairs
from mendel_airflow.emission import EmitAsset
from mendel_airflow.included import names
from mendel_airflow.links import DataDocsLink
from mendel_airflow.partitions import ResolvePartition, newest
from mendel_airflow.policy import COMMON_PARAMS, DEFAULT_ARGS, RETRAIN, VERSIONING, deadline, report_failed_run
from mendel_airflow.stage import FORCE, setting, stage

with DAG(
    dag_id="corrupt_corpus",
    description="Pairs of noisy and clean text from the corpus",
    doc_md=__doc__,
    schedule=PartitionedAssetTimetable(assets=corpus),
    params=COMMON_PARAMS
    | {
        "retrain": RETRAIN,
        "noise": Param(
            None,
            type=["null", "string"],
            enum=[None, *names("noise")],
            title="Noise profile",
            description_md="One of `include/noise/`. Empty: the configuration's.",
        ),
        "target_cer": Param(
            None,
            type=["null", "number"],
            exclusiveMinimum=0,
            maximum=0.5,
            title="Character error rate",
            description="Scale the profile to this share of characters in error, e.g. 0.08. Empty: the profile's own.",
        ),
    },
    default_args=DEFAULT_ARGS,
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=12),
    deadline=deadline("corrupt_corpus", within=timedelta(hours=4)),
    on_failure_callback=report_failed_run,
    tags=["mendel", "training"],
):
    chain(
        ResolvePartition(default=newest("corpus")),
        stage(
            "corrupt",
            setting("noise", param="noise", form="@include/noise/{}.yaml"),
            setting("learned_noise", param="noise", form="false"),
            setting("noise.target_cer", param="target_cer"),
            FORCE,
            timeout=timedelta(hours=4),
            doc="Introduce errors with Spark, the same ones whatever the number of workers.",
        ),
        stage("validate pairs", FORCE, links=[DataDocsLink()], doc="Check the pairs against their expectations."),
        stage(
            "register pairs",
            FORCE,
            task_id="version_pairs",
            pool=VERSIONING,
            doc="Put the pairs into the data registry.",
        ),
        EmitAsset(asset=pairs, covered_by=["pairs_validation", "pairs_version"]),
    )
