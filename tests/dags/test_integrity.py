"""What must hold of every DAG, whatever it does."""

from __future__ import annotations

import ast
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from airflow.dag_processing.dagbag import DagBag
from airflow.sdk import DAG
from airflow.serialization.serialized_objects import DagSerialization
from airflow.timetables.trigger import CronPartitionTimetable

from mendel_airflow import policy
from mendel_airflow.arrivals import ArrivalCheck
from mendel_airflow.emission import EmitAsset
from mendel_airflow.local import LocalStage
from mendel_airflow.partitions import KEY_FORMAT, ResolvePartition
from mendel_airflow.policy import GPU, VERSIONING
from mendel_airflow.promotion import Approval
from mendel_airflow.retraining import RetrainCheck
from mendel_airflow.shards import ListShards
from mendel_airflow.wanted import WantedCheck

REPO = Path(__file__).resolve().parents[2]
DAG_FILES = sorted((REPO / "dags").glob("*.py"))
PLUGIN_FILES = sorted((REPO / "plugins").rglob("*.py"))

TASKS = {
    "ingest_corpus": ["resolve_partition", "ingest", "validate_corpus", "version_corpus", "emit_corpus"],
    "corrupt_corpus": ["resolve_partition", "corrupt", "validate_pairs", "version_pairs", "emit_pairs"],
    "finetune_restorer": ["resolve_partition", "retrain_check", "finetune", "version_candidate", "emit_candidate"],
    "promote_restorer": ["resolve_partition", "evaluate", "approval", "promote", "emit_champion"],
    "restore_batches": [
        "resolve_partition",
        "restore_plan",
        "list_shards",
        "restore_shard",
        "restore_collect",
        "emit_restored",
    ],
    "restore_stream": ["resolve_partition", "stream", "emit_restored_stream"],
    "collect_feedback": ["resolve_partition", "arrival_check", "feedback_collect", "emit_feedback"],
    "watch_restorer": ["resolve_partition", "drift", "emit_drift"],
    "retrain_restorer": [
        "resolve_partition",
        "retrain_check",
        "retrain",
        "wanted_check",
        "ingest",
        "validate_corpus",
        "version_corpus",
        "emit_corpus",
    ],
    "collect_garbage": ["gc"],
    "build_marts": ["marts_build"],
}
BESIDES = {"list_shards": {"restore_collect"}}
"""What a task starts besides the next one."""

EMITS_NOTHING = {"collect_garbage", "build_marts"}
FOLLOWS = {
    "corrupt_corpus": "corpus",
    "finetune_restorer": "pairs",
    "promote_restorer": "candidate",
    "watch_restorer": "restored",
}
OPERATORS = {LocalStage, ResolvePartition, RetrainCheck, WantedCheck, Approval, ListShards, ArrivalCheck, EmitAsset}
POOLS = {
    "finetune": GPU,
    "evaluate": GPU,
    "restore_shard": GPU,
    "stream": GPU,
    "version_corpus": VERSIONING,
    "version_pairs": VERSIONING,
    "version_candidate": VERSIONING,
}
NEVER_IN_DAGS = {"mendel", "pandas", "torch", "pyspark", "mlflow", "great_expectations", "numpy", "requests"}
MENDEL_IN_PLUGINS = {
    f"mendel.{name}" for name in ("core.errors", "core.frozen", "core.lake", "core.manifest", "promotion.ledger")
}
"""They need what Airflow's own image has."""
PACKAGES = {"mendel.core", "mendel.promotion"}
"""What is imported from them is a module."""

each_dag = pytest.mark.parametrize("dag_id", TASKS)


def test_exactly_these_dags_are_there(bag: DagBag) -> None:
    assert bag.import_errors == {}
    assert sorted(bag.dag_ids) == sorted(TASKS)
    assert [file.stem for file in DAG_FILES] == sorted(TASKS), "a DAG lies in a file of its name"


def test_how_long_parsing_takes_is_shown(bag: DagBag, capsys: pytest.CaptureFixture[str]) -> None:
    seconds = {Path(stat.file).name: stat.duration.total_seconds() for stat in bag.dagbag_stats}
    assert sorted(seconds) == [file.name for file in DAG_FILES]
    with capsys.disabled():
        print("\nseconds to parse:", ", ".join(f"{name} {seconds[name]:.3f}" for name in sorted(seconds)))


