"""The guard: what is accepted of a language model that may write anything."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from rapidfuzz.distance import Levenshtein

from mendel.core.frozen import Frozen
from mendel.restorers.calibration import bound_for

EDITS = (0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5)


class Attempt(NamedTuple):
    """What a model made of a text."""

    text: str
    written: str
    odds: float
    """log P(written | text) - log P(text | text), in nats."""

    def within(self, length_ratio: float, edits: float) -> bool:
        """The text is changed, yet still the same text: a model that writes freely may drop a clause, or add one."""
        lengths = sorted((len(self.text), len(self.written)))
        changed = Levenshtein.distance(self.text, self.written)
        return 0 < changed <= edits * len(self.text) and 0 < lengths[1] <= length_ratio * lengths[0]


class Guard(Frozen):
    """What is accepted of a model that may write anything; else the input stays."""

    length_ratio: float
    """Of the longer of both texts to the shorter one, at most."""
    edits: float
    """Edit distance for each character of the input, at most."""
    threshold: float
    """Log-odds (nats) of what was written against the unchanged input, at least."""

    def accepts(self, attempt: Attempt) -> bool:
        return attempt.odds >= self.threshold and attempt.within(self.length_ratio, self.edits)

    @classmethod
    def fit(
        cls,
        noisy: Sequence[tuple[str, Attempt]],
        clean: Sequence[Attempt],
        length_ratio: float,
        max_clean_altered: float,
    ) -> Guard:
        """The guard that leaves the fewest errors in noisy texts, given with their truth, and keeps the bound on clean ones."""
        trials = []
        for edits in EDITS:
            odds = [attempt.odds if attempt.within(length_ratio, edits) else -math.inf for attempt in clean]
            guard = cls(length_ratio=length_ratio, edits=edits, threshold=bound_for(max_clean_altered, odds))
            trials.append((guard.errors(noisy), edits, guard))
        return min(trials, key=lambda trial: trial[:2])[2]

    def errors(self, noisy: Sequence[tuple[str, Attempt]]) -> int:
        """Edit distance to the truth that is left, summed."""
        pairs = ((truth, attempt.written if self.accepts(attempt) else attempt.text) for truth, attempt in noisy)
        return sum(Levenshtein.distance(truth, text) for truth, text in pairs)
