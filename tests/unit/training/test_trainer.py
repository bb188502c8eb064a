"""Fine-tuning: it learns, masks the prompt, and a run that was killed ends as one that was not."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from mendel.core.errors import InputError
from mendel.models.llm import CausalLm
from mendel.recipes.models import PretrainedModel
from mendel.recipes.training import Lora
from mendel.training.checkpoints import Checkpoints
from mendel.training.trainer import Trainer

from ..models.conftest import (
    sentences,
    tiny_lm,
)

__all__ = ["tiny_lm"]

STEPS = 12


def trainer(folder: Path, store: Path, texts: Sequence[str], **settings: Any) -> Trainer:
    llm = CausalLm.load(PretrainedModel(id=str(folder)))
    rows = [[*llm.head(), *body, *llm.boundary] for body in llm.encode(texts)]
    given = {"rank": 4, "learning_rate": 1e-2, "tokens_per_batch": 256, "budget_steps": STEPS, **settings}
    return Trainer(llm, rows, [len(llm.head())] * len(rows), Lora(**given), Checkpoints(store.as_uri()))


def adapter(made: Trainer) -> dict[str, torch.Tensor]:
    return {name: parameter.detach().clone() for name, parameter in made.parameters.items()}


def test_the_loss_falls(tiny_lm: Path, tmp_path: Path) -> None:
    made = trainer(tiny_lm, tmp_path, sentences(60, seed=1), budget_steps=20)
    made.train()
    losses = [point["loss"] for point in made.curve]
    assert len(losses) == 20
    assert sum(losses[-5:]) < sum(losses[:5]), f"first {losses[:5]}, last {losses[-5:]}"


def test_the_prompt_has_no_loss(tiny_lm: Path, tmp_path: Path) -> None:
    # Given rows of different lengths, with prompts
    made = trainer(tiny_lm, tmp_path, ["unused"])
    llm = made.llm
    assert isinstance(llm, CausalLm)
    rows = [
        [*llm.head("noizy"), *llm.encode(["noisy"])[0]],
        [*llm.head("a longr one"), *llm.encode(["a longer one"])[0]],
    ]
    heads = [len(llm.head("noizy")), len(llm.head("a longr one"))]
    # When the loss is taken, then it is that of each row by itself with its prompt's labels masked
    expected = 0.0
    for row, head in zip(rows, heads, strict=True):
        ids = torch.tensor([row], device=llm.model.device)
        labels = ids.clone()
        labels[0, :head] = -100
        expected += llm.model(input_ids=ids, labels=labels).loss.item() * (len(row) - head)
    assert made.objective(rows, heads).item() == pytest.approx(expected, rel=2e-2)


def test_four_bit_weights_are_trained_over(tiny_lm: Path, tmp_path: Path) -> None:
    pytest.importorskip("bitsandbytes", reason="mendel[qlora] is not installed")
    # Given a base in four bits
    llm = CausalLm.load(PretrainedModel(id=str(tiny_lm)), quantise="nf4")
    packed = [p for name, p in llm.model.named_parameters() if "proj" in name]
    assert packed
    assert {p.dtype for p in packed} == {torch.uint8}
    before = [p.clone() for p in packed]
    # When an adapter is trained over it
    rows = [[*llm.head(), *body, *llm.boundary] for body in llm.encode(sentences(60, seed=1))]
    settings = Lora(rank=4, learning_rate=1e-2, tokens_per_batch=256, budget_steps=20, quantise="nf4")
    made = Trainer(llm, rows, [len(llm.head())] * len(rows), settings, Checkpoints(tmp_path.as_uri()))
    made.train()
    # Then it learns, the base stays, and the adapter goes onto the whole base
    losses = [point["loss"] for point in made.curve]
    assert sum(losses[-5:]) < sum(losses[:5]), losses
    assert all(torch.equal(p, was) for p, was in zip(packed, before, strict=True))
    made.save_adapter(tmp_path / "adapter", str(tiny_lm))
    served = CausalLm.load(PretrainedModel(id=str(tiny_lm)), tmp_path / "adapter")
    texts = sentences(20, seed=1)
    assert served.bits_per_character(texts) < CausalLm.load(PretrainedModel(id=str(tiny_lm))).bits_per_character(texts)


def test_without_bitsandbytes_the_extra_is_named(tiny_lm: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"install mendel\[qlora\]"):
        CausalLm.load(PretrainedModel(id=str(tiny_lm)), quantise="nf4")


KILLED = """
import os, signal, sys
from pathlib import Path
import torch
torch.set_num_threads(int(sys.argv[5]))
sys.path.insert(0, sys.argv[4])
from tests.unit.training.test_trainer import trainer
from tests.unit.models.conftest import sentences
made = trainer(Path(sys.argv[1]), Path(sys.argv[2]), sentences(60, seed=2), checkpoint_seconds=1e-9)
save = made.save
def save_and_die():
    save()
    if made.step == int(sys.argv[3]):
        os.kill(os.getpid(), signal.SIGKILL)
made.save = save_and_die
made.resume()
made.train()
"""


def test_killed_and_resumed_gives_the_same_model_and_curve(tiny_lm: Path, tmp_path: Path) -> None:
    # Given a training that was never interrupted
    whole = trainer(tiny_lm, tmp_path / "whole", sentences(60, seed=2))
    whole.train()
    # When the same one is killed after its fifth step, and then goes on
    store = tmp_path / "killed"
    repo = Path(__file__).parents[3]
    command = [sys.executable, "-c", KILLED, str(tiny_lm), str(store), "5", str(repo), str(torch.get_num_threads())]
    ended = subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(repo / "tasks")}
    )
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    resumed = trainer(tiny_lm, store, sentences(60, seed=2))
    assert resumed.resume(), "there is no checkpoint"
    assert resumed.step == 5
    resumed.train()
    # Then weights and curve are those of the first
    assert resumed.curve == whole.curve
    for name, tensor in adapter(whole).items():
        assert torch.equal(tensor, adapter(resumed)[name]), f"{name} differs"


def test_sigterm_saves_a_checkpoint_and_exits(tiny_lm: Path, tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGTERM)
    made = trainer(tiny_lm, tmp_path, sentences(60, seed=3), checkpoint_seconds=1000)
    step = made._step

    def step_and_be_told_to_stop(batch: Sequence[int]) -> None:
        step(batch)
        if made.step == 3:
            os.kill(os.getpid(), signal.SIGTERM)

    made._step = step_and_be_told_to_stop  # type: ignore[method-assign]
    with pytest.raises(SystemExit) as ended:
        made.train()
    assert ended.value.code == 128 + signal.SIGTERM
    found = Checkpoints(tmp_path.as_uri()).load()
    assert found is not None
    assert found[1]["step"] == 3
    assert signal.getsignal(signal.SIGTERM) == before, "the handler is put back"


def test_a_checkpoint_counts_only_when_it_is_whole(tiny_lm: Path, tmp_path: Path) -> None:
    # Given a checkpoint, and half of a later one
    store = Checkpoints(tmp_path.as_uri())
    store.save(1, {"x": torch.ones(2)}, {"step": 1})
    (tmp_path / "step-00000002").mkdir()
    (tmp_path / "step-00000002" / "tensors.safetensors").write_bytes(b"half")
    # Then the first one is the newest
    found = store.load()
    assert found is not None
    assert found[1] == {"step": 1}
    # And the next whole one replaces both
    store.save(3, {"x": torch.zeros(2)}, {"step": 3})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["latest.json", "step-00000003"]
