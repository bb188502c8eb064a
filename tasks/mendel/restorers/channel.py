"""The restorer of the recipes channel-ngram and channel-llm: the decoder proposes, the language models decide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from mendel.channel.costs import Channel
from mendel.channel.decoder import Decoder, TextCandidate
from mendel.core.frozen import Frozen
from mendel.core.threads import available
from mendel.models.ngram import CharNgram
from mendel.noise.profile import ResolvedProfile
from mendel.recipes.decoder import DecoderConfig
from mendel.recipes.models import PretrainedModel
from mendel.recipes.second_pass import SecondPassConfig
from mendel.restorers import artifact, pieces
from mendel.restorers.calibration import Array, Weights, pick
from mendel.restorers.restorer import Restoration, Restorer, Span, spans
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


class ChannelArtifact(artifact.Artifact):
    """What its folder tells."""

    kind: Literal["channel-ngram", "channel-llm"]
    decoder: DecoderConfig
    weights: dict[str, Weights]
    """By FIRST_PASS, UNTUNED, TUNED."""
    llm: LlmArtifact | None = None


class ChannelRestorer(Restorer):
    """Channel x language model. With an LLM, both passes; without, the first alone. `weights` by FIRST_PASS, UNTUNED, TUNED."""

    def __init__(self, kind: str, decoder: Decoder, weights: Mapping[str, Weights], llm: Llm | None = None) -> None:
        self.kind = kind
        self.decoder = decoder
        self.weights = weights
        self.llm = llm

    @property
    def in_force(self) -> Weights:
        return self.weights[FIRST_PASS if self.llm is None else self.llm.name]

    def restore(self, texts: Sequence[str]) -> list[Restoration]:
        parts = [pieces.cut(text) for text in texts]
        restored = iter(self._restore([piece.text for part in parts for piece in part]))
        return [pieces.join(part, [next(restored) for _ in part]) for part in parts]

    def _restore(self, texts: Sequence[str]) -> list[Restoration]:
        candidates = self.decoder.decode(texts, threads=available())
        if self.llm is not None:
            candidates = self.llm.second_pass.explore(texts, candidates)
        return [self._decide(text, found) for text, found in zip(texts, candidates, strict=True)]

    def ablations(self) -> Mapping[str, Restorer]:
        if self.llm is None:
            return {}
        found = {FIRST_PASS: ChannelRestorer(self.kind, self.decoder, self.weights)}
        if self.llm.name == TUNED and UNTUNED in self.weights:
            found[UNTUNED] = ChannelRestorer(self.kind, self.decoder, self.weights, self.llm.untuned())
        return found

    @classmethod
    def read(cls, folder: Path) -> ChannelRestorer:
        found = artifact.read(folder, ChannelArtifact)
        try:
            profile = ResolvedProfile.model_validate_json((folder / NOISE).read_bytes())
            ngram = CharNgram.load(folder / NGRAM)
        except (OSError, ValueError, KeyError) as error:
            raise artifact.incomplete(folder, repr(error)) from error
        decoder = Decoder(Channel.from_profile(profile), ngram, found.decoder)
        llm = Llm.read(folder, decoder, found.llm) if found.llm else None
        return cls(found.kind, decoder, found.weights, llm)

    def _decide(self, text: str, candidates: Sequence[TextCandidate]) -> Restoration:
        weights = self.in_force
        scores = np.array([weights.score(candidate) for candidate in candidates])
        same = next(i for i, candidate in enumerate(candidates) if candidate.text == text)
        chosen = pick(scores, same, weights.threshold)
        odds = np.exp(scores - scores.max())
        posterior = odds / odds.sum()
        better = candidates[chosen].text
        return Restoration(
            text=better,
            confidence=float(posterior[chosen]),
            edits=weighed(text, better, candidates, posterior),
            fallback=chosen == same and int(scores.argmax()) != same,
        )


class Llm(NamedTuple):
    """The second pass of a restorer, by its name, with the model that was tuned."""

    name: str
    second_pass: SecondPass
    base: PretrainedModel

    @classmethod
    def read(cls, folder: Path, decoder: Decoder, found: LlmArtifact) -> Llm:
        from mendel.models.llm import CausalLm  # loads torch, transformers

        adapter = folder / artifact.ADAPTER
        tuned = adapter.is_dir()
        llm = CausalLm.load(found.base, adapter if tuned else None)
        second_pass = SecondPass(decoder, llm, found.second_pass, conditional=tuned and found.conditional)
        return cls(TUNED if tuned else UNTUNED, second_pass, found.base)

    def untuned(self) -> Llm:
        """The language model as it came, which reads the first pass's candidates and proposes nothing."""
        from mendel.models.llm import CausalLm  # loads torch, transformers

        llm = CausalLm.load(self.base)
        return Llm(UNTUNED, SecondPass(self.second_pass.decoder, llm, self.second_pass.config.reading()), self.base)


def weighed(text: str, better: str, candidates: Sequence[TextCandidate], posterior: Array) -> tuple[Span, ...]:
    """The changes from a text to a better one, each with the posterior of all candidates that make it too."""
    if not (made := spans(text, better)):
        return made
    others = [set(spans(text, candidate.text)) for candidate in candidates]
    return tuple(
        span.model_copy(
            update={"confidence": float(sum(p for p, other in zip(posterior, others, strict=True) if span in other))}
        )
        for span in made
    )
