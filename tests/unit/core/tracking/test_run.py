"""A run in every tracker at once: MLflow's database and the files of Weights & Biases, both read again."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import mlflow
import pytest
import wandb

from mendel.core.errors import InputError
from mendel.core.manifest import InputEntry
from mendel.core.stage import Context
from mendel.core.tracking.run import tracked

from .... import wandb_records

DAY = "2026-11-23"
CORPUS = InputEntry(name="corpus", uri="corpus/dt=2026-11-23/abc", digest="d" * 64, rows=3, revision="v1")
CURVE = [1.5, 1.25, 1.125]


@pytest.fixture
def context(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Context]:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    for variable in ("WANDB_MODE", "WANDB_PROJECT", "WANDB_API_KEY"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("WANDB_DIR", str(tmp_path))
    monkeypatch.setenv("WANDB_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("WANDB_CACHE_DIR", str(tmp_path / "cache"))
    yield Context(root=(tmp_path / "lake").as_uri(), partition=DAY)
    wandb.teardown()  # it keeps the environment of its first run


def record(context: Context, folder: Path, run_id: str | None = None) -> str:
    """All that a stage tells; gives the run's name."""
    folder.mkdir(exist_ok=True)
    (folder / "report.md").write_text("# Report")
    with tracked(context, "finetune", {"corpus": CORPUS}, run_id) as run:
        run.log_params({"recipe.kind": "channel-llm", "lora.rank": 8})
        for step, loss in enumerate(CURVE, 1):
            run.log_metrics({"loss": loss}, step=step)
        run.log_metrics({"removed": 0.75})
        run.set_tags({"decision": "promote"})
        run.log_files(folder)
    return run.run_id


def updates(records: Sequence[Any], part: str) -> dict[str, Any]:
    """The last value of each key of the configuration or the summary."""
    values = {}
    for record in records:
        of_run = record.run if record.WhichOneof("record_type") == "run" else record
        for item in getattr(of_run, part).update:
            values[item.key or ".".join(item.nested_key)] = json.loads(item.value_json)
    return values


def test_by_default_mlflow_alone_has_a_run(context: Context, tmp_path: Path) -> None:
    # when
    run_id = record(context, tmp_path / "files")
    # then
    run = mlflow.get_run(run_id)
    assert run.data.params == {"recipe.kind": "channel-llm", "lora.rank": "8"}
    assert run.data.metrics == {"loss": CURVE[-1], "removed": 0.75}
    expected = {"stage": "finetune", "partition": DAY, "corpus_revision": "v1", "decision": "promote"}
    assert run.data.tags.items() >= expected.items()
    assert [file.path for file in mlflow.MlflowClient().list_artifacts(run_id)] == ["report.md"]
    assert run.inputs is not None
    assert [given.dataset.name for given in run.inputs.dataset_inputs] == ["corpus"]
    assert not wandb_records.of_runs(tmp_path)


def test_weights_and_biases_has_the_same_run_where_it_is_asked_for(
    context: Context, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given
    monkeypatch.setenv("WANDB_MODE", "offline")
    # when
    run_id = record(context, tmp_path / "files")
    # then MLflow's is as without
    curve = mlflow.MlflowClient().get_metric_history(run_id, "loss")
    assert [(point.step, point.value) for point in curve] == list(enumerate(CURVE, 1))
    # and there is another of the same name
    (records,) = wandb_records.of_runs(tmp_path)
    (run,) = [record.run for record in records if record.WhichOneof("record_type") == "run"][:1]
    assert (run.run_id, run.project, run.job_type) == (run_id, "mendel", "finetune")
    assert run.display_name == f"finetune {DAY}"
    # with the parameters, the inputs and the tags
    config = updates(records, "config")
    assert (config["recipe.kind"], config["lora.rank"]) == ("channel-llm", 8)
    assert (config["decision"], config["corpus_revision"]) == ("promote", "v1")
    assert config["inputs"] == {"corpus": {"uri": f"{context.root}/{CORPUS.uri}", "digest": CORPUS.digest}}
    # the curve and the result
    points = [
        {item.key or item.nested_key[0]: json.loads(item.value_json) for item in record.history.item}
        for record in records
        if record.WhichOneof("record_type") == "history"
    ]
    assert [(point["_step"], point["loss"]) for point in points] == list(enumerate(CURVE, 1))
    assert updates([record for record in records if record.WhichOneof("record_type") == "summary"], "summary")[
        "removed"
    ] == pytest.approx(0.75)
    # and the file
    (artifact,) = [
        record.request.log_artifact.artifact for record in records if record.request.HasField("log_artifact")
    ] or [record.artifact for record in records if record.WhichOneof("record_type") == "artifact"]
    assert artifact.name == f"finetune-{run_id}"
    assert [entry.path for entry in artifact.manifest.contents] == ["report.md"]


def test_a_run_goes_on_under_its_name(context: Context, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # given a run whose attempt was killed
    monkeypatch.setenv("WANDB_MODE", "offline")
    run_id = record(context, tmp_path / "files")
    # when the next attempt goes on
    again = record(context, tmp_path / "files", run_id)
    # then
    assert again == run_id
    names = [
        next(record.run.run_id for record in records if record.WhichOneof("record_type") == "run")
        for records in wandb_records.of_runs(tmp_path)
    ]
    assert names
    assert set(names) == {run_id}


def test_without_a_key_it_says_what_to_change(
    context: Context, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a server that nobody has a key for
    monkeypatch.setenv("WANDB_MODE", "online")
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    # when, then
    with pytest.raises(InputError, match=r"WANDB_API_KEY.*wandb: offline"):
        record(context, tmp_path / "files")


def test_where_it_is_not_installed_it_says_so(
    context: Context, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setitem(sys.modules, "wandb", None)
    # when, then
    with pytest.raises(InputError, match=r"install mendel\[wandb\]"):
        record(context, tmp_path / "files")
