"""The trigger forms: what can be asked of a run, and what a command line makes of it."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk import DAG
from airflow.sdk.exceptions import ParamValidationError

REPO = Path(__file__).resolve().parents[2]

PARAMS = {
    "ingest_corpus": {"config", "force", "retrain"},
    "corrupt_corpus": {"config", "force", "retrain", "noise", "target_cer"},
    "finetune_restorer": {"config", "force", "retrain", "recipe", "budget_steps"},
    "promote_restorer": {"config", "force", "approval"},
    "restore_batches": {"config", "force", "model_version"},
    "restore_stream": {"config"},
    "collect_feedback": {"config", "force"},
    "watch_restorer": {"config", "force"},
    "retrain_restorer": {"config", "force", "retrain"},
    "collect_garbage": {"config", "delete"},
    "build_marts": {"config"},
}
CONFIG = "include/pipelines/demo.yaml"
LINES = {
    "ingest_corpus": {
        "ingest": f"ingest --config {CONFIG} --partition P",
        "validate_corpus": f"validate corpus --config {CONFIG} --partition P",
        "version_corpus": f"register corpus --config {CONFIG} --partition P",
    },
    "corrupt_corpus": {
        "corrupt": f"corrupt --config {CONFIG} --partition P",
        "validate_pairs": f"validate pairs --config {CONFIG} --partition P",
        "version_pairs": f"register pairs --config {CONFIG} --partition P",
    },
    "finetune_restorer": {
        "finetune": f"finetune --config {CONFIG} --partition P",
        "version_candidate": f"register candidate --config {CONFIG} --partition P",
    },
    "promote_restorer": {
        "evaluate": f"evaluate --config {CONFIG} --partition P",
        "promote": f"promote --config {CONFIG} --partition P",
    },
    "restore_batches": {
        "restore_plan": f"restore plan --config {CONFIG} --partition P",
        "restore_collect": f"restore collect --config {CONFIG} --partition P",
    },
    "collect_feedback": {"feedback_collect": f"feedback collect --config {CONFIG} --partition P"},
    "watch_restorer": {"drift": f"drift --config {CONFIG} --partition P"},
    "retrain_restorer": {
        "retrain": f"retrain --config {CONFIG} --partition P",
        "ingest": f"ingest --config {CONFIG} --partition P",
        "validate_corpus": f"validate corpus --config {CONFIG} --partition P",
        "version_corpus": f"register corpus --config {CONFIG} --partition P",
    },
}


def line(dag: DAG, task_id: str, xcom: dict[str, Any] | None = None, **params: Any) -> list[str]:
    """A task's command line as a run with these params has it."""
    found = {"resolve_partition": "P", **(xcom or {})}
    context = {
        "params": {name: param.value for name, param in dag.params.items()} | params,
        "ti": SimpleNamespace(xcom_pull=lambda task_ids: found.get(task_ids)),
    }
    task: Any = dag.get_task(task_id)
    arguments = task.partial_kwargs["arguments"] if hasattr(task, "partial_kwargs") else task.arguments
    rendered = [dag.get_template_env().from_string(token).render(context) for token in arguments]
    return [token for token in rendered if token]


@pytest.mark.parametrize("dag_id", PARAMS)
def test_form_has_these_params_with_titles_and_descriptions(dags: dict[str, DAG], dag_id: str) -> None:
    params = dags[dag_id].params
    assert set(params) == PARAMS[dag_id]
    for name in params:
        schema = params.get_param(name).schema
        described = params.get_param(name).description or schema.get("description_md")
        assert schema.get("title"), f"{dag_id}: {name} has no title"
        assert described, f"{dag_id}: {name} has no description"


@pytest.mark.parametrize(
    ("dag_id", "param", "folder"), [("corrupt_corpus", "noise", "noise"), ("finetune_restorer", "recipe", "recipes")]
)
def test_choices_are_the_files_there_are(dags: dict[str, DAG], dag_id: str, param: str, folder: str) -> None:
    files = sorted(file.stem for file in (REPO / "include" / folder).glob("*.yaml"))
    assert files
    assert dags[dag_id].params.get_param(param).schema["enum"] == [None, *files]


@pytest.mark.parametrize(
    ("dag_id", "param", "value"),
    [
        ("corrupt_corpus", "noise", "none-such"),
        ("corrupt_corpus", "target_cer", 0),
        ("corrupt_corpus", "target_cer", 0.9),
        ("finetune_restorer", "budget_steps", -1),
        ("promote_restorer", "approval", "perhaps"),
        ("restore_batches", "model_version", "0"),
        ("ingest_corpus", "config", ""),
        ("corrupt_corpus", "noise", "@/etc/passwd"),
        ("corrupt_corpus", "target_cer", "@/etc/passwd"),
        ("finetune_restorer", "recipe", "../../../etc/passwd"),
        ("finetune_restorer", "budget_steps", "1 --set=spark=@/etc/passwd"),
        ("restore_batches", "model_version", "champion --config=/tmp/mine.yaml"),
    ],
)
def test_nonsense_is_turned_down_by_the_form(dags: dict[str, DAG], dag_id: str, param: str, value: Any) -> None:
    with pytest.raises(ParamValidationError):
        dags[dag_id].params.get_param(param).resolve(value)


