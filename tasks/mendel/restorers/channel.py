"""The restorer of the recipes channel-ngram and channel-llm: the decoder proposes, the language models decide."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from pydantic import Field, field_validator

from mendel.channel.costs import Channel
from mendel.channel.decoder import Decoder, TextCandidate
from mendel.core.frozen import Frozen
from mendel.core.threads import available
from mendel.models.ngram import CharNgram
from mendel.noise.profile import ResolvedProfile
from mendel.recipes.decoder import DecoderConfig
from mendel.recipes.models import PretrainedModel
from mendel.recipes.protection import ProtectedKind
from mendel.recipes.second_pass import SecondPassConfig
from mendel.restorers import artifact, pieces, whole_text
from mendel.restorers.acceptance import Acceptance
from mendel.restorers.best_reading import BestReading
from mendel.restorers.calibration import Weights
from mendel.restorers.document import DocumentContext, of_text
from mendel.restorers.restorer import Restoration, Restorer
from mendel.restorers.second_pass import SecondPass

NOISE, NGRAM = "noise.json", "ngram.safetensors"
FIRST_PASS, UNTUNED, TUNED = "first_pass", "untuned_llm", "tuned_llm"


class LlmArtifact(Frozen):
    """What a folder tells of the second pass's language model."""

    base: PretrainedModel
    conditional: bool = False
    """It was tuned on clean texts that follow their noisy form, and is asked so."""
    second_pass: SecondPassConfig = SecondPassConfig(rounds=0)
    """Without it the candidate is from before the second pass could propose."""

    @field_validator("second_pass", mode="before")
    @classmethod
    def _without_lead(cls, config: Any) -> Any:
        """0.2.0 wrote `lead` too; since then the first pass's judge alone chooses what is read."""
        return {key: value for key, value in config.items() if key != "lead"} if isinstance(config, dict) else config


class ChannelArtifact(artifact.Artifact):
    """What its folder tells."""

    kind: Literal["channel-ngram", "channel-llm"]
    decoder: DecoderConfig
    weights: dict[str, Weights]
    """By FIRST_PASS, UNTUNED, TUNED."""
    acceptance: Mapping[str, Acceptance] = Field(default_factory=dict)
    """By the same; without them the candidate is of format 1 and decides about whole texts."""
    protect: tuple[ProtectedKind, ...] = ()
    llm: LlmArtifact | None = None


