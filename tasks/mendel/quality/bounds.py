"""What the suites allow: the settings of the stages `validate corpus` and `validate pairs`."""

from __future__ import annotations

from typing import Annotated, TypeVar

from pydantic import AfterValidator, Field

from mendel.core.frozen import Frozen

Number = TypeVar("Number", int, float)


def _in_order(interval: tuple[Number, Number]) -> tuple[Number, Number]:
    if interval[0] > interval[1]:
        raise ValueError(f"the lower end {interval[0]} is above the upper end {interval[1]}")
    return interval


Share = Annotated[float, Field(ge=0, le=1)]
Shares = Annotated[tuple[Share, Share], AfterValidator(_in_order)]
Counts = Annotated[tuple[Annotated[int, Field(ge=0)], Annotated[int, Field(ge=0)]], AfterValidator(_in_order)]
Years = Annotated[tuple[int, int], AfterValidator(_in_order)]
"""Lowest and highest, both allowed."""

SPLITS: dict[str, Shares] = {"train": (0.5, 0.99), "validation": (0.001, 0.3), "test": (0.001, 0.5)}
PRINTABLE = r"\p{L}\p{M}\p{N}\p{P}\p{S}\p{Zs}\x{200C}\x{200D}"
"""With the joiners, which are invisible and part of how Persian, Indic scripts and emoji are spelt."""


class TextBounds(Frozen):
    """Of the clean texts of any dataset."""

    splits: dict[str, Shares] = Field(
        SPLITS, min_length=1, description="the splits there must be, and each one's share of the rows"
    )
    length: Counts = Field((1, 2000), description="characters of a clean text")
    characters: str = Field(
        PRINTABLE,
        description="what clean texts may be written with, as an RE2 character class without brackets: by default all "
        r"letters, marks, numbers, punctuation, symbols and spaces; \x20-\x7E is ASCII, \p{Latin} one script",
    )
    other_characters: Share = Field(0.0, description="share of texts that may hold any other character")


class CorpusBounds(TextBounds):
    """Of a corpus."""

    outside_alphabet: Share = Field(
        0.05, description="share of texts that may hold a character which no training text holds"
    )
    years: dict[str, Years] = Field(
        default_factory=dict, description="first and last year of each split, where a document's year is known"
    )


class PairsBounds(TextBounds):
    """Of pairs."""

    noisy_length: Counts = Field((0, 4000), description="characters of a noisy text; all of a text may be deleted")
    cer_tolerance: float = Field(
        0.1,
        gt=0,
        lt=1,
        description="relative distance of the measured CER from the profile's target, beyond what chance explains",
    )
    sample: int = Field(
        20_000, ge=1, description="pairs whose edits are replayed and undone, and that are drawn afresh"
    )