@each_dag
def test_tasks_are_one_chain_in_this_order(dags: dict[str, DAG], dag_id: str) -> None:
    dag = dags[dag_id]
    assert [task.task_id for task in dag.topological_sort()] == TASKS[dag_id]
    for before, after in zip(TASKS[dag_id], TASKS[dag_id][1:], strict=False):
        following = {after} | BESIDES.get(before, set())
        assert dag.get_task(before).downstream_task_ids == following, f"{dag_id}: after {before} comes {after}"


@each_dag
def test_has_no_cycle_and_serialises(dags: dict[str, DAG], dag_id: str) -> None:
    dags[dag_id].check_cycle()
    assert json.dumps(DagSerialization.to_dict(dags[dag_id]))


@each_dag
def test_every_task_is_a_stage_or_a_known_light_one(dags: dict[str, DAG], dag_id: str) -> None:
    for task in dags[dag_id].tasks:
        operator = getattr(task, "operator_class", type(task))
        assert operator in OPERATORS, f"{dag_id}.{task.task_id} is a {operator.__name__}"


@each_dag
def test_says_what_it_is_and_whose(dags: dict[str, DAG], dag_id: str) -> None:
    dag = dags[dag_id]
    assert dag.doc_md, f"{dag_id} has no documentation"
    assert dag.description, f"{dag_id} has no description"
    assert "mendel" in dag.tags
    for task in dag.tasks:
        assert task.owner == "mendel", f"{dag_id}.{task.task_id} has no owner"
    for group in dag.task_group.get_task_group_dict().values():
        assert group.is_root or group.tooltip, f"{dag_id}: the group {group.group_id} has no tooltip"


@each_dag
def test_stages_are_documented_bounded_and_retried(dags: dict[str, DAG], dag_id: str) -> None:
    stages: list[Any] = [
        task for task in dags[dag_id].tasks if getattr(task, "operator_class", type(task)) is LocalStage
    ]
    assert stages
    for task in stages:
        name = f"{dag_id}.{task.task_id}"
        assert (task.doc_md or task.partial_kwargs["doc_md"]).strip(), f"{name} has no documentation"
        assert task.execution_timeout, f"{name} may run for ever"
        assert task.retries == 2, f"{name} is not retried"
        assert task.retry_exponential_backoff > 1, f"{name} is retried without backing off"
        assert task.max_retry_delay == timedelta(minutes=10)
        assert task.on_failure_callback, f"{name} fails without a word"
        assert task.pool == POOLS.get(task.task_id, "default_pool")


@each_dag
def test_runs_are_bounded_in_number_and_time(dags: dict[str, DAG], dag_id: str) -> None:
    dag = dags[dag_id]
    assert dag.max_active_runs == (2 if dag_id == "restore_batches" else 1)
    assert dag.catchup is False
    assert isinstance(dag.deadline, list)
    (alert,) = dag.deadline
    assert isinstance(alert.interval, timedelta)
    assert alert.callback.path == f"{policy.__name__}.report_missed_deadline", f"{dag_id} is late without a word"
    assert dag.dagrun_timeout is not None, f"{dag_id} may run for ever"
    assert dag.on_failure_callback is policy.report_failed_run, f"{dag_id} is ended without a word"
    assert alert.interval < dag.dagrun_timeout, f"{dag_id}: people hear of a late run before the machine ends it"
    longest = max(task.execution_timeout for task in dag.tasks if task.execution_timeout)
    assert longest < dag.dagrun_timeout


@each_dag
def test_only_the_last_task_emits_the_asset(dags: dict[str, DAG], dag_id: str) -> None:
    emitting = [task.task_id for task in dags[dag_id].tasks if task.outlets]
    assert emitting == ([] if dag_id in EMITS_NOTHING else [TASKS[dag_id][-1]])


@pytest.mark.parametrize("dag_id", FOLLOWS)
def test_follows_the_asset_before_it(dags: dict[str, DAG], dag_id: str) -> None:
    timetable: Any = dags[dag_id].timetable
    assert type(timetable).__name__ == "PartitionedAssetTimetable"
    assert timetable.asset_condition.name == FOLLOWS[dag_id]
    assert type(timetable.default_partition_mapper).__name__ == "IdentityMapper"