class ChannelRestorer(Restorer):
    """Channel x language model. With an LLM, both passes; without, the first alone.

    `weights` and `acceptance` by FIRST_PASS, UNTUNED, TUNED; `protect`: what is left as it is.
    """

    def __init__(
        self,
        kind: str,
        decoder: Decoder,
        weights: Mapping[str, Weights],
        acceptance: Mapping[str, Acceptance] | None = None,
        protect: Collection[ProtectedKind] = (),
        llm: Llm | None = None,
        language: str = artifact.ENGLISH,
    ) -> None:
        self.kind = kind
        self.decoder = decoder
        self.weights = weights
        self.acceptance = acceptance or {}
        self.protect = protect
        self.llm = llm
        self.language = language

    @property
    def in_force(self) -> str:
        """The last pass."""
        return FIRST_PASS if self.llm is None else self.llm.name

    def restore(
        self, texts: Sequence[str], documents: Sequence[DocumentContext | None] | None = None
    ) -> list[Restoration]:
        parts = [pieces.cut(text, self.language) for text in texts]
        of_texts = [
            document or of_text(text, len(part))
            for text, part, document in zip(texts, parts, documents or [None] * len(texts), strict=True)
        ]
        restored = iter(
            self._restore(
                [piece.text for part in parts for piece in part],
                [document for part, document in zip(parts, of_texts, strict=True) for _ in part],
            )
        )
        return [pieces.join(part, [next(restored) for _ in part]) for part in parts]

    def _restore(self, texts: Sequence[str], documents: Sequence[DocumentContext | None]) -> list[Restoration]:
        candidates = self.decoder.decode(texts, threads=available())
        if not self.acceptance:
            return self._decide_whole(texts, candidates)
        first, last = self.acceptance[FIRST_PASS], self.acceptance[self.in_force]
        evidence = [self._evidence(FIRST_PASS, *each) for each in zip(texts, candidates, strict=True)]
        odds = np.array([first.judge.odds(reading) for reading in evidence])
        if self.llm is not None:
            most_odds = np.maximum(odds, first.in_documents(odds, documents))
            for number, better in enumerate(self.llm.second_pass.explore(texts, candidates, most_odds)):
                if better is not None:
                    evidence[number] = self._evidence(self.llm.name, texts[number], better)
                    odds[number] = last.judge.odds(evidence[number])
        in_documents = last.in_documents(odds, documents)
        last.add(odds, documents)
        return [
            last.decide(*each)
            for each in zip(texts, evidence, odds.tolist(), in_documents.tolist(), documents, strict=True)
        ]

    def _decide_whole(self, texts: Sequence[str], candidates: Sequence[Sequence[TextCandidate]]) -> list[Restoration]:
        """As a candidate of format 1 does."""
        if self.llm is not None:
            second_candidates = self.llm.second_pass.explore(texts, candidates, [math.inf] * len(texts))
            candidates = [
                better or first_candidates
                for better, first_candidates in zip(second_candidates, candidates, strict=True)
            ]
        weights = self.weights[self.in_force]
        return [whole_text.decide(*case, weights) for case in zip(texts, candidates, strict=True)]

    def _evidence(self, name: str, text: str, candidates: Sequence[TextCandidate]) -> BestReading | None:
        return BestReading.of(text, candidates, self.weights[name], self.decoder.ngram, self.protect)

    def ablations(self) -> Mapping[str, Restorer]:
        if self.llm is None:
            return {}
        settled = self.kind, self.decoder, self.weights, self.acceptance, self.protect
        parts = {FIRST_PASS: ChannelRestorer(*settled, language=self.language)}
        if self.llm.name == TUNED and UNTUNED in self.weights:
            parts[UNTUNED] = ChannelRestorer(*settled, self.llm.untuned(), self.language)
        return parts

    @classmethod
    def read(cls, folder: Path) -> ChannelRestorer:
        settings = artifact.read(folder, ChannelArtifact)
        try:
            profile = ResolvedProfile.model_validate_json((folder / NOISE).read_bytes())
            ngram = CharNgram.load(folder / NGRAM)
        except (OSError, ValueError, KeyError) as error:
            raise artifact.incomplete(folder, repr(error)) from error
        decoder = Decoder(Channel.from_profile(profile), ngram, settings.decoder)
        llm = Llm.read(folder, decoder, settings.llm) if settings.llm else None
        judged = settings.weights, settings.acceptance, settings.protect
        return cls(settings.kind, decoder, *judged, llm, settings.language)


class Llm(NamedTuple):
    """The second pass of a restorer, by its name, with the model that was tuned."""

    name: str
    second_pass: SecondPass
    base: PretrainedModel

    @classmethod
    def read(cls, folder: Path, decoder: Decoder, llm_artifact: LlmArtifact) -> Llm:
        from mendel.models.llm import CausalLm  # loads torch, transformers

        adapter = folder / artifact.ADAPTER
        tuned = adapter.is_dir()
        llm = CausalLm.load(llm_artifact.base, adapter if tuned else None)
        second_pass = SecondPass(decoder, llm, llm_artifact.second_pass, conditional=tuned and llm_artifact.conditional)
        return cls(TUNED if tuned else UNTUNED, second_pass, llm_artifact.base)

    def untuned(self) -> Llm:
        """The language model as it came, which reads the first pass's candidates and proposes nothing."""
        from mendel.models.llm import CausalLm  # loads torch, transformers

        llm = CausalLm.load(self.base)
        return Llm(UNTUNED, SecondPass(self.second_pass.decoder, llm, self.second_pass.config.reading()), self.base)
