"""The decoder: from a noisy text to candidates for the clean one, each with the channel's and the language model's score."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from pydantic import Field

from mendel.frozen import Frozen
from mendel.restoration.channel import Channel
from mendel.restoration.ngram import CharNgram, Doubles, Ints
from mendel.restoration.search import LONGEST_JUMP, Costs, Limits, best_texts, search
from mendel.restoration.vocabulary import FIRST_CHARACTER, UNKNOWN, Vocabulary, code_points, to_text


class DecoderConfig(Frozen):
    """How hard to search. Beam and threshold trade speed for accuracy; the other defaults rarely need a change."""

    beam: int = Field(60, ge=1, le=4096, description="hypotheses kept at each input position")
    threshold: float = Field(13.0, gt=0, description="nats behind the best one at which a hypothesis is given up")
    lm_weight: float = Field(0.95, gt=0, description="weight of the n-gram's log-probability against the channel's")
    max_jump: int = Field(
        12, ge=1, le=LONGEST_JUMP, description="longest duplication or reversal undone, in characters"
    )
    max_deletion: int = Field(8, ge=0, description="longest deletion undone, in characters")
    surprise: float = Field(
        6.0, ge=0, description="nats that the next three characters must cost for an event to start"
    )
    max_candidates: int = Field(8, ge=1, description="candidates per text, the input among them")
    margin: float = Field(15.0, gt=0, description="nats behind the best one at which a candidate is left out")


class Candidate(NamedTuple):
    """A text that may be the clean one. Scores in nats, not yet weighted."""

    text: str
    channel: float
    """log P(input | text), of the likeliest way found."""
    lm: float
    """log P(text) of the n-gram model."""


class Decoder:
    """Undoes the channel's noise with the n-gram's knowledge of clean text. Safe to use from several threads."""

    def __init__(self, channel: Channel, ngram: CharNgram, config: DecoderConfig | None = None) -> None:
        self.channel = channel
        self.ngram = ngram
        self.config = config or DecoderConfig()
        self._costs = costs(channel, ngram.vocabulary)
        c = self.config
        self._limits = Limits(c.beam, c.threshold, c.lm_weight, c.max_jump, c.max_deletion, c.surprise)

    def decode(self, texts: Sequence[str], *, threads: int = 1) -> list[list[Candidate]]:
        """For each text its candidates, best first by channel + lm_weight * lm, the input always among them."""
        if threads <= 1 or len(texts) <= 1:
            return [self._decode(text) for text in texts]
        with ThreadPoolExecutor(threads) as pool:
            return list(pool.map(self._decode, texts))

    def warm_up(self) -> float:
        """Compile, or load what an earlier process compiled; gives the seconds that took."""
        begin = time.perf_counter()
        self._decode("a")
        return time.perf_counter() - begin

    def _decode(self, text: str) -> list[Candidate]:
        codes = code_points(text)
        x = self.ngram.vocabulary.ids(codes)
        same = Candidate(text, len(text) * self.channel.copy_, self.ngram.log_probability(text))
        if not text:
            return [same]
        lattice, final = search(self.ngram.trie, self._costs, self._limits, x)
        scores, ends, said = best_texts(lattice, final, x, self.config.max_candidates, self.config.margin)
        found = [same]
        weight = self.config.lm_weight
        for score, one in zip(scores, np.split(said, ends[:-1]), strict=True):
            other = to_text(self._spell(one, codes))
            if other != text:
                lm = self.ngram.log_probability(other)
                found.append(Candidate(other, float(score) - weight * lm, lm))
        found.sort(key=lambda candidate: -(candidate.channel + weight * candidate.lm))
        kept = found[: self.config.max_candidates]
        return kept if same in kept else [*kept[: self.config.max_candidates - 1], same]

    def _spell(self, said: Ints, codes: Ints) -> Ints:
        """Code points of a text as the search says it."""
        text = np.empty_like(said)
        text[said < 0] = codes[-said[said < 0] - 1]
        text[said >= 0] = self.ngram.vocabulary.code_points[said[said >= 0] - FIRST_CHARACTER]
        return text


def posteriors(candidates: Sequence[Candidate], lm_weight: float) -> Doubles:
    """The probability of each candidate among its list: softmax of channel + lm_weight * lm."""
    scores = np.array([candidate.channel + lm_weight * candidate.lm for candidate in candidates])
    odds = np.exp(scores - scores.max())
    return np.asarray(odds / odds.sum())


def costs(channel: Channel, vocabulary: Vocabulary) -> Costs:
    """The channel as arrays over the symbols of a vocabulary."""
    size = len(vocabulary)
    characters = [chr(code) for code in vocabulary.code_points]
    noise = np.full(size, -math.inf)  # an unknown character is no noise: it stays
    noise[FIRST_CHARACTER:] = [channel.noise.get(character, channel.other) for character in characters]
    symbols = {character: symbol for symbol, character in enumerate(characters, start=FIRST_CHARACTER)}
    rows = [clean for clean in channel.confusions if clean in symbols]
    confused = np.full(size, -1, np.int32)
    confusion = np.full((len(rows), size), channel.other)
    confusion[:, UNKNOWN] = -math.inf
    for row, clean in enumerate(rows):
        confused[symbols[clean]] = row
        for noisy, logp in channel.confusions[clean].items():
            if noisy in symbols:
                confusion[row, symbols[noisy]] = logp
    return Costs(
        channel.copy_,
        np.array(channel.start),
        channel.extend,
        channel.end,
        noise,
        np.maximum(noise, confusion.max(axis=0, initial=-math.inf)),
        confused,
        confusion,
    )
