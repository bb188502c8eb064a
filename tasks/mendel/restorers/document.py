"""What the other texts of a document say of one: how noisy the document is, and which words it has elsewhere.

A clean document has noise nowhere, a noisy one nearly everywhere. So each text is evidence about the document's share of
noisy texts, and that share is the prior of every other text. This is the shift of a classifier's prior [Saerens, Latinne,
Decaestecker 2002], with a distribution over the shares and without the text that is judged.

A quiet document does not clear a text that is suspicious by itself, since a few slips in many pages are noise too.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import ItemsView, Sequence
from typing import TYPE_CHECKING

import numpy as np

from mendel.core.frozen import Frozen
from mendel.models.ngram import Doubles

if TYPE_CHECKING:
    from mendel.restorers.restorer import Span

SHARES = np.linspace(0.0025, 0.9975, 80)
"""Of a document's texts that may be noisy."""
PRIOR = -0.5 * (np.log(SHARES) + np.log1p(-SHARES))
"""[share]: Beta(1/2, 1/2), up to a constant: most documents are of either sort. Its mean is one half, which shifts nothing."""
MOST_RATIO = 3.0
"""Nats that one text says of its document at most: the models err alike on texts of a kind."""
WORD_ODDS = 1.0
"""Nats for a change that makes a word which the document has elsewhere, and against one that takes such a word away."""
WORD = re.compile(r"\w+")


class DocumentContext:
    """What is known of a document while it is restored, batch by batch. For one thread at a time."""

    def __init__(self, texts: Sequence[str]) -> None:
        """`texts`: the whole document, since its words are counted; they may be cut otherwise than when they are restored."""
        self.words = Counter(word for text in texts for word in WORD.findall(text))
        self.size = 0
        """Texts that have been evidence so far."""
        self.log_likelihood = np.zeros(len(SHARES))
        """[share]: of those."""

    def word_odds(self, text: str, changes: Sequence[Span]) -> list[float]:
        """Nats for each change of one of its texts, by the words that it makes and takes away."""
        own = Counter(WORD.findall(text))
        odds = []
        for change in changes:
            first, last = change.start, change.end
            while first > 0 and text[first - 1].isalnum():
                first -= 1
            while last < len(text) and text[last].isalnum():
                last += 1
            after = text[first : change.start] + change.replacement + text[change.end : last]
            odds.append(WORD_ODDS * (self._has_elsewhere(after, own) - self._has_elsewhere(text[first:last], own)))
        return odds

    def _has_elsewhere(self, passage: str, own: Counter[str]) -> bool:
        """Whether every word of a passage stands outside of a text with these words too; False where there is no word."""
        words = WORD.findall(passage)
        return bool(words) and all(self.words[word] > own[word] for word in words)


class DocumentEvidence(Frozen):
    """How the log-odds of texts, nats, are evidence about their document: fitted with the judge that gives them."""

    prior_odds: float
    """Of a text before it is looked at, as the judge was fitted."""
    silence: float
    """Log-likelihood ratio of a text for which nothing is proposed."""

    def shifted(self, odds: Doubles, documents: Sequence[DocumentContext | None], fewest: int) -> Doubles:
        """[text]: the log-odds with what the other texts of the same document say, those before and those here.

        -inf where the document has fewer than so many texts, or there is none.
        """
        results = np.full(len(odds), -np.inf)
        for document, numbers in _together(documents):
            if document.size + len(numbers) < fewest:
                continue
            terms = self._log_likelihoods(odds[numbers])
            others = PRIOR + document.log_likelihood + terms.sum(axis=0) - terms
            posterior = np.exp(others - others.max(axis=1, keepdims=True))
            share = posterior @ SHARES / posterior.sum(axis=1)
            results[numbers] = odds[numbers] + np.log(share / (1 - share))
        return results

    def add(self, odds: Doubles, documents: Sequence[DocumentContext | None]) -> None:
        """Take down what texts say, for those that come later."""
        for document, numbers in _together(documents):
            document.log_likelihood += self._log_likelihoods(odds[numbers]).sum(axis=0)
            document.size += len(numbers)

    def _log_likelihoods(self, odds: Doubles) -> Doubles:
        """[text, share]"""
        ratios = np.where(np.isfinite(odds), np.clip(odds - self.prior_odds, -MOST_RATIO, MOST_RATIO), self.silence)
        return np.asarray(np.logaddexp(np.log(SHARES) + ratios[:, None], np.log1p(-SHARES)))

    @classmethod
    def fit(cls, odds: Sequence[Doubles], noisy: Sequence[bool], weights: Sequence[float]) -> DocumentEvidence:
        """From log-odds of texts of several sorts, whether the sort is noisy text, and how much one of its texts counts."""
        counts = np.ones((2, 2))  # [noisy, with proposals]: one of each, that no ratio is infinite
        for values, is_noisy, weight in zip(odds, noisy, weights, strict=True):
            counts[int(is_noisy)] += weight * np.bincount(np.isfinite(values), minlength=2)
        log_ratios = np.log(counts[1] / counts[0])
        prior = float(np.log(counts[1].sum() / counts[0].sum()))
        return cls(prior_odds=prior, silence=float(log_ratios[0]) - prior)


def of_text(text: str, pieces: int) -> DocumentContext | None:
    """A text that is long enough to be cut into several pieces is a document; a shorter one says nothing of itself."""
    return DocumentContext([text]) if pieces > 1 else None


def _together(documents: Sequence[DocumentContext | None]) -> ItemsView[DocumentContext, list[int]]:
    """Each document with the numbers of its texts."""
    numbers: dict[DocumentContext, list[int]] = {}
    for number, document in enumerate(documents):
        if document is not None:
            numbers.setdefault(document, []).append(number)
    return numbers.items()