@pytest.mark.parametrize(
    ("dag_id", "assets"),
    [
        ("build_marts", {"champion", "restored", "feedback", "drift"}),
        ("retrain_restorer", {"feedback", "drift"}),
    ],
)
def test_follows_each_of_several_assets(dags: dict[str, DAG], dag_id: str, assets: set[str]) -> None:
    timetable: Any = dags[dag_id].timetable
    assert type(timetable).__name__ == "PartitionedAssetTimetable"
    condition = timetable.asset_condition
    assert type(condition).__name__.endswith("AssetAny"), "it would wait for all of them"
    assert {asset.name for asset in condition.objects} == assets
    assert type(timetable.default_partition_mapper).__name__ == "IdentityMapper"


@pytest.mark.parametrize(
    ("dag_id", "cron", "offset"),
    [
        ("ingest_corpus", "0 0 * * 1", 0),
        ("restore_batches", "0 0 * * *", -1),
        ("collect_feedback", "30 0 * * *", -1),
    ],
)
def test_runs_by_the_clock(dags: dict[str, DAG], dag_id: str, cron: str, offset: int) -> None:
    data = DagSerialization.to_dict(dags[dag_id])["dag"]["timetable"]["__var"]
    timetable = CronPartitionTimetable.deserialize(data)
    assert timetable.serialize()["expression"] == cron
    assert timetable.serialize()["run_offset"] == offset
    assert timetable.serialize()["key_format"] == KEY_FORMAT


@pytest.mark.parametrize(("dag_id", "cron"), [("restore_stream", "0 * * * *"), ("collect_garbage", "0 3 * * 0")])
def test_runs_by_the_clock_without_a_partition(dags: dict[str, DAG], dag_id: str, cron: str) -> None:
    # The stream's keys are the run's own, and many runs share a day; garbage is of the whole lake.
    data = DagSerialization.to_dict(dags[dag_id])["dag"]["timetable"]
    assert data["__type"].endswith("CronTriggerTimetable")
    assert data["__var"]["expression"] == cron


def test_a_day_without_shards_is_committed_and_one_without_files_is_not(dags: dict[str, DAG]) -> None:
    # Bad records alone make no shards, and are committed as rejected: the list of shards has succeeded. It is skipped where
    # there are no files, and all after it with it.
    collect = dags["restore_batches"].get_task("restore_collect")
    assert collect.upstream_task_ids == {"list_shards", "restore_shard"}
    assert collect.trigger_rule == "none_failed_min_one_success"


def imported(file: Path) -> set[str]:
    """Every module that a file imports, at whatever depth."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names |= {
                f"{node.module}.{alias.name}" if node.module in PACKAGES else str(node.module) for alias in node.names
            }
    return names


@pytest.mark.parametrize("file", DAG_FILES, ids=lambda file: file.name)
def test_dag_files_hold_wiring_only(file: Path) -> None:
    found = {name.split(".")[0] for name in imported(file)} & NEVER_IN_DAGS
    assert not found, f"{file.name} imports {found}: that belongs into a stage"
    called = {ast.unparse(node.func) for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Call)}
    at_parse = {
        name for name in called if name.endswith(("Variable.get", ".now", ".utcnow", ".today", "open", "read_text"))
    }
    assert not at_parse, f"{file.name} calls {at_parse} whenever it is parsed"
    assert sum(name == "chain" for name in called) == (len(TASKS[file.stem]) > 1), f"{file.name}: one chain of tasks"
    assert not any(isinstance(node, ast.If) for node in ast.walk(ast.parse(file.read_text()))), f"{file.name} decides"


@pytest.mark.parametrize("file", PLUGIN_FILES, ids=lambda file: file.name)
def test_plugins_need_only_the_light_half_of_mendel(file: Path) -> None:
    of_mendel = {name for name in imported(file) if name == "mendel" or name.startswith("mendel.")}
    assert of_mendel <= MENDEL_IN_PLUGINS, f"{file.name} imports {of_mendel - MENDEL_IN_PLUGINS}"


def test_the_import_checks_see_what_they_look_for(tmp_path: Path) -> None:
    file = tmp_path / "dag.py"
    file.write_text(
        "def f():\n    import torch.nn\n    from mendel.core import lake, stage\n    from pandas import DataFrame\n"
    )
    assert imported(file) == {"torch.nn", "mendel.core.lake", "mendel.core.stage", "pandas"}
