"""### Fine-tune the restorer

Follows the asset `pairs`: trains a restorer on them and puts it into the data registry as a **candidate**. Its last
task emits the asset `candidate`, which starts `promote_restorer`.

Where the chain began with a backfill that does not ask for training, the run ends at its second task, skipped, and says
so.
"""

from datetime import timedelta

from airflow.sdk import DAG, Param, PartitionedAssetTimetable, chain

from mendel_airflow.assets import candidate, pairs
from mendel_airflow.emission import EmitAsset
from mendel_airflow.included import names
from mendel_airflow.partitions import ResolvePartition, newest
from mendel_airflow.policy import COMMON_PARAMS, DEFAULT_ARGS, GPU, RETRAIN, VERSIONING, deadline, report_failed_run
from mendel_airflow.retraining import RetrainCheck
from mendel_airflow.stage import FORCE, setting, stage

with DAG(
    dag_id="finetune_restorer",
    description="A candidate restorer from the pairs",
    doc_md=__doc__,
    schedule=PartitionedAssetTimetable(assets=pairs),
    params=COMMON_PARAMS
    | {
        "retrain": RETRAIN,
        "recipe": Param(
            None,
            type=["null", "string"],
            enum=[None, *names("recipes")],
            title="Recipe",
            description_md="One of `include/recipes/`. Empty: the configuration's.",
        ),
        "budget_steps": Param(
            None,
            type=["null", "integer"],
            minimum=0,
            title="Training budget in steps",
            description="Steps for fine-tuning the language model. Empty: the recipe's own.",
        ),
    },
    default_args=DEFAULT_ARGS,
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(days=2),
    deadline=deadline("finetune_restorer", within=timedelta(hours=12)),
    on_failure_callback=report_failed_run,
    tags=["mendel", "training"],
):
    chain(
        ResolvePartition(default=newest("pairs")),
        RetrainCheck(),
        stage(
            "finetune",
            setting("recipe", param="recipe", form="@include/recipes/{}.yaml"),
            setting("recipe.lora.budget_steps", param="budget_steps"),
            FORCE,
            pool=GPU,
            timeout=timedelta(hours=24),
            doc="Fit the first pass, fine-tune the language model, calibrate. A retry goes on from the checkpoint.",
        ),
        stage(
            "register candidate",
            FORCE,
            task_id="version_candidate",
            pool=VERSIONING,
            doc="Put the candidate into the data registry.",
        ),
        EmitAsset(asset=candidate, covered_by=["candidate_version"]),
    )
