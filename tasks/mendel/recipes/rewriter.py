"""The recipes causal-lora and seq2seq-lora: a language model rewrites the text by itself. For comparison."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from mendel.recipes.calibration import Calibration
from mendel.recipes.models import ByT5, PretrainedModel, Writing
from mendel.recipes.recipe import Recipe
from mendel.recipes.training import Tuning


class ByRewriting(Recipe):
    """What both share: a language model is trained on pairs, and asked to write."""

    maker: ClassVar = "mendel.restorers.rewriter_candidate:RewriterMaker"
    restorer: ClassVar = "mendel.restorers.rewriter:RewritingRestorer"

    lora: Tuning
    writing: Writing = Writing()
    calibration: Calibration = Calibration(sentences=100)

    @property
    def tuning(self) -> Tuning:
        return self.lora


class CausalLora(ByRewriting):
    """A causal language model that rewrites by itself: the clean text goes on after the noisy one. For comparison."""

    kind: Literal["causal-lora"]
    base: PretrainedModel = PretrainedModel()


class Seq2SeqLora(ByRewriting):
    """An encoder-decoder that rewrites by itself. For comparison."""

    kind: Literal["seq2seq-lora"]
    base: PretrainedModel | None = Field(None, description="a pretrained model, such as google/byt5-small")
    scratch: ByT5 | None = Field(None, description="instead: a new model of this shape")

    @model_validator(mode="after")
    def _one_model(self) -> Self:
        if (self.base is None) == (self.scratch is None):
            raise ValueError("set one of base and scratch")
        if self.scratch is not None and self.lora.quantise:
            raise ValueError("lora.quantise is for a pretrained base: a new model's weights are trained themselves")
        return self
