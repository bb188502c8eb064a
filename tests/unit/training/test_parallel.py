"""Two processes by torchrun: they are one with twice the tokens, end alike when stopped, and name what went wrong."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from pathlib import Path

import pytest
import torch

from mendel.core.errors import InputError, MendelError
from mendel.models.generation import CausalRewriter
from mendel.recipes.models import PretrainedModel
from mendel.recipes.rewriter import CausalLora
from mendel.recipes.training import Tuning
from mendel.training import parallel
from mendel.training.checkpoints import Checkpoints
from mendel.training.trainer import Trainer

from ..models.conftest import (
    sentences,
    tiny_lm,
)

__all__ = ["tiny_lm"]

TEXTS = sentences(60, seed=4)
STEPS = 60
SETTINGS = {"rank": 4, "learning_rate": 1e-2, "checkpoint_seconds": 1e-9}


def prepared(tiny_lm: Path, store: Path, **settings: object) -> tuple[CausalLora, Trainer]:
    recipe = CausalLora(
        kind="causal-lora", base=PretrainedModel(id=str(tiny_lm)), lora=Tuning.model_validate({**SETTINGS, **settings})
    )
    llm = CausalRewriter.load(recipe.base)
    return recipe, Trainer(llm, *llm.examples(TEXTS, TEXTS), recipe.lora, Checkpoints(store.as_uri()))


def test_two_processes_stopped_and_resumed_are_one_with_twice_the_tokens(
    tiny_lm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    # Given a training in one process
    recipe, alone = prepared(tiny_lm, tmp_path / "alone", budget_steps=STEPS, tokens_per_batch=512)
    parallel.train(recipe, alone)
    # When two processes take half the tokens each, and their stage is told to stop on the way
    recipe, stopped = prepared(tiny_lm, tmp_path / "two", budget_steps=STEPS, tokens_per_batch=256, processes=2)
    over = threading.Event()
    telling = threading.Thread(target=tell_to_stop_after, args=(3, stopped.store, over))
    telling.start()
    with pytest.raises(SystemExit) as ended:
        parallel.train(recipe, stopped)
    over.set()
    telling.join()
    assert ended.value.code == 128 + signal.SIGTERM
    # Then the next try goes on from where they stopped
    left = stopped.store.load()
    assert left is not None
    assert 3 <= left[1]["step"] < STEPS
    _, resumed = prepared(tiny_lm, tmp_path / "two", budget_steps=STEPS, tokens_per_batch=256, processes=2)
    parallel.train(recipe, resumed)
    # And all of it is the one process's training, but for rounding
    assert resumed.curve[: left[1]["step"]] == left[1]["curve"]
    assert [(at["step"], at["tokens"]) for at in resumed.curve] == [(at["step"], at["tokens"]) for at in alone.curve]
    assert [at["loss"] for at in resumed.curve] == pytest.approx([at["loss"] for at in alone.curve], rel=0.02)


def tell_to_stop_after(step: int, store: Checkpoints, over: threading.Event) -> None:
    newest = Path(store.uri.removeprefix("file://")) / "latest.json"
    while not over.wait(0.01):
        if newest.exists() and json.loads(newest.read_text())["folder"] >= f"step-{step:08d}":
            os.kill(os.getpid(), signal.SIGTERM)
            return


def test_what_a_process_complains_of_is_the_stages_own_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given a torchrun whose process leaves its complaint and fails
    (tmp_path / parallel.FAULT).write_text("fine-tuning diverged")
    monkeypatch.setattr(sys, "executable", "false")
    # Then the stage says the same, and without one what it knows
    with pytest.raises(InputError, match="fine-tuning diverged"):
        parallel._run(tmp_path, 2)
    (tmp_path / parallel.FAULT).unlink()
    with pytest.raises(MendelError, match=r"2 processes failed \(torchrun: exit code 1\)"):
        parallel._run(tmp_path, 2)


def test_rows_come_back_as_they_were(tmp_path: Path) -> None:
    rows, heads = [[1, 2, 3], [70000], [5, 6]], [2, 1, 0]
    parallel.save_rows(tmp_path / "rows.npz", rows, heads)
    assert parallel.load_rows(tmp_path / "rows.npz") == (rows, heads)


def test_without_gpus_auto_is_one_process() -> None:
    assert parallel.processes(Tuning(budget_steps=1)) == max(1, torch.cuda.device_count())
    assert parallel.processes(Tuning(budget_steps=1, processes=3)) == 3
