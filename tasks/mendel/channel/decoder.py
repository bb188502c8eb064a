"""The decoder: from a noisy text to candidates for the clean one, each with the channel's and the language model's score."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np

from mendel.channel.costs import Channel, Costs
from mendel.channel.lattice import best_texts, last_normal
from mendel.channel.search import Limits, search
from mendel.models.ngram import CharNgram, Ints, begin, read, read_each
from mendel.models.vocabulary import END, FIRST_CHARACTER, code_points, to_text
from mendel.recipes.decoder import DecoderConfig

WINDOW = 512
"""Characters of a text that are decoded at a time: memory depends on this, not on the length of the text."""
OVERLAP = 64
"""Characters behind a window that help to decide it."""


class TextCandidate(NamedTuple):
    """A text that may be the clean one. Scores in nats, not yet weighted."""

    text: str
    channel: float
    """log P(input | text), by the likeliest events found."""
    lm: float
    """log P(text) of the n-gram model."""
    llm: float = 0.0
    """log P(text) of the second pass's language model, where it has read the text."""


class Decoder:
    """Undoes the channel's noise with the n-gram's knowledge of clean text. Safe to use from several threads.

    Characters that the n-gram model has never seen are noise like others, or stay; they are never invented, and not part of a
    segment that was doubled or reversed. A text much longer than WINDOW is decoded window by window, each from where the best
    reading of the one before it ends.
    """

    def __init__(self, channel: Channel, ngram: CharNgram, config: DecoderConfig | None = None) -> None:
        self.channel = channel
        self.ngram = ngram
        self.config = config or DecoderConfig()
        self.costs = Costs.of(channel, ngram.vocabulary)
        c = self.config
        self._limits = Limits(c.beam, c.threshold, c.lm_weight, c.max_jump, c.max_deletion, c.surprise)

    def decode(self, texts: Sequence[str], *, threads: int = 1) -> list[list[TextCandidate]]:
        """For each text its candidates, distinct, best first by channel + lm_weight * lm, the input always among them.

        No text is all noise: the empty one is no candidate.
        """
        if threads <= 1 or len(texts) <= 1:
            return [self._decode(text) for text in texts]
        with ThreadPoolExecutor(threads) as pool:
            return list(pool.map(self._decode, texts))

    def warm_up(self) -> float:
        """Compile, or load what an earlier process compiled; gives the seconds that took."""
        started = time.perf_counter()
        self._decode("a" * (WINDOW + OVERLAP + 1))
        return time.perf_counter() - started

    def _decode(self, text: str) -> list[TextCandidate]:
        points = np.append(code_points(text), np.int32(0))
        x = self.ngram.vocabulary.ids(points)
        x[-1] = END
        candidates = [TextCandidate("", 0.0, 0.0)]
        for window in self._windows(x, points) if text else ():
            candidates = self._best(
                TextCandidate(before.text + part.text, before.channel + part.channel, before.lm + part.lm)
                for before in candidates
                for part in window
            )
        # Read last: the search has brought what it needs of the model into the cache.
        same = TextCandidate(text, len(text) * self.channel.copy_, read(self.ngram.trie, begin(self.ngram.trie), x))
        candidates = self._best([same, *(candidate for candidate in candidates if candidate.text not in ("", text))])
        return candidates if same in candidates else [*candidates[:-1], same]

    def _best(self, candidates: Iterable[TextCandidate]) -> list[TextCandidate]:
        """As many as wanted, best first; of equal texts the best."""
        weight = self.config.lm_weight
        ranked = sorted(candidates, key=lambda c: -(c.channel + weight * c.lm))
        distinct = {candidate.text: candidate for candidate in reversed(ranked)}
        return [candidate for candidate in ranked if distinct[candidate.text] is candidate][
            : self.config.max_candidates
        ]

    def _windows(self, x: Ints, points: Ints) -> Iterable[list[TextCandidate]]:
        """The candidates for each stretch of a text; their scores are given the best reading of what is before it."""
        trie = self.ngram.trie
        first, context = 0, begin(trie)
        while first < len(x):
            last = first + WINDOW + OVERLAP if len(x) - first > WINDOW + OVERLAP else len(x)
            lattice, end = search(trie, self.costs, self._limits, x, first, last, context)
            if last < len(x):
                end = last_normal(lattice, end, last - OVERLAP)
            stop, following = int(lattice.nodes[end]["position"]), int(lattice.nodes[end]["state"])
            scores, ends, codes = best_texts(lattice, end, x, self.config.max_candidates, self.config.margin)
            symbols, spelt = self._spell(codes, x, points)
            lms = read_each(trie, context, symbols, ends)
            nothing = 1 if stop == len(x) else 0  # the END behind each text is spelt too
            window = []
            begun = 0
            for score, lm, ended in zip(scores.tolist(), lms.tolist(), ends.tolist(), strict=True):
                window.append(TextCandidate(spelt[begun : ended - nothing], score - self.config.lm_weight * lm, lm))
                begun = ended
            yield window
            first, context = stop, following

    def _spell(self, codes: Ints, x: Ints, points: Ints) -> tuple[Ints, str]:
        """The symbols of what the lattice says, and their characters."""
        copied = codes < 0
        source = -codes[copied] - 1
        symbols, spelt = codes.copy(), np.empty_like(codes)
        symbols[copied] = x[source]
        spelt[copied] = points[source]
        spelt[~copied] = self.ngram.vocabulary.code_points[codes[~copied] - FIRST_CHARACTER]
        return symbols, to_text(spelt)
