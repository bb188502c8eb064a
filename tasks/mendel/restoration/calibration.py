"""Weights of the models, and the threshold below which a text stays as it is: fitted on validation text, clean text too."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from rapidfuzz.distance import Levenshtein

from mendel.frozen import Frozen
from mendel.restoration.decoder import Candidate

Array = npt.NDArray[np.float64]
LM_WEIGHTS = np.arange(0.0, 1.31, 0.05)
TAIL = 0.1
"""Share of the clean texts, those with the highest log-odds of a change, from which rarer ones are extrapolated."""


class Weights(Frozen):
    """Score of a candidate: channel + ngram * lm + llm * log P(text) of the LLM."""

    ngram: float
    llm: float = 0.0
    threshold: float
    """Log-odds (nats) of the best change against the unchanged input that a change has to reach."""

    def score(self, candidate: Candidate) -> float:
        return candidate.channel + self.ngram * candidate.lm + self.llm * candidate.llm


@dataclass(frozen=True)
class Choices:
    """One text's candidates as arrays; index `same` is the input itself."""

    channel: Array
    ngram: Array
    llm: Array
    same: int
    errors: Array
    """Edit distance of each candidate to the clean text."""

    @classmethod
    def of(cls, text: str, truth: str, candidates: Sequence[Candidate]) -> Choices:
        return cls(
            channel=np.array([candidate.channel for candidate in candidates]),
            ngram=np.array([candidate.lm for candidate in candidates]),
            llm=np.array([candidate.llm for candidate in candidates]),
            same=next(i for i, candidate in enumerate(candidates) if candidate.text == text),
            errors=np.array([Levenshtein.distance(truth, candidate.text) for candidate in candidates]),
        )

    def scores(self, ngram: float, llm: float) -> Array:
        return self.channel + ngram * self.ngram + llm * self.llm


def log_odds(scores: Array, same: int) -> float:
    """How much likelier the best other candidate is than the input: nats; -inf where there is no other."""
    others = np.delete(scores, same)
    return float(others.max() - scores[same]) if len(others) else -math.inf


def fit(noisy: Sequence[Choices], clean: Sequence[Choices], max_clean_altered: float, with_llm: bool) -> Weights:
    """The weights that leave the fewest errors in the noisy texts, and the threshold that keeps the bound on clean ones.

    Minimum error rate by grid search [Och 2003]: the error count is piecewise constant, so it has no gradient.
    """
    grid = [(n, m) for n in LM_WEIGHTS for m in (LM_WEIGHTS if with_llm else (0.0,)) if n + m > 0]
    ngram, llm = min(grid, key=lambda pair: (_errors(noisy, pair[0], pair[1], -math.inf), sum(pair)))
    odds = [log_odds(choice.scores(ngram, llm), choice.same) for choice in clean]
    threshold = bound_for(max_clean_altered, odds)
    return Weights(ngram=round(float(ngram), 4), llm=round(float(llm), 4), threshold=threshold)


def bound_for(share: float, odds: Sequence[float]) -> float:
    """The threshold, at least 0, that at most this share of clean texts' log-odds reach: of those given, and of others."""
    ranked = sorted(odds, reverse=True)
    allowed = math.floor(share * len(ranked))
    bound = ranked[allowed] + 1e-6 if allowed < len(ranked) else -math.inf
    return math.ceil(max(0.0, bound, exceeded_by(share, ranked)) * 1e6) / 1e6


def exceeded_by(share: float, odds: Sequence[float]) -> float:
    """The log-odds that this share of texts exceeds, by an exponential tail fitted to the highest `TAIL` of a sample.

    One text in a thousand is rarer than a few hundred texts can show: their highest value alone says little. The mean of
    the excesses over a high level says more (peaks over threshold [Pickands 1975]). `odds` in descending order.
    """
    peaks = [value for value in odds[: math.ceil(TAIL * len(odds))] if value > -math.inf]
    if not peaks or not 0 < share < TAIL:
        return -math.inf
    return peaks[-1] + (sum(peaks) / len(peaks) - peaks[-1]) * math.log(TAIL / share)


def _errors(choices: Sequence[Choices], ngram: float, llm: float, threshold: float) -> float:
    return float(sum(choice.errors[pick(choice.scores(ngram, llm), choice.same, threshold)] for choice in choices))


def pick(scores: Array, same: int, threshold: float) -> int:
    """The best candidate where it beats the input by the threshold, else the input."""
    best = int(scores.argmax())
    return best if best != same and scores[best] - scores[same] >= threshold else same
