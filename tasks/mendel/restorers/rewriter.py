"""The restorer of the recipes causal-lora and seq2seq-lora: a language model rewrites the text, a guard accepts it or not."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from mendel.models.generation import CausalRewriter, Rewriter, Seq2SeqRewriter
from mendel.recipes.models import PretrainedModel, Writing
from mendel.restorers import artifact, pieces
from mendel.restorers.document import DocumentContext
from mendel.restorers.guard import Attempt, Guard
from mendel.restorers.restorer import Restoration, Restorer, spans

MODEL = "model"
"""Folder of a model that was made from scratch."""
REWRITERS: dict[str, type[CausalRewriter] | type[Seq2SeqRewriter]] = {
    "causal-lora": CausalRewriter,
    "seq2seq-lora": Seq2SeqRewriter,
}


class RewriterArtifact(artifact.Artifact):
    """What its folder tells."""

    kind: Literal["causal-lora", "seq2seq-lora"]
    base: PretrainedModel | None
    """None where the model was made from scratch, and lies in the folder."""
    writing: Writing
    guard: Guard


class RewritingRestorer(Restorer):
    """A language model with its guard."""

    def __init__(
        self, kind: str, rewriter: Rewriter, writing: Writing, guard: Guard, language: str = artifact.ENGLISH
    ) -> None:
        self.kind = kind
        self.rewriter = rewriter
        self.writing = writing
        self.guard = guard
        self.language = language

    def restore(
        self,
        texts: Sequence[str],
        documents: Sequence[DocumentContext | None] | None = None,
    ) -> list[Restoration]:
        parts = [pieces.cut(text, self.language) for text in texts]
        rewritings = iter(attempts(self.rewriter, [piece.text for part in parts for piece in part], self.writing))
        return [pieces.join(part, [self._decide(next(rewritings)) for _ in part]) for part in parts]

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
        settings = artifact.read(folder, RewriterArtifact)
        base = settings.base or PretrainedModel(id=str(folder / MODEL))
        adapter = folder / artifact.ADAPTER
        rewriter = REWRITERS[settings.kind].load(base, adapter if adapter.is_dir() else None)
        return cls(settings.kind, rewriter, settings.writing, settings.guard, settings.language)


def attempts(rewriter: Rewriter, texts: Sequence[str], writing: Writing) -> list[Attempt]:
    """What the model makes of each text, in order. An empty text is not asked about."""
    indices = [index for index, text in enumerate(texts) if text]
    inputs = [texts[index] for index in indices]
    outputs = rewriter.rewrite(inputs, writing)
    odds = rewriter.log_odds(inputs, outputs)
    results = [Attempt(text, text, 0.0) for text in texts]
    for index, output, value in zip(indices, outputs, odds, strict=True):
        results[index] = Attempt(texts[index], output, float(value))
    return results
