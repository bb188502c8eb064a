"""The restorer of the recipes causal-lora and seq2seq-lora: a language model rewrites the text, a guard accepts it or not."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from rapidfuzz.distance import Levenshtein

from mendel.core.errors import InputError
from mendel.core.frozen import Frozen
from mendel.models.generation import CausalRewriter, Rewriter, Seq2SeqRewriter
from mendel.recipes.recipe import PretrainedModel, Writing
from mendel.restorers import pieces
from mendel.restorers.calibration import bound_for
from mendel.restorers.restorer import ADAPTER, DESCRIPTION, Restoration, Restorer, spans

MODEL = "model"
"""Folder of a model that was made from scratch."""
EDITS = (0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5)
REWRITERS: dict[str, type[CausalRewriter] | type[Seq2SeqRewriter]] = {
    "causal-lora": CausalRewriter,
    "seq2seq-lora": Seq2SeqRewriter,
}


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
        found = []
        for edits in EDITS:
            odds = [attempt.odds if attempt.within(length_ratio, edits) else -math.inf for attempt in clean]
            guard = cls(length_ratio=length_ratio, edits=edits, threshold=bound_for(max_clean_altered, odds))
            found.append((guard.errors(noisy), edits, guard))
        return min(found, key=lambda each: each[:2])[2]

    def errors(self, noisy: Sequence[tuple[str, Attempt]]) -> int:
        """Edit distance to the truth that is left, summed."""
        kept = ((truth, each.written if self.accepts(each) else each.text) for truth, each in noisy)
        return sum(Levenshtein.distance(truth, text) for truth, text in kept)


class RewritingRestorer(Restorer):
    """A language model with its guard."""

    def __init__(self, kind: str, rewriter: Rewriter, writing: Writing, guard: Guard) -> None:
        self.kind = kind
        self.rewriter = rewriter
        self.writing = writing
        self.guard = guard

    def restore(self, texts: Sequence[str]) -> list[Restoration]:
        parts = [pieces.cut(text) for text in texts]
        made = iter(attempts(self.rewriter, [piece.text for part in parts for piece in part], self.writing))
        return [pieces.join(part, [self._decide(next(made)) for _ in part]) for part in parts]

    def _decide(self, attempt: Attempt) -> Restoration:
        accepted = self.guard.accepts(attempt)
        text = attempt.written if accepted else attempt.text
        for_the_change = 1 / (1 + math.exp(-np.clip(attempt.odds, -500, 500)))
        confidence = for_the_change if accepted else 1 - for_the_change if attempt.written != attempt.text else 1.0
        edits = tuple(span.model_copy(update={"confidence": confidence}) for span in spans(attempt.text, text))
        fallback = attempt.written != text
        return Restoration(text=text, confidence=confidence, edits=edits, fallback=fallback)

    @classmethod
    def read(cls, folder: Path) -> RewritingRestorer:
        try:
            told = json.loads((folder / DESCRIPTION).read_text())
            base = PretrainedModel.model_validate(told["base"] or {"id": str(folder / MODEL)})
            writing, guard = Writing.model_validate(told["writing"]), Guard.model_validate(told["guard"])
        except (OSError, ValueError, KeyError) as error:
            raise InputError(
                f"{folder} holds no whole restorer: {error!r}. Bring its files back, or train again."
            ) from error
        adapter = folder / ADAPTER
        rewriter = REWRITERS[told["kind"]].load(base, adapter if adapter.is_dir() else None)
        return cls(told["kind"], rewriter, writing, guard)


def attempts(rewriter: Rewriter, texts: Sequence[str], writing: Writing) -> list[Attempt]:
    """What the model makes of each text, in order. An empty text is not asked about."""
    asked = [index for index, text in enumerate(texts) if text]
    given = [texts[index] for index in asked]
    written = rewriter.rewrite(given, writing)
    odds = rewriter.log_odds(given, written)
    found = [Attempt(text, text, 0.0) for text in texts]
    for index, made, value in zip(asked, written, odds, strict=True):
        found[index] = Attempt(texts[index], made, float(value))
    return found
