"""How a candidate of the recipes causal-lora and seq2seq-lora is made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rapidfuzz.distance import Levenshtein

from mendel.core.log import log
from mendel.models.generation import CausalRewriter, Seq2SeqRewriter
from mendel.models.llm import dtype, pinned
from mendel.recipes.rewriter import CausalLora, Seq2SeqLora
from mendel.restorers import artifact
from mendel.restorers.candidate import CandidateMaker, Text
from mendel.restorers.guard import Guard
from mendel.restorers.rewriter import MODEL, RewriterArtifact, attempts


class RewriterMaker(CandidateMaker):
    """Train on (noisy, clean) pairs, then fit the guard on validation pairs."""

    recipe: CausalLora | Seq2SeqLora

    @staticmethod
    def untrained(recipe: CausalLora | Seq2SeqLora) -> CausalRewriter | Seq2SeqRewriter:
        if isinstance(recipe, CausalLora):
            return CausalRewriter.load(recipe.base, quantise=recipe.lora.quantise)
        if recipe.scratch is not None:
            return Seq2SeqRewriter.new(recipe.scratch, recipe.lora.seed)
        assert recipe.base is not None, "the recipe has one of both"
        return Seq2SeqRewriter.load(recipe.base, quantise=recipe.lora.quantise)

    def make(self) -> dict[str, Any]:
        recipe = self.recipe
        train, validation = self._texts("train"), self._texts("validation")
        self.rows = len(train)
        with self._timed("load_llm"):
            rewriter = self.untrained(recipe)
        base = pinned(recipe.base, rewriter.model) if recipe.base else None
        if base is not None:
            self._tell_base(base)
        chosen = self._trained_on(train, recipe.lora)
        rows, heads = rewriter.examples([text.noisy for text in chosen], [text.clean for text in chosen])
        rewriter = self._tune(rewriter, rows, heads, base)
        folder = self.draft.folder
        if base is None:
            rewriter.model = rewriter.model.to(dtype())
            rewriter.model.save_pretrained(folder / MODEL)
            rewriter.tokenizer.save_pretrained(folder / MODEL)
        with self._timed("guard"):
            guard, metrics = self._guard(rewriter, validation[: recipe.calibration.sentences])
        fitted = RewriterArtifact(
            kind=recipe.kind, language=self.language, base=base, writing=recipe.writing, guard=guard
        )
        artifact.write(folder, fitted)
        log.info("fitted", guard=guard.model_dump_json())
        return {"seconds": self.seconds, "validation": metrics, **self.training()}

    def _guard(
        self, rewriter: CausalRewriter | Seq2SeqRewriter, sample: Sequence[Text]
    ) -> tuple[Guard, dict[str, float]]:
        """The guard, and the reduction of the validation sample's errors with it and without any."""
        recipe = self.recipe
        rewritings = attempts(
            rewriter, [text.noisy for text in sample] + [text.clean for text in sample], recipe.writing
        )
        noisy = list(zip([text.clean for text in sample], rewritings, strict=False))
        clean = rewritings[len(sample) :]
        guard = Guard.fit(noisy, clean, recipe.writing.length_ratio, recipe.calibration.max_clean_altered)
        identity = Guard(length_ratio=1, edits=0, threshold=0).errors(noisy)
        unguarded = sum(Levenshtein.distance(truth, attempt.written) for truth, attempt in noisy)
        reductions = {"guarded": guard.errors(noisy), "unguarded": unguarded}
        return guard, {name: 1 - errors / max(identity, 1) for name, errors in reductions.items()}
