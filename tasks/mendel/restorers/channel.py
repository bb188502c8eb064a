"""The restorer of the recipes channel-ngram and channel-llm: the decoder proposes, the language models decide."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mendel.channel.costs import Channel
from mendel.channel.decoder import Decoder, TextCandidate
from mendel.core.errors import InputError
from mendel.core.threads import available
from mendel.models.ngram import CharNgram
from mendel.noise.profile import ResolvedProfile
from mendel.recipes.decoder import DecoderConfig
from mendel.recipes.recipe import PretrainedModel
from mendel.recipes.second_pass import SecondPassConfig
from mendel.restorers import pieces
from mendel.restorers.calibration import Array, Weights, pick
from mendel.restorers.restorer import ADAPTER, DESCRIPTION, Restoration, Restorer, Span, spans
from mendel.restorers.second_pass import SecondPass

NOISE, NGRAM = "noise.json", "ngram.safetensors"
READING = {"rounds": 0}
"""The second pass of candidates that were made before it could propose."""
FIRST_PASS, UNTUNED, TUNED = "first_pass", "untuned_llm", "tuned_llm"


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
        try:
            told = json.loads((folder / DESCRIPTION).read_text())
            profile = ResolvedProfile.model_validate_json((folder / NOISE).read_bytes())
            ngram = CharNgram.load(folder / NGRAM)
            weights = {name: Weights.model_validate(values) for name, values in told["weights"].items()}
        except (OSError, ValueError, KeyError) as error:
            raise InputError(
                f"{folder} holds no whole restorer: {error!r}. Bring its files back, or train again."
            ) from error
        decoder = Decoder(Channel.from_profile(profile), ngram, DecoderConfig.model_validate(told["decoder"]))
        llm = Llm.read(folder, decoder, told["llm"]) if "llm" in told else None
        return cls(told["kind"], decoder, weights, llm)

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
    """The second pass of a restorer, by its name, with what its folder tells of it."""

    name: str
    second_pass: SecondPass
    told: Mapping[str, Any]

    @classmethod
    def read(cls, folder: Path, decoder: Decoder, told: Mapping[str, Any]) -> Llm:
        from mendel.models.llm import CausalLm  # loads torch, transformers

        adapter = folder / ADAPTER
        tuned = adapter.is_dir()
        llm = CausalLm.load(PretrainedModel.model_validate(told["base"]), adapter if tuned else None)
        config = SecondPassConfig.model_validate(told.get("second_pass", READING))
        second_pass = SecondPass(decoder, llm, config, conditional=tuned and told["conditional"])
        return cls(TUNED if tuned else UNTUNED, second_pass, told)

    def untuned(self) -> Llm:
        """The language model as it came, which reads the first pass's candidates and proposes nothing."""
        from mendel.models.llm import CausalLm  # loads torch, transformers

        llm = CausalLm.load(PretrainedModel.model_validate(self.told["base"]))
        return Llm(UNTUNED, SecondPass(self.second_pass.decoder, llm, self.second_pass.config.reading()), self.told)


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
