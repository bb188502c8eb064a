"""The noise profile: what errors happen, how often, how long. The kernel draws from it, the channel inverts it."""

from __future__ import annotations

import math
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from mendel.core.frozen import Frozen

Operation = Literal["deletion", "substitution", "insertion", "duplication", "reversal"]
OPERATIONS: tuple[Operation, ...] = ("deletion", "substitution", "insertion", "duplication", "reversal")
"""In code order: an operation's index is its code in encoded edits."""

HIGHEST_TOTAL = 0.5
"""Events per character: below this some of the text is always copied."""


class Rates(Frozen):
    """Events per clean character, for each operation."""

    deletion: float = Field(0.0, ge=0)
    substitution: float = Field(0.0, ge=0)
    insertion: float = Field(0.0, ge=0)
    duplication: float = Field(0.0, ge=0)
    reversal: float = Field(0.0, ge=0)

    @property
    def total(self) -> float:
        return self.deletion + self.substitution + self.insertion + self.duplication + self.reversal

    def scaled(self, factor: float) -> Rates:
        return Rates(**{operation: getattr(self, operation) * factor for operation in OPERATIONS})

    @model_validator(mode="after")
    def _leave_room_for_copies(self) -> Self:
        if self.total >= HIGHEST_TOTAL:
            raise ValueError(f"the rates sum to {self.total:.3g} events per character; keep that below {HIGHEST_TOTAL}")
        return self


Intensity = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Weight = Annotated[float, Field(gt=0, allow_inf_nan=False)]
CHARACTER_SET = "set:"


def _known_characters(characters: str | dict[str, Weight]) -> str | dict[str, Weight]:
    if isinstance(characters, dict):
        if len(characters) < 2 or any(len(character) != 1 for character in characters):
            raise ValueError("weights of characters: list at least two, each a single character")
        return characters
    if characters in ("uniform", "frequency"):
        return characters
    if not characters.startswith(CHARACTER_SET):
        raise ValueError(f"write 'uniform', 'frequency', or '{CHARACTER_SET}' with the characters")
    if len(set(characters.removeprefix(CHARACTER_SET))) < 2:
        raise ValueError(f"list at least two different characters after '{CHARACTER_SET}'")
    return characters


class NoiseProfile(Frozen):
    """How text is damaged, before the corpus is known.

    A text is read from left to right. At each clean character an event starts with probability `rates.total`; the
    operation is drawn by the rates, the segment's length from a geometric distribution of mean `mean_length`.
    The event takes the clean segment that starts there, cut at the end of the text; reading goes on behind it.
    An insertion takes no clean character: its text goes before the character, which is then copied.
    """

    name: str
    rates: Rates
    mean_length: float = Field(3.0, ge=1, description="mean of the geometric segment length, in characters")
    max_length: int = Field(32, ge=1, le=1000, description="longest segment, in characters; longer draws are cut")
    characters: Annotated[str | dict[str, Weight], AfterValidator(_known_characters)] = Field(
        "uniform",
        description="where noise characters come from: uniform over the corpus's alphabet, by frequency in the corpus, "
        "'set:…' followed by the characters themselves, or {character: weight}",
    )
    confusions: dict[str, dict[str, Weight]] = Field(
        default_factory=dict,
        description="for substitution of single characters: clean character → {noisy character: weight}; "
        "a character that is not listed is replaced by a noise character. One listed for itself is spared so often",
    )
    confusion_prior: float = Field(
        0.0,
        ge=0,
        allow_inf_nan=False,
        description="weight of a noise character in each row of confusions, in the unit of their weights: "
        "a confusion that is not listed can happen too",
    )
    intensities: tuple[Intensity, ...] = Field(
        (1.0,),
        min_length=1,
        description="each pair multiplies the rates by one of these, equally likely; 0 leaves it clean",
    )
    target_cer: float | None = Field(None, gt=0, lt=0.5, description="calibrate the rates to this measured CER")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.mean_length > self.max_length:
            raise ValueError(f"mean_length {self.mean_length} is above max_length {self.max_length}")
        if not any(self.intensities) or not self.rates.total:
            raise ValueError("all rates or all intensities are 0, so nothing would be corrupted")
        self.rates.scaled(max(self.intensities))  # the sum of the rates is bounded at the highest intensity too
        for clean, noisy in self.confusions.items():
            if len(clean) != 1 or not noisy or any(len(character) != 1 for character in noisy):
                raise ValueError(f"confusions: {clean!r} → {list(noisy)}: both sides must be single characters")
        return self


class ResolvedProfile(Frozen):
    """A profile that met its corpus: explicit alphabet, calibrated rates. Stored with the pairs as `noise.json`."""

    profile: NoiseProfile
    rates: Rates
    alphabet: str = Field(min_length=2, description="noise characters, sorted by code point")
    weights: tuple[Weight, ...] = Field(description="probability of each character of the alphabet; sums to 1")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if len(self.weights) != len(self.alphabet):
            raise ValueError(f"{len(self.weights)} weights for an alphabet of {len(self.alphabet)} characters")
        self.rates.scaled(max(self.profile.intensities))
        return self

    def substitutes(self) -> dict[str, dict[str, float]]:
        """Clean character that has confusions → {what stands for it in a substitution: probability}, itself included."""
        noise = dict(zip(self.alphabet, self.weights, strict=True)) if self.profile.confusion_prior else {}
        table = {}
        for clean, listed in self.profile.confusions.items():
            row = {character: self.profile.confusion_prior * weight for character, weight in noise.items()}
            for character, weight in listed.items():
                row[character] = row.get(character, 0.0) + weight
            total = math.fsum(row.values())
            table[clean] = {character: weight / total for character, weight in row.items()}
        return table
