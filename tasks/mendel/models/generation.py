"""Language models that write the clean text by themselves, given the noisy one."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from transformers import (
    AutoModelForSeq2SeqLM,
    ByT5Tokenizer,
    GenerationConfig,
    PreTrainedTokenizerBase,
    T5Config,
    T5ForConditionalGeneration,
)

from mendel.models import objective
from mendel.models.llm import BOUNDARY, CausalLm, batches, device, pretrained
from mendel.models.reading import Scores
from mendel.recipes.models import ByT5, PretrainedModel, Writing

BATCH_TOKENS = 2048
SPARE_TOKENS = 8
"""That a short text may be longer than its share allows."""


class Rewriter(ABC):
    """A model with its tokenizer, and how it is given a pair."""

    model: Any
    tokenizer: PreTrainedTokenizerBase

    @abstractmethod
    def prompts(self, noisy: Sequence[str]) -> list[list[int]]:
        """The tokens that the clean text follows."""

    @abstractmethod
    def targets(self, clean: Sequence[str]) -> list[list[int]]:
        """The tokens of clean texts, with one that ends each."""

    def examples(self, noisy: Sequence[str], clean: Sequence[str]) -> tuple[list[list[int]], list[int]]:
        """Rows of tokens, and how many of each are its prompt."""
        heads = self.prompts(noisy)
        rows = [[*head, *target] for head, target in zip(heads, self.targets(clean), strict=True)]
        return rows, [len(head) for head in heads]

    @torch.inference_mode()
    def rewrite(self, texts: Sequence[str], writing: Writing) -> list[str]:
        """What the model makes of each text: greedily, or by beam search; in batches of like lengths."""
        prompts = self.prompts(texts)
        outputs = [""] * len(texts)
        for batch in batches([2 * len(prompt) for prompt in prompts], BATCH_TOKENS):
            longest = max(len(prompts[index]) for index in batch)
            most = [math.ceil(len(prompts[index]) * writing.length_ratio) + SPARE_TOKENS for index in batch]
            config = GenerationConfig(
                max_new_tokens=max(most),
                num_beams=writing.beams,
                do_sample=False,
                eos_token_id=self.end,
                pad_token_id=self.tokenizer.pad_token_id or 0,
                decoder_start_token_id=self.model.config.decoder_start_token_id if self.reads_apart else None,
            )
            # Padding on the left: what a causal model writes must stand right behind the text.
            ids = objective.padded([torch.tensor(prompts[index][::-1]) for index in batch]).flip(1)
            mask = objective.padded([torch.ones(len(prompts[index]), dtype=torch.int64) for index in batch]).flip(1)
            place = self.model.device
            sequences = self.model.generate(ids.to(place), attention_mask=mask.to(place), generation_config=config)
            for index, limit, row in zip(
                batch, most, sequences[:, 1 if self.reads_apart else longest :].tolist(), strict=True
            ):
                tokens = row[:limit]
                outputs[index] = self.decode(tokens[: tokens.index(self.end)] if self.end in tokens else tokens)
        return outputs

    def log_odds(self, texts: Sequence[str], written: Sequence[str]) -> Scores:
        """log P(written | text) - log P(text | text), in nats: how much surer the model is of what it wrote."""
        return self._log_probabilities(texts, written) - self._log_probabilities(texts, texts)

    @torch.inference_mode()
    def _log_probabilities(self, texts: Sequence[str], written: Sequence[str]) -> Scores:
        rows, heads = self.examples(texts, written)
        log_probabilities = np.zeros(len(rows))
        for batch in batches([len(row) for row in rows], BATCH_TOKENS):
            scores = objective.log_probabilities(self.model, [rows[i] for i in batch], [heads[i] for i in batch])
            log_probabilities[batch] = scores.double().cpu().numpy()
        return log_probabilities

    def decode(self, tokens: Sequence[int]) -> str:
        return str(self.tokenizer.decode(list(tokens), skip_special_tokens=True, clean_up_tokenization_spaces=False))

    @property
    @abstractmethod
    def end(self) -> int:
        """The token that ends a text."""

    @property
    def reads_apart(self) -> bool:
        """An encoder reads the prompt, so that what is written begins anew."""
        return bool(self.model.config.is_encoder_decoder)


class CausalRewriter(CausalLm, Rewriter):
    """A causal model: the clean text is the line after the noisy one."""

    def prompts(self, noisy: Sequence[str]) -> list[list[int]]:
        return [[*self.boundary, *body, *self.boundary] for body in self.encode(noisy)]

    def targets(self, clean: Sequence[str]) -> list[list[int]]:
        return [[*body, *self.boundary] for body in self.encode(clean)]

    def decode(self, tokens: Sequence[int]) -> str:
        return super().decode(tokens).partition(BOUNDARY)[0]

    @property
    def end(self) -> int:
        return self.boundary[-1]


class Seq2SeqRewriter(Rewriter):
    """An encoder-decoder, such as ByT5 [Xue et al., 2022, arXiv:2105.13626]."""

    def __init__(self, model: Any, tokenizer: PreTrainedTokenizerBase) -> None:
        self.model = model.eval()
        self.tokenizer = tokenizer

    @classmethod
    def load(cls, base: PretrainedModel, adapter: Path | None = None, quantise: str | None = None) -> Self:
        """As `CausalLm.load`."""
        return cls(*pretrained(AutoModelForSeq2SeqLM, base, adapter, quantise))

    @classmethod
    def new(cls, shape: ByT5, seed: int) -> Self:
        """A model with random weights over bytes; in float32, which training needs. Equal seeds give equal ones."""
        tokenizer = ByT5Tokenizer(extra_ids=0)
        config = T5Config(
            vocab_size=len(tokenizer),
            d_model=shape.width,
            d_kv=shape.width // shape.heads,
            d_ff=shape.inner,
            num_layers=shape.encoder_layers,
            num_decoder_layers=shape.decoder_layers,
            num_heads=shape.heads,
            feed_forward_proj="gated-gelu",
            dropout_rate=0.0,
        )
        config.decoder_start_token_id = tokenizer.pad_token_id
        torch.manual_seed(seed)
        model: Any = T5ForConditionalGeneration(config)
        return cls(model.to(device()), tokenizer)

    def prompts(self, noisy: Sequence[str]) -> list[list[int]]:
        return self.targets(noisy)

    def targets(self, clean: Sequence[str]) -> list[list[int]]:
        if not clean:
            return []
        encoded = self.tokenizer(list(clean), add_special_tokens=False, split_special_tokens=True)
        return [[*ids, self.end] for ids in encoded["input_ids"]]

    @property
    def end(self) -> int:
        return int(self.tokenizer.eos_token_id)
