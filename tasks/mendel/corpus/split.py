"""Splits that no text crosses: whatever equals or nearly equals something held out does not stay in train."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from dataclasses import dataclass

from mendel.core.errors import InputError
from mendel.corpus.dedupe import Index, Sketch
from mendel.corpus.sources.base import Split

ORDER: tuple[Split, ...] = ("test", "validation", "train")
"""A sentence that occurs in several splits stays in the first of these."""


def sentence_id(text: str) -> str:
    """A hash of the text, which occurs once in a corpus: the same from week to week, whatever moves around it."""
    return hashlib.sha256(text.encode()).hexdigest()[:20]


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
        return sentence_id(self.text)


@dataclass(frozen=True, slots=True)
class Dropped:
    doc: str
    position: int
    text: str
    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a sentence is dropped."""

    reason: str
    detail: str


PINNED_AGAIN = Reason("", "the pinned sentence itself, which stays")
NOT_PINNED = Reason("not_pinned", "held out, and not in the pinned test set")


def judged(
    placed: Iterable[tuple[Sentence, bool]], sketch: Callable[[str], Sketch], threshold: float, *, pinned: bool
) -> Iterator[Reason | None]:
    """For each sentence, why it goes, or None where it stays; `corpus.separation` says by which rules.

    They come in the order of their places, those that are pinned first, which a flag beside them says. `pinned`: whether
    there is a pinned test set, though none of its sentences be among these.
    """
    index: Index[Sentence] = Index(threshold)
    themselves: set[tuple[str, str]] = set()
    for sentence, in_test_set in placed:
        if in_test_set:
            themselves.add((sentence.doc, sentence.text))
            index.add(sketch(sentence.text), sentence)
            yield None
        elif (sentence.doc, sentence.text) in themselves:
            themselves.remove((sentence.doc, sentence.text))  # a second occurrence is a duplicate
            yield PINNED_AGAIN
        elif (match := index.find(new := sketch(sentence.text))) is not None:
            yield _repeated(sentence, match)
        elif pinned and sentence.split == "test":
            yield NOT_PINNED
        else:
            index.add(new, sentence)
            yield None


def require_all(present: Set[Split], documents: Mapping[Split, int]) -> None:
    """Raises InputError if a split is not among those that have text; `documents` counts what fell into each."""
    for split in ORDER:
        if split not in present:
            raise InputError(
                f"the {split} split has no sentence: {documents.get(split, 0)} of {sum(documents.values())} documents "
                "fall into it, and none of their sentences is kept. Add documents, change the source's rule (fractions "
                "or years; txt_documents: paragraph for a few long files), or loosen `cleaning`."
            )


def _repeated(sentence: Sentence, match: Sentence) -> Reason:
    if sentence.split != match.split:
        return Reason("leak", f"{match.split} {match.id}")
    return Reason("duplicate" if sentence.text == match.text else "near_duplicate", match.id)
