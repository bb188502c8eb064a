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
from mendel.restorers.acceptance import Acceptance, Example, Examples, Judge
from mendel.restorers.artifact import ENGLISH
from mendel.restorers.best_reading import BestReading
from mendel.restorers.calibration import Choices, Weights, fit
from mendel.restorers.candidate import Text
from mendel.restorers.second_pass import SecondPass


class FittedPass(NamedTuple):
    """What is fitted to one pass."""

    weights: Weights
    acceptance: Acceptance

    @property
    def summary(self) -> dict[str, Any]:
        """The few numbers that a log has room for."""
        names = ("least_odds", "least_odds_in_document", "least_confidence")
        bounds = {name: getattr(self.acceptance, name) for name in names}
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
        language: str = ENGLISH,
    ) -> None:
        parts = [
            piece.text for foreign_text in strange for piece in pieces.cut(foreign_text.text, language) if piece.text
        ]
        self.texts = [*(text.noisy for text in damaged), *(text.clean for text in untouched), *parts]
        self.truths = [*(text.clean for text in (*damaged, *untouched)), *parts]
        self.ends = np.cumsum([len(damaged), len(untouched), len(parts)]).tolist()
        self.decoder = decoder
        self.recipe = recipe
        self.candidates = decoder.decode(self.texts, threads=available())
        self.first: tuple[Doubles, Doubles, list[BestReading | None]] | None = None
        """Of the first pass, by text: log-odds, log-odds by judges of other texts, evidence."""
        self.reductions: dict[str, float] = {}

    def fit(self, name: str, second: SecondPass | None = None) -> FittedPass:
        """Weights and acceptance of the first pass, or of a second one for what the first one leaves to it."""
        candidates = self._candidates(second)
        noisy = [number for number in candidates if number < self.ends[0]]
        weights = fit(
            [Choices.of(self.texts[number], self.truths[number], candidates[number]) for number in noisy],
            with_llm=second is not None,
        )
        evidence: list[BestReading | None] = [None] * len(self.texts)
        for number, text_candidates in candidates.items():
            evidence[number] = BestReading.of(
                self.texts[number], text_candidates, weights, self.decoder.ngram, self.recipe.protect
            )
        left = sorted(set(range(len(self.texts))) - candidates.keys())
        if self.first is not None:
            for number in left:  # most foreign text: a judge of what was read alone would hardly have seen any
                evidence[number] = self.first[2][number]
        examples = self._examples(evidence)
        judge, judged, weights_of_sorts = Judge.fit(examples)
        odds = np.concatenate(judged)
        if self.first is None:
            self.first = np.array([judge.odds(reading) for reading in evidence]), odds, evidence
        odds[left] = self.first[1][left]  # the first pass decides about these
        acceptance = Acceptance.fit(
            judge, examples, np.split(odds, self.ends[:-1]), weights_of_sorts, self.recipe.calibration
        )
        self._record(name, examples.noisy, odds, acceptance)
        return FittedPass(weights, acceptance)

    def _candidates(self, second: SecondPass | None) -> dict[int, Sequence[TextCandidate]]:
        """By the text's number: the first pass's for every text, or the second one's for those that it read."""
        if second is None or self.first is None:
            return dict(enumerate(self.candidates))
        explored = second.explore(self.texts, self.candidates, self.first[0])
        return {number: candidates for number, candidates in enumerate(explored) if candidates is not None}

    def _examples(self, evidence: Sequence[BestReading | None]) -> Examples:
        examples = [Example(*fields) for fields in zip(self.texts, self.truths, evidence, strict=True)]
        noisy, clean, _ = self.ends
        return Examples(examples[:noisy], examples[noisy:clean], examples[clean:])

    def _record(self, name: str, noisy: Sequence[Example], odds: Doubles, acceptance: Acceptance) -> None:
        """Take down which share of the errors is removed, and which would be without any bound."""
        before = sum(example.errors for example in noisy)
        errors_left = sum(
            example.errors_of(acceptance.decide(example.text, example.evidence, value).text)
            for example, value in zip(noisy, odds[: len(noisy)].tolist(), strict=True)
        )
        gained = sum(example.gain for example in noisy if example.evidence is not None)
        self.reductions |= {name: (before - errors_left) / max(before, 1), f"{name}_unbounded": gained / max(before, 1)}
