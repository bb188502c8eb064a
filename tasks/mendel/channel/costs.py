"""The noise channel: log P(noisy | clean), move by move. It is the noise profile, read backwards by the decoder."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from pydantic import Field

from mendel.core.frozen import Frozen
from mendel.models.vocabulary import FIRST_CHARACTER, UNKNOWN, Vocabulary
from mendel.noise.profile import OPERATIONS, ResolvedProfile

DELETION, SUBSTITUTION, INSERTION, DUPLICATION, REVERSAL = range(len(OPERATIONS))

STRANGE = 0.01
"""Probability that a noise character is none of the language model's vocabulary, whichever it is."""
FLOOR = 1e-6
"""Probability of a noise character that the profile never draws: real text is not bound by the profile."""


class Channel(Frozen):
    """Log-probabilities (nats) of what can happen between two clean characters, and of the noise characters.

    A text is read from left to right. Each clean character is copied (`copy`), or an event starts there (`start`, one for
    each of OPERATIONS), goes on for one character more (`extend`), and ends (`end`).
    """

    copy_: float = Field(le=0, alias="copy")
    start: tuple[float, float, float, float, float]
    extend: float = Field(le=0)
    end: float = Field(le=0)
    noise: dict[str, float] = Field(description="log-probability of each noise character")
    other: float = Field(math.log(FLOOR), description="log-probability of a noise character not listed")
    confusions: dict[str, dict[str, float]] = Field(
        default_factory=dict, description="clean character → {noisy character: log-probability}, for substitution"
    )

    @classmethod
    def from_profile(cls, resolved: ResolvedProfile, *, rate_factor: float = 1.0) -> Channel:
        """The channel of a resolved noise profile; `rate_factor` multiplies its rates, for text noisier or cleaner than it."""
        profile = resolved.profile
        rates = resolved.rates.scaled(rate_factor * sum(profile.intensities) / len(profile.intensities))
        return cls(
            copy=math.log1p(-rates.total),
            start=tuple(_log(getattr(rates, operation)) for operation in OPERATIONS),
            extend=_log(1 - 1 / profile.mean_length),
            end=math.log(1 / profile.mean_length),
            noise={
                character: math.log(max(weight, FLOOR))
                for character, weight in zip(resolved.alphabet, resolved.weights, strict=True)
            },
            confusions={
                clean: {noisy: _log(probability) for noisy, probability in row.items() if noisy != clean}
                for clean, row in resolved.substitutes().items()
            },
        )


class Costs(NamedTuple):
    """The channel over the symbols of a vocabulary, in nats, as compiled code takes it."""

    copy: float
    start: npt.NDArray[np.float64]
    """[operation]"""
    extend: float
    end: float
    noise: npt.NDArray[np.float64]
    """[symbol]: of the symbol as a noise character"""
    likely: npt.NDArray[np.float64]
    """[symbol]: the same, or of the likeliest confusion with it where that is more"""
    confused: npt.NDArray[np.int32]
    """[symbol]: row of a clean symbol in `confusion`, or -1"""
    confusion: npt.NDArray[np.float64]
    """[row, symbol]: of the noisy symbol, where that clean one was substituted"""

    @classmethod
    def of(cls, channel: Channel, vocabulary: Vocabulary) -> Costs:
        size = len(vocabulary)
        symbols = {chr(code): symbol for symbol, code in enumerate(vocabulary.code_points, start=FIRST_CHARACTER)}
        noise = np.full(size, -math.inf)
        noise[UNKNOWN] = math.log(STRANGE)
        noise[FIRST_CHARACTER:] = [channel.noise.get(character, channel.other) for character in symbols]
        clean = [character for character in channel.confusions if character in symbols]
        confused = np.full(size, -1, np.int32)
        confusion = np.full((len(clean), size), channel.other)
        confusion[:, :FIRST_CHARACTER] = -math.inf
        confusion[:, UNKNOWN] = noise[UNKNOWN]
        for row, character in enumerate(clean):
            confused[symbols[character]] = row
            for noisy, logp in channel.confusions[character].items():
                if noisy in symbols:
                    confusion[row, symbols[noisy]] = logp
        likely = np.maximum(noise, confusion.max(axis=0, initial=-math.inf))
        start = np.array(channel.start)
        return cls(channel.copy_, start, channel.extend, channel.end, noise, likely, confused, confusion)


def _log(probability: float) -> float:
    return math.log(probability) if probability > 0 else -math.inf
