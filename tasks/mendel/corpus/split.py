"""Splits that no text crosses: whatever equals or nearly equals something held out does not stay in train."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace

from mendel.core.errors import InputError
from mendel.core.log import track
from mendel.corpus.dedupe import Index
from mendel.corpus.sources.base import Split

ORDER: tuple[Split, ...] = ("test", "validation", "train")
"""A sentence that occurs in several splits stays in the first of these."""


@dataclass(frozen=True, slots=True)
class Sentence:
    doc: str
    position: int
    """The sentence's place in its document, counted over all of the document's sentences."""
    year: int | None
    split: Split
    text: str

    @property
    def id(self) -> str:
        """A hash of the text, which occurs once in a corpus: the same from week to week, whatever moves around it."""
        return hashlib.sha256(self.text.encode()).hexdigest()[:20]


@dataclass(frozen=True, slots=True)
class Dropped:
    doc: str
    position: int
    text: str
    reason: str
    detail: str


def separate(
    sentences: Iterable[Sentence], pinned: Sequence[Sentence] | None, threshold: float
) -> tuple[list[Sentence], list[Dropped]]:
    """What stays of a corpus, and what goes and why. The result does not depend on the order of `sentences`.

    Sentences are taken in the order test, validation, train, and by document and place within each. One that is equal
    or near-equal to an earlier one is dropped: as `duplicate` or `near_duplicate` within a split, as `leak` across two.
    With `pinned`, the test split is exactly those sentences: their documents stay held out, and held-out text that they
    do not hold is dropped as `not_pinned`.
    """
    index: Index[Sentence] = Index(threshold)
    selection: list[Sentence] = []
    dropped: list[Dropped] = []
    for sentence in sorted(pinned or (), key=_place):
        selection.append(sentence)
        index.add(index.sketch(sentence.text), sentence)
    held_out = {sentence.doc for sentence in selection}
    themselves = {(sentence.doc, sentence.text) for sentence in selection}
    placed = sorted((replace(item, split="test") if item.doc in held_out else item for item in sentences), key=_place)
    for sentence in track(placed, "removing duplicates"):
        if (sentence.doc, sentence.text) in themselves:
            themselves.remove((sentence.doc, sentence.text))  # a second occurrence is a duplicate
            continue
        sketch = index.sketch(sentence.text)
        if (match := index.find(sketch)) is not None:
            dropped.append(_repeated(sentence, match))
        elif pinned is not None and sentence.split == "test":
            dropped.append(_dropped(sentence, "not_pinned", "held out, and not in the pinned test set"))
        else:
            selection.append(sentence)
            index.add(sketch, sentence)
    return selection, dropped


def require_all(present: Set[Split], documents: Mapping[Split, int]) -> None:
    """Raises InputError if a split is not among those that have text; `documents` counts what fell into each."""
    for split in ORDER:
        if split not in present:
            raise InputError(
                f"the {split} split has no sentence: {documents.get(split, 0)} of {sum(documents.values())} documents "
                "fall into it, and none of their sentences is kept. Add documents, change the source's rule (fractions "
                "or years; txt_documents: paragraph for a few long files), or loosen `cleaning`."
            )


def _place(sentence: Sentence) -> tuple[int, str, int, str]:
    return ORDER.index(sentence.split), sentence.doc, sentence.position, sentence.text


def _repeated(sentence: Sentence, match: Sentence) -> Dropped:
    if sentence.split != match.split:
        return _dropped(sentence, "leak", f"{match.split} {match.id}")
    return _dropped(sentence, "duplicate" if sentence.text == match.text else "near_duplicate", match.id)


def _dropped(sentence: Sentence, reason: str, detail: str) -> Dropped:
    return Dropped(sentence.doc, sentence.position, sentence.text, reason, detail)
