"""An adapter comes into its model whole, or the model is not used."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from mendel.core.errors import InputError
from mendel.models.adapter import require_trained
from mendel.models.llm import CausalLm
from mendel.recipes.models import PretrainedModel

from ..training.test_trainer import trainer
from .conftest import sentences

WEIGHTS, CONFIG = "adapter_model.safetensors", "adapter_config.json"
TEXTS = sentences(20, seed=1)

Tensors = dict[str, torch.Tensor]


@pytest.fixture(scope="module")
def trained(tiny_lm: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, float]:
    """The folder of a trained adapter, and bits per character of TEXTS by the model that was trained."""
    folder = tmp_path_factory.mktemp("trained")
    made = trainer(tiny_lm, folder / "checkpoints", sentences(60, seed=1))
    assert isinstance(made.llm, CausalLm)
    made.train()
    made.save_adapter(folder / "adapter", str(tiny_lm))
    made.llm.model = made.llm.model.merge_and_unload()
    return folder / "adapter", made.llm.bits_per_character(TEXTS)


@pytest.fixture
def adapter(trained: tuple[Path, float], tmp_path: Path) -> Path:
    """A copy to be spoiled."""
    for name in (WEIGHTS, CONFIG):
        (tmp_path / name).write_bytes((trained[0] / name).read_bytes())
    return tmp_path


def _spoil(adapter: Path, change: Callable[[Tensors], Tensors]) -> None:
    save_file(change(load_file(adapter / WEIGHTS)), adapter / WEIGHTS)


def test_what_was_trained_is_what_is_loaded(tiny_lm: Path, trained: tuple[Path, float]) -> None:
    folder, before = trained
    # When an adapter is loaded again
    after = CausalLm.load(PretrainedModel(id=str(tiny_lm)), folder).bits_per_character(TEXTS)
    # Then the model is the trained one to the last bit, and not its base
    assert after == before, "the loaded model differs from the trained one"
    assert after != CausalLm.load(PretrainedModel(id=str(tiny_lm))).bits_per_character(TEXTS), (
        "the loaded model is its base"
    )


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(
            lambda tensors: {name.replace("model.layers", "model.blocks"): t for name, t in tensors.items()},
            id="names of another architecture",
        ),
        pytest.param(lambda tensors: dict(list(tensors.items())[:-1]), id="a tensor is missing"),
        pytest.param(lambda tensors: tensors | {"base_model.model.extra.lora_A.weight": torch.ones(2)}, id="one more"),
    ],
)
def test_an_adapter_that_does_not_fit_is_refused(
    tiny_lm: Path, adapter: Path, change: Callable[[Tensors], Tensors]
) -> None:
    _spoil(adapter, change)
    with pytest.raises(InputError, match="does not fit its language model"):
        CausalLm.load(PretrainedModel(id=str(tiny_lm)), adapter)


@pytest.mark.parametrize(
    "config",
    [
        pytest.param(
            lambda told: {
                name: told[name]
                for name in ("peft_type", "task_type", "base_model_name_or_path", "r", "lora_alpha", "target_modules")
            },
            id="older",
        ),
        pytest.param(lambda told: told | {"setting_of_next_year": None, "peft_version": "9.0.0"}, id="newer"),
    ],
)
def test_an_adapter_of_another_version_of_peft_loads(
    tiny_lm: Path, trained: tuple[Path, float], adapter: Path, config: Callable[[dict[str, Any]], dict[str, Any]]
) -> None:
    # Given an adapter whose settings were written by a PEFT that knew fewer of them, or more
    told = json.loads((adapter / CONFIG).read_text())
    (adapter / CONFIG).write_text(json.dumps(config(told)))
    # Then it loads as it was trained
    assert CausalLm.load(PretrainedModel(id=str(tiny_lm)), adapter).bits_per_character(TEXTS) == trained[1]


def test_an_adapter_that_changes_nothing_is_told(adapter: Path) -> None:
    require_trained(adapter)
    _spoil(adapter, lambda tensors: {name: t * ("lora_A" in name) for name, t in tensors.items()})
    with pytest.raises(InputError, match="fine-tuning has changed nothing"):
        require_trained(adapter)
