"""The recipes channel-ngram and channel-llm: a decoder that inverts the noise proposes, language models decide."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from mendel.recipes.calibration import Calibration
from mendel.recipes.decoder import DecoderConfig
from mendel.recipes.models import Domain, Ngram, PretrainedModel
from mendel.recipes.protection import PROTECTED, ProtectedKind
from mendel.recipes.recipe import Recipe
from mendel.recipes.second_pass import SecondPassConfig
from mendel.recipes.training import Lora, Tuning


class ByChannel(Recipe):
    """What both share: the first pass."""

    maker: ClassVar = "mendel.restorers.channel_candidate:ChannelMaker"
    restorer: ClassVar = "mendel.restorers.channel:ChannelRestorer"

    ngram: Ngram = Ngram()
    decoder: DecoderConfig = DecoderConfig()
    calibration: Calibration = Calibration()
    protect: tuple[ProtectedKind, ...] = Field(PROTECTED, description="what is left as it is, whatever the models say")

    @property
    def domain(self) -> Domain | None:
        return self.ngram.domain


class ChannelNgram(ByChannel):
    """First pass alone: noise channel x character n-gram. No torch, seconds to fit."""

    kind: Literal["channel-ngram"]


class ChannelLlm(ByChannel):
    """Both passes: the decoder's candidates, read and added to by a language model fine-tuned on the domain."""

    kind: Literal["channel-llm"]
    second_pass: SecondPassConfig = SecondPassConfig()
    base: PretrainedModel = PretrainedModel()
    lora: Lora
    compare_untuned: bool = Field(
        True, description="fit weights for the untuned model too, so that evaluations show what tuning is worth"
    )

    @property
    def tuning(self) -> Tuning:
        return self.lora
