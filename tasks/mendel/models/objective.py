"""What fine-tuning minimises: the negative log-probability of each row's tokens behind its head.

A row is a prompt (its first `head` tokens, without a loss) and what follows it. A causal model reads both as one text; an
encoder-decoder reads the prompt and writes the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
import torch.nn.functional as functional
from torch.nn.utils.rnn import pad_sequence
from transformers import PreTrainedModel

IGNORED = -100
Rows = Sequence[list[int]]


class Objective(torch.nn.Module):
    """The sum over all rows, in nats: a module, so that data-parallel processes can wrap it."""

    def __init__(self, model: PreTrainedModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, rows: Rows, heads: Sequence[int]) -> torch.Tensor:
        logits, tokens, _ = predictions(self.model, rows, heads)
        return functional.cross_entropy(logits.float(), tokens, reduction="sum")


def log_probabilities(model: PreTrainedModel, rows: Rows, heads: Sequence[int]) -> torch.Tensor:
    """log P(what follows the head | head) of each row, in nats."""
    logits, tokens, owners = predictions(model, rows, heads)
    nats = functional.cross_entropy(logits.float(), tokens, reduction="none")
    return torch.zeros(len(rows), device=nats.device).index_add_(0, owners, -nats)


class Predictions(NamedTuple):
    """Where a token is predicted, in all rows."""

    logits: torch.Tensor
    """[predicted tokens, vocabulary]"""
    tokens: torch.Tensor
    """[predicted tokens]"""
    owners: torch.Tensor
    """Index of each one's row: [predicted tokens]."""


def predictions(model: PreTrainedModel, rows: Rows, heads: Sequence[int]) -> Predictions:
    """The model's predictions of the tokens behind each row's head, and of those alone."""
    inputs, targets = (_read_and_write if model.config.is_encoder_decoder else _go_on)(rows, heads, model.config)
    places = (targets.flatten() != IGNORED).nonzero().squeeze(1)
    there = {name: tensor.to(model.device) for name, tensor in inputs.items()}
    there_places = places.to(model.device)
    with predicting_from(model, lambda states: states.flatten(0, 1).index_select(0, there_places)):
        logits = model(**there, use_cache=False).logits
    tokens, owners = targets.flatten()[places], places // targets.shape[1]
    return Predictions(logits, tokens.to(model.device), owners.to(model.device))


def _go_on(rows: Rows, heads: Sequence[int], _: Any) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
    """Padding stands on the right, where the positions before it do not see it, so no mask is needed."""
    targets = [
        torch.tensor([*[IGNORED] * (head - 1), *row[head:], IGNORED]) for row, head in zip(rows, heads, strict=True)
    ]
    return {"input_ids": padded([torch.tensor(row) for row in rows])}, padded(targets, IGNORED)


def _read_and_write(rows: Rows, heads: Sequence[int], config: Any) -> tuple[dict[str, torch.Tensor], torch.Tensor]:
    sources = [torch.tensor(row[:head]) for row, head in zip(rows, heads, strict=True)]
    targets = [torch.tensor(row[head:]) for row, head in zip(rows, heads, strict=True)]
    start = torch.tensor([config.decoder_start_token_id])
    return {
        "input_ids": padded(sources),
        "attention_mask": padded([torch.ones_like(source) for source in sources]),
        "decoder_input_ids": padded([torch.cat([start, target[:-1]]) for target in targets]),
    }, padded(targets, IGNORED)


def padded(sequences: Sequence[torch.Tensor], filler: int = 0) -> torch.Tensor:
    return pad_sequence(list(sequences), batch_first=True, padding_value=filler)


@contextmanager
def predicting_from(model: PreTrainedModel, asked: Callable[[torch.Tensor], torch.Tensor]) -> Iterator[None]:
    """Predict the next token behind those hidden states alone that `asked` makes of the batch's: a fifth of a small model's
    work is its vocabulary. By a hook, for `logits_to_keep` takes the same places from every row."""

    def keep(_: torch.nn.Module, hidden: tuple[torch.Tensor]) -> tuple[torch.Tensor]:
        return (asked(hidden[0]),)

    hook = model.get_output_embeddings().register_forward_pre_hook(keep)
    try:
        yield
    finally:
        hook.remove()
