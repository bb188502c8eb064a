"""What a system does to clean text unlike the corpus, kind by kind: it had better leave all of it as it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mendel.core.frozen import Frozen
from mendel.corpus.foreign import ForeignText
from mendel.evaluation.binomial import Count, exact
from mendel.evaluation.interval import Interval
from mendel.evaluation.protected import PROTECTED, harmed


class ForeignSlice(Frozen):
    """A kind's texts, or all of them."""

    texts: int
    altered: int
    share: Interval
    """Of the texts altered; exact. Texts of a kind resemble each other, so it is narrower than it should be."""
    harmed: int
    """Texts with a change in something that must never change."""
    harmed_by: dict[str, int]
    """By what was changed, the keys of PROTECTED: a text with two of them counts in both."""


def by_kind(texts: Sequence[ForeignText], restored: Sequence[str]) -> dict[str, ForeignSlice]:
    """By kind, in the order in which the kinds come."""
    pairs: dict[str, list[tuple[str, str]]] = {}
    for (kind, before), after in zip(texts, restored, strict=True):
        pairs.setdefault(kind, []).append((before, after))
    return {kind: _slice(of_kind) for kind, of_kind in pairs.items()}


def altered(slices: Mapping[str, ForeignSlice]) -> Count:
    """Of all kinds together; each weighs as much as it has texts."""
    return Count(
        count=sum(part.altered for part in slices.values()), trials=sum(part.texts for part in slices.values())
    )


def _slice(pairs: Sequence[tuple[str, str]]) -> ForeignSlice:
    changed = [(before, after) for before, after in pairs if before != after]
    harms = [harmed(before, after) for before, after in changed]
    return ForeignSlice(
        texts=len(pairs),
        altered=len(changed),
        share=exact(Count(count=len(changed), trials=len(pairs))),
        harmed=sum(bool(harm) for harm in harms),
        harmed_by={name: sum(name in harm for harm in harms) for name in PROTECTED},
    )
