"""What speaks for and against the best reading of a text: whether the text is noisy text of the domain, and each change right.

Both passes were fitted to a corpus and think little of any text unlike it: a line of a program has a dozen "errors", each of
them sure. So what decides is not only by how much the best reading beats the input, but how well the models know what
stands around the changes. Text that they still find unlikely once it is restored is foreign to them.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from mendel.channel.decoder import TextCandidate
from mendel.models.ngram import CharNgram, Doubles
from mendel.models.vocabulary import UNKNOWN
from mendel.recipes.protection import ProtectedKind
from mendel.restorers import protection
from mendel.restorers.calibration import Weights
from mendel.restorers.changes import places, regions
from mendel.restorers.restorer import Span, applied, spans

AFTER = 6
"""Characters behind a change that tell of the change rather than of the text."""
WINDOW = 12
"""Characters of the stretch that the n-gram knows least."""
FEWEST = 8
"""Characters that are enough to judge a text by."""
MOST_ODDS = 40.0
"""Nats: larger odds say no more."""
TEXT_FEATURES = (
    "odds", "odds_to_5", "odds_to_10", "odds_to_20", "odds_per_character",
    "surprise", "surprise_over_1", "surprise_over_1.4", "surprise_over_1.8", "worst_tenth", "worst_stretch",
    "worst_stretch_over_2.5", "odds_by_surprise", "odds_by_worst_stretch", "llm_surprise", "llm_odds", "log_characters",
    "symbols", "digits", "capitals", "unknown", "changes_per_character", "indented", "spaced", "begins", "ends",
)  # fmt: skip
CHANGE_FEATURES = (
    "log_odds", "confident", "odds", "others_odds", "surprise", "removed", "added", "word", "removes_digit", "removes_symbol",
    "adds_symbol", "removes_space", "adds_space", "space_alone", "case_alone", "capital", "at_begin", "at_end",
)  # fmt: skip


@dataclass(frozen=True)
class BestReading:
    """The best reading of one text, with what is needed to decide about it."""

    text: str
    changes: tuple[Span, ...]
    """Those that are allowed, each with its posterior among the candidates as confidence."""
    of_text: Doubles
    """[TEXT_FEATURES]"""
    of_changes: Doubles
    """[change, CHANGE_FEATURES]"""

    @classmethod
    def of(
        cls,
        text: str,
        candidates: Sequence[TextCandidate],
        weights: Weights,
        ngram: CharNgram,
        protect: Collection[ProtectedKind],
    ) -> BestReading | None:
        """None where the best reading is the text itself, or changes only what is protected."""
        scores = np.array([weights.score(candidate) for candidate in candidates])
        best = candidates[int(scores.argmax())]
        if best.text == text:
            return None
        stretches = protection.protected(text, protect)
        letters = "foreign_letter" in protect
        allowed = [
            change
            for change in regions(text, best.text)
            if not protection.is_refused(change, text, stretches, protect)
            and not (letters and _loses_letter(text, change, ngram))
        ]
        if not allowed or not applied(text, allowed):
            return None
        odds = np.exp(scores - scores.max())
        posterior = odds / odds.sum()
        candidate_changes = [set(spans(text, candidate.text)) for candidate in candidates]
        changes = tuple(
            change.model_copy(update={"confidence": _share(text, change, candidate_changes, posterior)})
            for change in allowed
        )
        same = next(i for i, candidate in enumerate(candidates) if candidate.text == text)
        gain = float(min(scores.max() - scores[same], MOST_ODDS))
        of_text = _of_text(text, best, candidates[same], changes, gain, ngram)
        return cls(text, changes, of_text, _of_changes(text, changes, gain, of_text))


def _loses_letter(text: str, change: Span, ngram: CharNgram) -> bool:
    """Whether a change removes a letter that the model never met: that of a name, rather than noise."""
    removed = text[change.start : change.end]
    unknown = ngram.vocabulary.encode(removed) == UNKNOWN
    return any(c.isalpha() for c, is_unknown in zip(removed, unknown, strict=True) if is_unknown)


def _share(text: str, change: Span, candidate_changes: Sequence[set[Span]], posterior: Doubles) -> float:
    """The posterior of all candidates that make a change, whatever else they change."""
    parts = set(spans(text, applied(text, [change])))
    return float(sum(p for p, others in zip(posterior, candidate_changes, strict=True) if parts <= others))


def _of_text(
    text: str, best: TextCandidate, same: TextCandidate, changes: Sequence[Span], gain: float, ngram: CharNgram
) -> Doubles:
    restored = applied(text, changes)
    costs = -ngram.log_probabilities(restored)
    outside = np.ones(len(costs), bool)
    for start, end in places(changes):
        outside[max(0, start - 1) : end + AFTER] = False
    around = costs[outside] if outside.sum() >= FEWEST else costs
    surprise = float(around.mean())
    worst = float(np.sort(around)[-max(1, len(around) // 10) :].mean())
    stretch = float(np.convolve(around, np.ones(WINDOW) / WINDOW, "valid").max()) if len(around) >= WINDOW else surprise
    size = len(text)
    return np.array([
        gain, min(gain, 5), min(gain, 10), min(gain, 20), 20 * gain / size,
        surprise, max(surprise - 1, 0), max(surprise - 1.4, 0), max(surprise - 1.8, 0), worst, stretch,
        max(stretch - 2.5, 0), gain * surprise / 10, gain * stretch / 30,
        -best.llm / (len(best.text) + 1), np.clip(best.llm - same.llm, -MOST_ODDS, MOST_ODDS), math.log(size),
        10 * sum(not c.isalnum() and not c.isspace() for c in text) / size, 10 * sum(map(str.isdigit, text)) / size,
        10 * sum(map(str.isupper, text)) / size, 10 * float((ngram.vocabulary.encode(restored) == UNKNOWN).sum()) / size,
        50 * len(changes) / size, text[0].isspace(), "  " in text, restored[:1].isupper(), restored[-1:] in '.!?"',
    ], np.float64)  # fmt: skip


def _of_changes(text: str, changes: Sequence[Span], gain: float, of_text: Doubles) -> Doubles:
    surprise = of_text[TEXT_FEATURES.index("surprise")]
    rows = []
    for change in changes:
        removed, added = text[change.start : change.end], change.replacement
        p = min(max(change.confidence, 1e-6), 1 - 1e-6)
        log_odds = math.log(p / (1 - p))
        rows.append([
            log_odds, max(log_odds - 3, 0), gain, gain * (len(changes) > 1), surprise,
            math.log1p(len(removed)), math.log1p(len(added)), math.log1p(_word(text, change)),
            any(map(str.isdigit, removed)), any(map(_is_symbol, removed)), any(map(_is_symbol, added)),
            any(map(str.isspace, removed)), any(map(str.isspace, added)), not (removed + added).strip(),
            removed.lower() == added.lower(), any(map(str.isupper, removed + added)),
            change.start == 0, change.end == len(text),
        ])  # fmt: skip
    return np.array(rows, np.float64)


def _is_symbol(character: str) -> bool:
    return not character.isalnum() and not character.isspace()


def _word(text: str, change: Span) -> int:
    """Length of the word, or words, that a change stands in."""
    start, end = change.start, change.end
    while start > 0 and not text[start - 1].isspace():
        start -= 1
    while end < len(text) and not text[end].isspace():
        end += 1
    return end - start
