"""What weights and acceptance of a candidate are fitted on: validation text, noisy and clean, and clean foreign text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from mendel.channel.decoder import Decoder, TextCandidate
from mendel.core.threads import available
from mendel.corpus.foreign import ForeignText
from mendel.models.ngram import Doubles
from mendel.recipes.channel import ChannelLlm, ChannelNgram
from mendel.restorers import pieces
from mendel.restorers.acceptance import READ_FROM, Acceptance, Example, Examples, Judge
from mendel.restorers.calibration import Choices, Weights, fit
from mendel.restorers.candidate import Text
from mendel.restorers.evidence import Evidence
from mendel.restorers.second_pass import SecondPass


class FittedPass(NamedTuple):
    """What is fitted to one pass."""

    weights: Weights
    acceptance: Acceptance

    @property
    def summary(self) -> dict[str, Any]:
        """The few numbers that a log has room for."""
        bounds = {name: getattr(self.acceptance, name) for name in ("least_odds", "least_confidence")}
        return {**self.weights.model_dump(exclude={"threshold"}), **bounds}


class Trials:
    """The texts with the first pass's candidates. Each pass is fitted in turn, the first one first."""

    def __init__(
        self,
        damaged: Sequence[Text],
        untouched: Sequence[Text],
        strange: Sequence[ForeignText],
        decoder: Decoder,
        recipe: ChannelNgram | ChannelLlm,
    ) -> None:
        parts = [piece.text for each in strange for piece in pieces.cut(each.text) if piece.text]
        self.texts = [*(text.noisy for text in damaged), *(text.clean for text in untouched), *parts]
        self.truths = [*(text.clean for text in (*damaged, *untouched)), *parts]
        self.ends = np.cumsum([len(damaged), len(untouched), len(parts)]).tolist()
        self.decoder = decoder
        self.recipe = recipe
        self.candidates = decoder.decode(self.texts, threads=available())
        self.first: tuple[Judge, Doubles, list[Evidence | None]] | None = None
        self.reductions: dict[str, float] = {}

    def fit(self, name: str, second: SecondPass | None = None) -> FittedPass:
        """Weights and acceptance of the first pass, or of a second one for what the first one leaves to it."""
        asked = range(len(self.texts)) if self.first is None else np.flatnonzero(self._first[1] >= READ_FROM).tolist()
        candidates: list[list[TextCandidate]] = [self.candidates[number] for number in asked]
        if second is not None:
            candidates = second.explore([self.texts[number] for number in asked], candidates)
        weights = fit(
            [
                Choices.of(self.texts[n], self.truths[n], some)
                for n, some in zip(asked, candidates, strict=True)
                if n < self.ends[0]
            ],
            with_llm=second is not None,
        )
        evidence: list[Evidence | None] = [None] * len(self.texts)
        for number, some in zip(asked, candidates, strict=True):
            evidence[number] = Evidence.of(self.texts[number], some, weights, self.decoder.ngram, self.recipe.protect)
        judge, odds = Judge.fit(self._examples(evidence))
        joined = np.concatenate(odds)
        if self.first is None:
            self.first = judge, np.array([judge.odds(each) for each in evidence]), evidence
        else:  # the others are judged as the first pass does
            others = np.setdiff1d(np.arange(len(self.texts)), asked)
            joined[others] = self._first[1][others]
            for number in others:
                evidence[number] = self._first[2][number]
        examples = self._examples(evidence)
        acceptance = Acceptance.fit(judge, examples, np.split(joined, self.ends[:-1]), self.recipe.calibration)
        self._record(name, examples.noisy, joined, acceptance)
        return FittedPass(weights, acceptance)

    @property
    def _first(self) -> tuple[Judge, Doubles, list[Evidence | None]]:
        assert self.first is not None, "the first pass is fitted first"
        return self.first

    def _examples(self, evidence: Sequence[Evidence | None]) -> Examples:
        every = [Example(*each) for each in zip(self.texts, self.truths, evidence, strict=True)]
        noisy, clean, _ = self.ends
        return Examples(every[:noisy], every[noisy:clean], every[clean:])

    def _record(self, name: str, noisy: Sequence[Example], odds: Doubles, acceptance: Acceptance) -> None:
        """Take down which share of the errors is removed, and which would be without any bound."""
        before = sum(example.errors for example in noisy)
        left = sum(
            example.errors_of(acceptance.decide(example.text, example.evidence, value).text)
            for example, value in zip(noisy, odds[: len(noisy)].tolist(), strict=True)
        )
        gained = sum(example.gain for example in noisy if example.evidence is not None)
        self.reductions |= {name: 1 - left / max(before, 1), f"{name}_unbounded": gained / max(before, 1)}
