"""The noise channel: log P(noisy | clean), move by move. It is the noise profile, read backwards by the decoder."""

from __future__ import annotations

import math

from pydantic import Field

from mendel.corruption.profile import OPERATIONS, ResolvedProfile
from mendel.frozen import Frozen

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
                clean: {noisy: _log(weight / sum(row.values())) for noisy, weight in row.items()}
                for clean, row in profile.confusions.items()
            },
        )


def _log(probability: float) -> float:
    return math.log(probability) if probability > 0 else -math.inf
