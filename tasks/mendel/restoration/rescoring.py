"""The restorer of the recipes channel-ngram and channel-llm: the decoder proposes, the language models decide."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mendel.corruption.profile import ResolvedProfile
from mendel.errors import InputError
from mendel.restoration import pieces
from mendel.restoration.calibration import Array, Weights, pick
from mendel.restoration.channel import Channel
from mendel.restoration.decoder import Candidate, Decoder, DecoderConfig
from mendel.restoration.ngram import CharNgram
from mendel.restoration.recipe import BaseModel
from mendel.restoration.restorer import ADAPTER, DESCRIPTION, Restoration, Restorer, Span, spans
from mendel.threads import available

if TYPE_CHECKING:
    from mendel.restoration.llm import CausalLm

NOISE, NGRAM = "noise.json", "ngram.safetensors"
FIRST_PASS, UNTUNED, TUNED = "first_pass", "untuned_llm", "tuned_llm"
LLM_MARGIN = 5.0
"""Nats behind the first pass's best candidate at which the LLM is not asked about another."""


class ChannelRestorer(Restorer):
    """Channel x language model. With an LLM, both passes; without, the first alone."""

    def __init__(self, kind: str, decoder: Decoder, weights: Mapping[str, Weights], judge: Judge | None = None) -> None:
        self.kind = kind
        self.decoder = decoder
        self.weights = weights
        self.judge = judge

    @property
    def in_force(self) -> Weights:
        return self.weights[FIRST_PASS if self.judge is None else self.judge.name]

    def restore(self, texts: Sequence[str]) -> list[Restoration]:
        parts = [pieces.cut(text) for text in texts]
        restored = iter(self._restore([piece.text for part in parts for piece in part]))
        return [pieces.join(part, [next(restored) for _ in part]) for part in parts]

    def _restore(self, texts: Sequence[str]) -> list[Restoration]:
        candidates = self.decoder.decode(texts, threads=available())
        verdicts = self.judge.judge(texts, candidates) if self.judge else [np.zeros(len(found)) for found in candidates]
        return [self._decide(*each) for each in zip(texts, candidates, verdicts, strict=True)]

    def ablations(self) -> Mapping[str, Restorer]:
        if self.judge is None:
            return {}
        found = {FIRST_PASS: ChannelRestorer(self.kind, self.decoder, self.weights)}
        if self.judge.name == TUNED:
            found[UNTUNED] = ChannelRestorer(self.kind, self.decoder, self.weights, self.judge.untuned())
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
        return cls(told["kind"], decoder, weights, Judge.read(folder, told["llm"]) if "llm" in told else None)

    def _decide(self, text: str, candidates: Sequence[Candidate], llm: Array) -> Restoration:
        weights = self.in_force
        scores = combined(candidates, llm, weights)
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


class Judge:
    """The LLM's opinion of candidates: log P(text), of those only that have a chance."""

    def __init__(
        self, name: str, llm: CausalLm, base: BaseModel, ngram_weight: float, conditional: bool = False
    ) -> None:
        self.name = name
        self.llm = llm
        self.base = base
        self.ngram_weight = ngram_weight
        self.conditional = conditional

    def judge(self, texts: Sequence[str], candidates: Sequence[Sequence[Candidate]]) -> list[Array]:
        """LLM scores (nats) in the candidates' order; a text with one plausible candidate is not asked about."""
        first = [np.array([c.channel + self.ngram_weight * c.lm for c in found]) for found in candidates]
        asked = {
            i: chosen for i, scores in enumerate(first) if len(chosen := plausible(texts[i], candidates[i], scores)) > 1
        }
        groups = [[candidates[i][j].text for j in chosen] for i, chosen in asked.items()]
        prompts = [texts[i] for i in asked] if self.conditional else None
        values = dict(zip(asked, self.llm.log_probabilities(groups, prompts=prompts), strict=True))
        return [
            filled(asked[i], values[i], scores) if i in asked else np.zeros(len(scores))
            for i, scores in enumerate(first)
        ]

    def untuned(self) -> Judge:
        from mendel.restoration.llm import CausalLm

        return Judge(UNTUNED, CausalLm.load(self.base), self.base, self.ngram_weight)

    @staticmethod
    def read(folder: Path, told: Mapping[str, Any]) -> Judge:
        from mendel.restoration.llm import CausalLm

        base = BaseModel.model_validate(told["base"])
        adapter = folder / ADAPTER
        if not adapter.is_dir():
            return Judge(UNTUNED, CausalLm.load(base), base, told["ngram_weight"])
        return Judge(TUNED, CausalLm.load(base, adapter), base, told["ngram_weight"], told["conditional"])


def weighed(text: str, better: str, candidates: Sequence[Candidate], posterior: Array) -> tuple[Span, ...]:
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


def plausible(text: str, candidates: Sequence[Candidate], scores: Array) -> list[int]:
    """Indices of the candidates worth asking about: near the best, and the input, which every change is measured against."""
    near = scores >= scores.max() - LLM_MARGIN
    return [j for j, candidate in enumerate(candidates) if near[j] or (candidate.text == text and near.sum() > 1)]


def filled(asked: Sequence[int], values: Array, first: Array) -> Array:
    """Scores for all candidates: those not asked about are as far behind the best as the first pass put them."""
    anchor = int(np.argmax(first[list(asked)]))
    llm = values[anchor] + first - first[asked[anchor]]
    llm[list(asked)] = values
    return np.asarray(llm)


def combined(candidates: Sequence[Candidate], llm: Array, weights: Weights) -> Array:
    """The candidates' scores: nats, up to a constant."""
    return np.array([c.channel + weights.ngram * c.lm for c in candidates]) + weights.llm * llm
