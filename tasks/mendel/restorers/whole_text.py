"""How candidates of format 1 decide: about a text as a whole, by its best candidate's odds against the input."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mendel.channel.decoder import TextCandidate
from mendel.restorers.calibration import Array, Weights, pick
from mendel.restorers.restorer import Restoration, Span, spans


def decide(text: str, candidates: Sequence[TextCandidate], weights: Weights) -> Restoration:
    """The best candidate where it beats the input by the threshold, else the input; the confidence is its posterior."""
    scores = np.array([weights.score(candidate) for candidate in candidates])
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


def weighed(text: str, better: str, candidates: Sequence[TextCandidate], posterior: Array) -> tuple[Span, ...]:
    """The changes from a text to a better one, each with the posterior of all candidates that make it too."""
    if not (changes := spans(text, better)):
        return changes
    others = [set(spans(text, candidate.text)) for candidate in candidates]
    return tuple(
        span.model_copy(
            update={"confidence": float(sum(p for p, other in zip(posterior, others, strict=True) if span in other))}
        )
        for span in changes
    )
