"""A LoRA adapter on the disk: onto its model whole, or not at all.

PEFT only warns of tensors that find no place in the model, which then answers as though it had never been trained.
"""

from __future__ import annotations

import hashlib
import warnings
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel, get_peft_model_state_dict
from peft.utils import SAFETENSORS_WEIGHTS_NAME
from safetensors.torch import load_file

from mendel.core.errors import InputError

UP = "lora_B."
"""In the names of the half that is zero until the first step: until then the model is its base."""


def wear(model: Any, folder: Path) -> PeftModel:
    """The model with the adapter of a folder. Raises InputError unless all its values have come into the model.

    Values are compared, not names: PEFT knows how names have changed.
    """
    stored = load_file(folder / SAFETENSORS_WEIGHTS_NAME)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Found missing adapter keys")  # an error below
        peft_model = PeftModel.from_pretrained(model, str(folder))
    tensors = get_peft_model_state_dict(peft_model)
    digests = set(map(_digest, stored.values()))
    initial = sorted(name for name, tensor in tensors.items() if _digest(tensor) not in digests)
    if initial or len(tensors) != len(stored):
        raise InputError(
            f"the adapter of {folder} does not fit its language model: it has {len(stored)} tensors, and of the "
            f"{len(tensors)} places in the model {len(initial)} got none ({', '.join(initial[:1])}). It was made for "
            f"another base, or by other versions of peft and transformers: take those of the candidate, or train again."
        )
    return peft_model


def require_trained(folder: Path) -> None:
    """Raise InputError when the adapter of a folder changes nothing."""
    if not any(tensor.any() for name, tensor in load_file(folder / SAFETENSORS_WEIGHTS_NAME).items() if UP in name):
        raise InputError(
            f"fine-tuning has changed nothing: the adapter of {folder} is as it was before the first step. Raise "
            f"lora.learning_rate or the budget."
        )


def _digest(tensor: torch.Tensor) -> bytes:
    return hashlib.sha256(tensor.detach().float().cpu().contiguous().numpy().tobytes()).digest()