@pytest.mark.parametrize("dag_id", PARAMS)
def test_a_form_takes_no_text_that_is_not_listed(dags: dict[str, DAG], dag_id: str) -> None:
    # A free text could name a file, and through it anything that a stage reads or starts.
    for name in PARAMS[dag_id]:
        schema = dags[dag_id].params.get_param(name).schema
        if "string" in schema["type"]:
            assert schema.keys() & {"enum", "pattern"}, f"{dag_id}: {name} takes any text"


@pytest.mark.parametrize("dag_id", PARAMS)
@pytest.mark.parametrize(
    "config", ["/tmp/mine.yaml", "s3://elsewhere/mine.yaml", "include/pipelines/../../../tmp/mine.yaml", "demo"]
)
def test_a_run_cannot_bring_its_own_configuration(dags: dict[str, DAG], dag_id: str, config: str) -> None:
    with pytest.raises(ParamValidationError):
        dags[dag_id].params.get_param("config").resolve(config)


@pytest.mark.parametrize("dag_id", PARAMS)
def test_a_run_chooses_among_the_pipelines_there_are(dags: dict[str, DAG], dag_id: str) -> None:
    files = {f"include/pipelines/{file.name}" for file in (REPO / "include" / "pipelines").glob("*.yaml")}
    assert {CONFIG, "include/pipelines/smoke.yaml"} <= files
    param = dags[dag_id].params.get_param("config")
    assert param.schema["enum"][0] == param.value == CONFIG, "the deployment's own comes first"
    assert set(param.schema["enum"]) == files


@pytest.mark.parametrize("dag_id", LINES)
def test_command_lines_of_a_run_without_wishes(dags: dict[str, DAG], dag_id: str) -> None:
    for task_id, expected in LINES[dag_id].items():
        assert line(dags[dag_id], task_id) == expected.split(), f"{dag_id}.{task_id}"


def test_a_stream_is_never_forced(dags: dict[str, DAG]) -> None:
    assert line(dags["restore_stream"], "stream", config="mine.yaml") == [
        "stream",
        "--config",
        "mine.yaml",
        "--partition",
        "P",
    ]


def test_garbage_is_removed_unless_a_run_is_told_to_look(dags: dict[str, DAG]) -> None:
    assert line(dags["collect_garbage"], "gc") == f"gc --config {CONFIG} --delete".split()
    assert line(dags["collect_garbage"], "gc", delete=False) == f"gc --config {CONFIG}".split()


def test_marts_are_of_the_whole_lake(dags: dict[str, DAG]) -> None:
    assert line(dags["build_marts"], "marts_build") == f"marts build --config {CONFIG}".split()


def test_a_shard_is_one_more_option(dags: dict[str, DAG]) -> None:
    dag = dags["restore_batches"]
    assert line(dag, "restore_shard") == f"restore shard --config {CONFIG} --partition P".split()


@pytest.mark.parametrize("dag_id", LINES)
def test_config_and_force_reach_every_stage(dags: dict[str, DAG], dag_id: str) -> None:
    for task_id in LINES[dag_id]:
        found = line(dags[dag_id], task_id, config="include/pipelines/smoke.yaml", force=True)
        assert found[found.index("--config") + 1] == "include/pipelines/smoke.yaml", f"{dag_id}.{task_id}"
        assert found[-1] == "--force", f"{dag_id}.{task_id}"


@pytest.mark.parametrize(
    ("dag_id", "task_id", "params", "options"),
    [
        (
            "corrupt_corpus",
            "corrupt",
            {"noise": "heavy"},
            ["--set=noise=@include/noise/heavy.yaml", "--set=learned_noise=false"],
        ),
        ("corrupt_corpus", "corrupt", {"target_cer": 0.08}, ["--set=noise.target_cer=0.08"]),
        (
            "corrupt_corpus",
            "corrupt",
            {"noise": "light", "target_cer": 0.03},
            ["--set=noise=@include/noise/light.yaml", "--set=learned_noise=false", "--set=noise.target_cer=0.03"],
        ),
        (
            "finetune_restorer",
            "finetune",
            {"recipe": "channel-llm", "budget_steps": 60},
            ["--set=recipe=@include/recipes/channel-llm.yaml", "--set=recipe.lora.budget_steps=60"],
        ),
        ("restore_batches", "restore_plan", {"model_version": "3"}, ["--model-version=3"]),
    ],
)
def test_params_become_options(
    dags: dict[str, DAG], dag_id: str, task_id: str, params: dict[str, Any], options: list[str]
) -> None:
    assert line(dags[dag_id], task_id, **params) == [*line(dags[dag_id], task_id), *options]


def test_a_persons_no_becomes_an_option(dags: dict[str, DAG]) -> None:
    found = line(dags["promote_restorer"], "promote", xcom={"approval": "no: 'me'"})
    assert found[-1] == r'--set=rejected_by="no: \u0027me\u0027"', "quoted, so that YAML reads it back as it was"
