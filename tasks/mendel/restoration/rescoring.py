"""The restorer of the recipes channel-ngram and channel-llm: the decoder proposes, the language models decide."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mendel.corruption.profile import ResolvedProfile
from mendel.errors import InputError
from mendel.restoration.calibration import Array, Weights, pick
from mendel.restoration.channel import Channel
from mendel.restoration.decoder import Candidate, Decoder, DecoderConfig
from mendel.restoration.ngram import CharNgram
from mendel.restoration.restorer import DESCRIPTION, Restoration, Restorer, spans
from mendel.threads import available

if TYPE_CHECKING:
    from mendel.restoration.llm import CausalLm

NOISE, NGRAM, ADAPTER = "noise.json", "ngram.safetensors", "adapter"
LLM_MARGIN = 8.0
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
        return self.weights["first_pass" if self.judge is None else self.judge.name]

    def restore(self, texts: Sequence[str]) -> list[Restoration]:
        candidates = self.decoder.decode(texts, threads=available())
        verdicts = self.judge.judge(texts, candidates) if self.judge else [np.zeros(len(found)) for found in candidates]
        return [self._decide(*each) for each in zip(texts, candidates, verdicts, strict=True)]

    def ablations(self) -> Mapping[str, Restorer]:
        if self.judge is None:
            return {}
        found = {"first_pass": ChannelRestorer(self.kind, self.decoder, self.weights)}
        if self.judge.name != "untuned_llm":
            found["untuned_llm"] = ChannelRestorer(self.kind, self.decoder, self.weights, self.judge.untuned())
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
        better = candidates[chosen].text
        return Restoration(
            text=better,
            confidence=float(odds[chosen] / odds.sum()),
            edits=spans(text, better),
            fallback=chosen == same and int(scores.argmax()) != same,
        )


class Judge:
    """The LLM's opinion of candidates: log P(text), of those only that have a chance."""

    def __init__(self, name: str, llm: CausalLm, conditional: bool, ngram_weight: float) -> None:
        self.name = name
        self.llm = llm
        self.conditional = conditional
        self.ngram_weight = ngram_weight

    def judge(self, texts: Sequence[str], candidates: Sequence[Sequence[Candidate]]) -> list[Array]:
        """LLM scores (nats) in the candidates' order; a text with one plausible candidate is not asked about."""
        first = [np.array([c.channel + self.ngram_weight * c.lm for c in found]) for found in candidates]
        plausible = [np.flatnonzero(scores >= scores.max() - LLM_MARGIN).tolist() for scores in first]
        asked = [(i, j) for i, found in enumerate(plausible) if len(found) > 1 for j in found]
        for i, found in enumerate(candidates):  # the input is what every change is measured against
            same = next(j for j, candidate in enumerate(found) if candidate.text == texts[i])
            if same not in plausible[i] and len(plausible[i]) > 1:
                asked.append((i, same))
        values = self._log_probabilities(texts, candidates, asked)
        result = [np.full(len(found), np.nan) for found in candidates]
        for (i, j), value in zip(asked, values, strict=True):
            result[i][j] = value
        return [filled(scores, found) for scores, found in zip(result, first, strict=True)]

    def untuned(self) -> Judge:
        return Untuned("untuned_llm", self.llm, False, self.ngram_weight)

    def _log_probabilities(
        self, texts: Sequence[str], candidates: Sequence[Sequence[Candidate]], asked: Sequence[tuple[int, int]]
    ) -> list[float]:
        prompts = [texts[i] for i, _ in asked] if self.conditional else None
        return self.llm.log_probabilities([candidates[i][j].text for i, j in asked], prompts)

    @staticmethod
    def read(folder: Path, told: Mapping[str, Any]) -> Judge:
        from mendel.restoration.llm import CausalLm

        llm = CausalLm.load(told["base"], told["revision"])
        if not (folder / ADAPTER).is_dir():
            return Judge("untuned_llm", llm, False, told["ngram_weight"])
        from peft import PeftModel

        llm.model = PeftModel.from_pretrained(llm.model, str(folder / ADAPTER)).eval()
        return Judge("tuned_llm", llm, told["conditional"], told["ngram_weight"])


class Untuned(Judge):
    """The same LLM with its adapter switched off."""

    def _log_probabilities(self, *arguments: Any) -> list[float]:
        with self.llm.model.disable_adapter():
            return super()._log_probabilities(*arguments)


def filled(llm: Array, first: Array) -> Array:
    """LLM scores where a candidate was not asked about: as far behind as the first pass put it."""
    known = ~np.isnan(llm)
    if not known.any():
        return np.zeros_like(llm)
    anchor = int(np.flatnonzero(known)[first[known].argmax()])
    return np.where(known, llm, llm[anchor] + first - first[anchor])


def combined(candidates: Sequence[Candidate], llm: Array, weights: Weights) -> Array:
    """The candidates' scores: nats, up to a constant."""
    return np.array([c.channel + weights.ngram * c.lm for c in candidates]) + weights.llm * llm
