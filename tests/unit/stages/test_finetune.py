"""The stage finetune, both recipes, on a small dataset of pairs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mendel.cli.merge import merge
from mendel.core import digest, manifest
from mendel.core.errors import InputError
from mendel.core.manifest import InputEntry
from mendel.core.stage import Context, Draft, Outcome, Stage, execute
from mendel.corpus.clean import Cleaning
from mendel.models.generation import CausalRewriter
from mendel.models.ngram import CharNgram
from mendel.noise.calibrate import resolve
from mendel.noise.kernel import Kernel
from mendel.noise.profile import NoiseProfile, Rates
from mendel.recipes.models import PretrainedModel
from mendel.restorers.channel_candidate import recency
from mendel.restorers.guard import Guard
from mendel.restorers.restorer import Restorer
from mendel.restorers.rewriter import RewritingRestorer
from mendel.stages.finetune import Finetune
from mendel.training.trainer import Trainer

from ..models.conftest import (
    sentences,
    tiny_lm,
)

__all__ = ["tiny_lm"]

DAY = "2026-11-23"
NOISE = NoiseProfile(
    name="test", rates=Rates(deletion=0.004, substitution=0.004, insertion=0.004, duplication=0.004, reversal=0.004)
)
COUNTS = {"train": 300, "validation": 40, "test": 20}


class MakeCorpus(Stage):
    name: ClassVar[str] = "ingest"
    stage_version: ClassVar[int] = 1
    dataset: ClassVar[str] = "corpus"

    cleaning: Cleaning = Cleaning(language="de")

    def inputs(self, context: Context) -> Sequence[InputEntry]:
        return []

    def run(self, inputs: Mapping[str, InputEntry], draft: Draft) -> Outcome:
        rows = {}
        for seed, (split, count) in enumerate(COUNTS.items()):
            ids = [f"{split}-{number:04}" for number in range(count)]
            rows[split] = pa.table(
                {"id": ids, "text": sentences(count, seed), "year": pa.array([2000] * count, pa.int32())}
            )
            (draft.folder / f"split={split}").mkdir()
            pq.write_table(rows[split], draft.folder / f"split={split}" / "part-0.parquet")
        table = pa.concat_tables(rows.values())
        return Outcome(rows=len(table), digest=digest.of_table(table))


class MakePairs(Stage):
    """Corrupts the corpus with the real kernel, without Spark."""

    name: ClassVar[str] = "corrupt"
    stage_version: ClassVar[int] = 1
    dataset: ClassVar[str] = "pairs"

    def inputs(self, context: Context) -> Sequence[InputEntry]:
        return [context.require("corpus")]

    def run(self, inputs: Mapping[str, InputEntry], draft: Draft) -> Outcome:
        corpus = draft.context.local_folder(inputs["corpus"])
        resolved = resolve(NOISE, sentences(300, seed=0), seed=0)
        (draft.folder / "noise.json").write_text(resolved.model_dump_json())
        tables = []
        for split in COUNTS:
            clean = pq.ParquetFile(corpus / f"split={split}" / "part-0.parquet").read()
            copies = pa.array([0] * len(clean), pa.int32())
            ids, text = clean["id"].combine_chunks(), clean["text"].combine_chunks()
            made = Kernel(resolved, seed=0).corrupt(ids, copies, text)
            columns = {
                "id": ids,
                "record_id": ids,
                "copy": copies,
                "clean": text,
                "noisy": made.noisy,
                "edits": made.edits,
            }
            (draft.folder / f"split={split}").mkdir()
            pq.write_table(pa.table(columns), draft.folder / f"split={split}" / "part-0.parquet")
            tables.append(pa.table(columns))
        table = pa.concat_tables(tables)
        return Outcome(rows=len(table), digest=digest.of_table(table))


class PassValidation(MakePairs):
    name: ClassVar[str] = "validate pairs"
    dataset: ClassVar[str] = "pairs_validation"

    def inputs(self, context: Context) -> Sequence[InputEntry]:
        return [context.require("pairs")]

    def run(self, inputs: Mapping[str, InputEntry], draft: Draft) -> Outcome:
        return Outcome(rows=1, digest=inputs["pairs"].digest)


@pytest.fixture
def context(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Context:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/mlflow.db")
    found = Context(root=(tmp_path / "lake").as_uri(), partition=DAY)
    for stage in (MakeCorpus(), MakePairs(), PassValidation()):
        execute(stage, found)
    return found


def ngram_recipe(**changes: Any) -> Finetune:
    recipe = {
        "kind": "channel-ngram",
        "ngram": {"order": 6},
        "decoder": {"beam": 20},
        "calibration": {
            "foreign_per_kind": 2,
            "max_clean_altered": 0.05,
            "max_worse": 0.05,
            "max_foreign_altered": 0.05,
        },
        **changes,
    }
    return Finetune.model_validate({"recipe": recipe})


def test_channel_ngram_makes_a_restorer_and_the_second_run_nothing(context: Context) -> None:
    # When the stage has run
    made = execute(ngram_recipe(), context)
    # Then its folder holds a restorer that removes noise, and the manifest says how it was made
    names = sorted(Path(file.path).name for file in made.files)
    assert names == ["ngram.safetensors", "noise.json", "restorer.json"]
    assert made.rows == COUNTS["train"]
    assert made.metrics["validation"]["first_pass"] > 0.3, made.metrics
    restorer = Restorer.load(str(context.local_folder(context.require("candidate"))))
    assert (restorer.kind, restorer.language) == ("channel-ngram", "de")
    clean = sentences(1, seed=1)[0]
    assert restorer.restore([clean, ""])[1].text == ""
    # And a second run finds it made
    assert execute(ngram_recipe(), context) == made
    # And another run of the same configuration gives the same model
    again = execute(ngram_recipe(), Context(root=context.root, partition=DAY, force=True))
    assert again.digest == made.digest


def test_a_domain_s_text_is_learned_beside_the_corpus(context: Context, tmp_path: Path) -> None:
    # Given text of which the corpus has no word
    said = "It was a gloomy morning; Miss Bennet walked quickly."
    (tmp_path / "novel.txt").write_text(said)
    domain = {"source": {"kind": "files", "name": "novel", "glob": str(tmp_path / "*.txt")}, "weight": 5}

    def surprise(stage: Finetune) -> float:
        execute(stage, context)
        folder = context.local_folder(context.require("candidate"))
        return CharNgram.load(folder / "ngram.safetensors").bits_per_character([said])

    # When a restorer is fitted without it and with it
    without, adapted = surprise(ngram_recipe()), surprise(ngram_recipe(ngram={"order": 6, "domain": domain}))
    # Then the second one knows it
    assert adapted < without / 2
    # And that text is one of the things the version is named by
    made = context.require("candidate")
    assert [entry.name for entry in context.manifest_of(made).inputs] == ["pairs", "domain"]
    (tmp_path / "novel.txt").write_text(said + " She was alone, and had never been happier.")
    execute(ngram_recipe(ngram={"order": 6, "domain": domain}), context)
    assert context.require("candidate").digest != made.digest


def test_channel_llm_trains_calibrates_and_loads(context: Context, tiny_lm: Path) -> None:
    lora = {"budget_steps": 4, "rank": 2, "tokens_per_batch": 256}
    stage = ngram_recipe(kind="channel-llm", base={"id": str(tiny_lm)}, lora=lora)
    made = execute(stage, context)
    told = json.loads((context.local_folder(context.require("candidate")) / "restorer.json").read_text())
    assert told["format"] == 2
    for part in ("weights", "acceptance"):
        assert sorted(told[part]) == ["first_pass", "tuned_llm", "untuned_llm"]
    assert told["protect"] == stage.model_dump(mode="json")["recipe"]["protect"]
    assert set(made.metrics["bits_per_character"]) == {"ngram", "untuned_llm", "tuned_llm"}
    assert "adapter_model.safetensors" in {Path(file.path).name for file in made.files}
    # MLflow has the curve
    import mlflow

    curve = mlflow.MlflowClient().get_metric_history(made.metrics["mlflow_run_id"], "loss")
    assert [point.step for point in curve] == [1, 2, 3, 4]
    # The restorer and both of its parts answer, the same each time and in any order
    restorer = Restorer.load(str(context.local_folder(context.require("candidate"))))
    assert set(restorer.ablations()) == {"first_pass", "untuned_llm"}
    noisy = ["Thhe people must.", "Our naiton together the."]
    forward, backward = restorer.restore(noisy), restorer.restore(noisy[::-1])
    assert [one.text for one in forward] == [one.text for one in backward[::-1]]


REWRITERS: dict[str, dict[str, Any]] = {
    "causal-lora": {"base": {"id": ""}},
    "seq2seq-lora": {"scratch": {"width": 32, "inner": 64, "heads": 2, "encoder_layers": 1, "decoder_layers": 1}},
}


def rewriter_recipe(kind: str, tiny_lm: Path, **lora: Any) -> Finetune:
    recipe: dict[str, Any] = {
        "kind": kind,
        "calibration": {"sentences": 20},
        "writing": {"length_ratio": 1.2},
        **REWRITERS[kind],
    }
    if "base" in recipe:
        recipe["base"] = {"id": str(tiny_lm)}
    recipe["lora"] = {"budget_steps": 4, "rank": 2, "tokens_per_batch": 512, **lora}
    return Finetune.model_validate({"recipe": recipe})


@pytest.mark.parametrize("kind", REWRITERS)
def test_rewriters_train_on_pairs_fit_their_guard_and_load(context: Context, tiny_lm: Path, kind: str) -> None:
    # Given a recipe whose model writes the text by itself, and a run of it that dies after its training
    stage = rewriter_recipe(kind, tiny_lm)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Guard, "fit", _power_cut)
        with pytest.raises(KeyboardInterrupt):
            execute(stage, context)
    # When it runs again, with a trainer that can make no step
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Trainer, "_step", _power_cut)
        made = execute(stage, context)
    # Then it goes on from the checkpoint: guard and curve are there, weights as safetensors
    folder = context.local_folder(context.require("candidate"))
    told = json.loads((folder / "restorer.json").read_text())
    assert told["kind"] == kind
    assert set(told["guard"]) == {"length_ratio", "edits", "threshold"}
    assert len(json.loads((folder / "curve.json").read_text())) == 4
    weights = {"causal-lora": "adapter/adapter_model.safetensors", "seq2seq-lora": "model/model.safetensors"}[kind]
    assert (folder / weights).exists(), sorted(folder.rglob("*"))
    assert set(made.metrics["validation"]) == {"guarded", "unguarded"}
    assert made.metrics["validation"]["guarded"] >= 0, "the guard was fitted to make nothing worse"
    # And the candidate restores, clean text above all
    restorer = Restorer.load(str(folder))
    clean = sentences(10, seed=1)
    assert sum(found.text != text for found, text in zip(restorer.restore(clean), clean, strict=True)) <= 1
    # And another run of the same configuration gives the same model
    again = execute(stage, Context(root=context.root, partition=DAY, force=True))
    assert again.digest == made.digest


def test_mlflow_knows_the_base_and_where_the_adapter_lies(context: Context, tiny_lm: Path) -> None:
    import mlflow

    made = execute(rewriter_recipe("causal-lora", tiny_lm, budget_steps=1), context)
    tags = mlflow.get_run(made.metrics["mlflow_run_id"]).data.tags
    assert (tags["base_model"], tags["base_revision"]) == (str(tiny_lm), "local")
    folder = context.local_folder(context.require("candidate"))
    assert tags["adapter_uri"] == f"file://{folder}/adapter"
    assert (folder / "adapter" / "adapter_model.safetensors").exists()


def test_merged_for_other_servers_it_writes_the_same(context: Context, tiny_lm: Path, tmp_path: Path) -> None:
    # Given a candidate with an adapter
    execute(rewriter_recipe("causal-lora", tiny_lm, learning_rate=0.05), context)
    folder = context.local_folder(context.require("candidate"))
    # When its model is merged, then that alone writes what the restorer's does
    merge(str(folder), tmp_path / "merged")
    alone = CausalRewriter.load(PretrainedModel(id=str(tmp_path / "merged")))
    ours = Restorer.load(str(folder))
    assert isinstance(ours, RewritingRestorer)
    texts = sentences(3, seed=9)
    assert alone.rewrite(texts, ours.writing) == ours.rewriter.rewrite(texts, ours.writing)
    # And a folder that is there is not written over, nor one without an adapter merged
    with pytest.raises(InputError, match="exists; choose another"):
        merge(str(folder), tmp_path / "merged")
    with pytest.raises(InputError, match="has no folder adapter"):
        merge(str(tmp_path / "merged"), tmp_path / "other")


def test_step_budget_gives_the_same_model_twice(context: Context, tiny_lm: Path) -> None:
    lora = {"budget_steps": 3, "rank": 2, "tokens_per_batch": 256}
    stage = ngram_recipe(kind="channel-llm", base={"id": str(tiny_lm)}, lora=lora)
    first = execute(stage, context)
    second = execute(stage, Context(root=context.root, partition=DAY, force=True))
    assert first.digest == second.digest
    # And no path of this machine lies in it, nor an order that a process's hash seed decides
    config = (context.local_folder(context.require("candidate")) / "adapter" / "adapter_config.json").read_text()
    told = json.loads(config)
    assert told["target_modules"] == sorted(told["target_modules"])
    assert told["base_model_name_or_path"] == str(tiny_lm), "the id of the recipe, not where it was found"
    assert config == json.dumps(told, indent=2, sort_keys=True)


def test_killed_between_training_and_commit_the_training_is_not_repeated(context: Context, tiny_lm: Path) -> None:
    # Given a run that dies when the training is over
    lora = {"budget_steps": 3, "rank": 2, "tokens_per_batch": 256}
    stage = ngram_recipe(kind="channel-llm", base={"id": str(tiny_lm)}, lora=lora)
    checkpoints = Path(context.root.removeprefix("file://")) / "checkpoints"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CharNgram, "save", _power_cut)
        with pytest.raises(KeyboardInterrupt):
            execute(stage, context)
    (left,) = checkpoints.iterdir()
    # When it runs again, with a trainer that can make no step
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Trainer, "_step", _power_cut)
        made = execute(stage, context)
    # Then the model is that of a run that was never stopped, in the first run's MLflow run
    assert left.name == made.fingerprint
    again = execute(stage, Context(root=context.root, partition=DAY, force=True))
    assert again.digest == made.digest
    assert again.metrics["mlflow_run_id"] != made.metrics["mlflow_run_id"]
    # And the finished run's checkpoint went when the next one began
    execute(ngram_recipe(), context)
    assert not list(checkpoints.iterdir())


def _power_cut(*_: Any, **__: Any) -> None:
    raise KeyboardInterrupt


def test_tampered_pairs_are_named(context: Context) -> None:
    (uri,) = context.uris(context.require("pairs"), "split=train/part-0.parquet")
    Path(uri.removeprefix("file://")).write_bytes(b"tampered")
    with pytest.raises(InputError, match=r"split=train/part-0\.parquet: expected \d+ bytes, found 8"):
        execute(ngram_recipe(), context)


def test_pairs_that_were_not_validated_are_refused(context: Context) -> None:
    found = manifest.current(context.root, "pairs_validation", DAY)
    assert found is not None
    (Path(context.root.removeprefix("file://")) / "pairs_validation" / f"dt={DAY}" / "_current.json").unlink()
    with pytest.raises(InputError, match="mendel validate pairs"):
        execute(ngram_recipe(), context)


def test_recency_halves_with_each_half_life() -> None:
    assert recency([2000, 1990, None, 1980], 10) == [1.0, 0.5, 1.0, 0.25]
    assert recency([2000], None) is None
    assert recency([None, None], 10) is None
