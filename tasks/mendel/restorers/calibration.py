"""Weights of the models, fitted on noisy validation text, and bounds that at most a share of texts reach."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from rapidfuzz.distance import Levenshtein

from mendel.core.frozen import Frozen

if TYPE_CHECKING:
    from mendel.channel.decoder import TextCandidate

Array = npt.NDArray[np.float64]
LM_WEIGHTS = [round(0.05 * step, 2) for step in range(27)]
TAIL = 0.1
"""Share of the clean texts, those with the highest log-odds of a change, from which rarer ones are extrapolated."""


class Weights(Frozen):
    """Score of a candidate: channel + ngram * lm + llm * log P(text) of the LLM."""

    ngram: float
    llm: float = 0.0
    threshold: float = 0.0
    """Of candidates of format 1: log-odds (nats) of the best text against the input that it has to reach."""

    def score(self, candidate: TextCandidate) -> float:
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
    def of(cls, text: str, truth: str, candidates: Sequence[TextCandidate]) -> Choices:
        return cls(
            channel=np.array([candidate.channel for candidate in candidates]),
            ngram=np.array([candidate.lm for candidate in candidates]),
            llm=np.array([candidate.llm for candidate in candidates]),
            same=next(i for i, candidate in enumerate(candidates) if candidate.text == text),
            errors=np.array([Levenshtein.distance(truth, candidate.text) for candidate in candidates]),
        )

    def scores(self, ngram: float, llm: float) -> Array:
        return self.channel + ngram * self.ngram + llm * self.llm


class Table:
    """The candidates of many texts side by side."""

    def __init__(self, texts: Sequence[Choices]) -> None:
        shape = len(texts), max((len(text.errors) for text in texts), default=1)
        self._channel = np.full(shape, -math.inf)  # where a text has fewer candidates
        self._ngram, self._llm = np.zeros(shape), np.zeros(shape)
        self._errors = np.zeros(shape, int)
        for row, text in enumerate(texts):
            size = len(text.errors)
            self._channel[row, :size], self._ngram[row, :size], self._llm[row, :size] = (
                text.channel, text.ngram, text.llm,
            )  # fmt: skip
            self._errors[row, :size] = text.errors
        self._rows = np.arange(len(texts))
        self._same = np.array([text.same for text in texts], int)
        self.errors = self._errors[self._rows, self._same]
        """[text]: of the input"""

    def changes(self, ngram: float, llm: float) -> tuple[Array, npt.NDArray[np.int64]]:
        """[text]: by how many nats the best change beats the input, -inf where there is none; the errors that it leaves."""
        scores = self._channel + ngram * self._ngram + llm * self._llm
        same = scores[self._rows, self._same]
        scores[self._rows, self._same] = -math.inf
        best = scores.argmax(axis=1)
        return scores[self._rows, best] - same, self._errors[self._rows, best]


def fit(noisy: Sequence[Choices], with_llm: bool) -> Weights:
    """The weights whose best candidates leave the fewest errors.

    Minimum error rate by grid search [Och 2003]: the error count is piecewise constant, so it has no gradient.
    """
    table = Table(noisy)

    def tried(ngram: float, llm: float) -> tuple[int, float, Weights]:
        odds, errors = table.changes(ngram, llm)
        errors_left = np.where(odds > 0, errors, table.errors).sum()
        return int(errors_left), ngram + llm, Weights(ngram=ngram, llm=llm)

    grid = [(n, m) for n in LM_WEIGHTS for m in (LM_WEIGHTS if with_llm else (0.0,)) if n + m > 0]
    return min((tried(*pair) for pair in grid), key=lambda result: result[:2])[2]


def bound_for(share: float, odds: Sequence[float] | Array) -> float:
    """The threshold, at least 0, that at most this share of texts' log-odds reach: of those given, and of others."""
    ranked = sorted(odds, reverse=True)
    return max(bound_among(share, ranked), _above(exceeded_by(share, ranked)))


def bound_among(share: float, odds: Sequence[float] | Array) -> float:
    """The threshold, at least 0, that at most this share of the given log-odds reach."""
    ranked = sorted(odds, reverse=True)
    allowed = math.floor(share * len(ranked))
    return _above(ranked[allowed] + 1e-6 if allowed < len(ranked) else -math.inf)


def _above(bound: float) -> float:
    """The bound in whole millionths of a nat, not below it, and at least 0."""
    return math.ceil(max(0.0, bound) * 1e6) / 1e6


def exceeded_by(share: float, odds: Sequence[float]) -> float:
    """The log-odds that this share of texts exceeds, by an exponential tail fitted to the highest `TAIL` of a sample.

    One text in a thousand is rarer than a few hundred texts can show: their highest value alone says little. The mean of
    the excesses over a high level says more (peaks over threshold [Pickands 1975]). `odds` in descending order.
    """
    peaks = [value for value in odds[: math.ceil(TAIL * len(odds))] if value > -math.inf]
    if not peaks or not 0 < share < TAIL:
        return -math.inf
    return peaks[-1] + (sum(peaks) / len(peaks) - peaks[-1]) * math.log(TAIL / share)


def pick(scores: Array, same: int, threshold: float) -> int:
    """The best candidate where it beats the input by the threshold, else the input."""
    best = int(scores.argmax())
    return best if best != same and scores[best] - scores[same] >= threshold else same
