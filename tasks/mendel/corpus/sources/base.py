"""What every source is: documents with a suggested split, and a digest that changes when they do."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from mendel.core.frozen import Frozen
from mendel.core.manifest import InputEntry

Split = Literal["train", "validation", "test"]


@dataclass(frozen=True, slots=True)
class Document:
    """One text. Its split follows from the source's rule alone, so it is the same whatever else the source holds."""

    id: str
    text: str
    split: Split
    year: int | None = None


@dataclass(frozen=True, slots=True)
class Rejected:
    """A file or a record that could not be used, and why."""

    uri: str
    reason: str
    """In a word, for counting."""
    detail: str


class Source(Frozen, ABC):
    """A source's configuration."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_-]*$", description="names the pinned test set: testset/<name>")

    @abstractmethod
    def entry(self) -> InputEntry:
        """The source as a stage's input, its digest over all that it holds. Raises InputError if that is nothing."""

    @abstractmethod
    def read(self) -> Iterator[Document | Rejected]:
        """Every document, and every file or record that is not one, in an order that depends on the source alone."""

    def identity(self) -> dict[str, Any]:
        """What determines the documents besides the data itself; where the data lies does not."""
        return self.model_dump(mode="json")


class HashSplit(Frozen):
    """Splits by a hash of the document's id: stable when other documents come, go or change places."""

    validation: float = Field(0.05, gt=0, lt=1, description="share of the documents")
    test: float = Field(0.1, gt=0, lt=1, description="share of the documents")

    @model_validator(mode="after")
    def _leave_some_to_train(self) -> Self:
        if self.validation + self.test >= 1:
            raise ValueError(f"validation {self.validation} and test {self.test} leave nothing to train on")
        return self

    def of(self, document: str) -> Split:
        place = int.from_bytes(hashlib.sha256(document.encode()).digest()[:8]) / 2**64
        if place < self.test:
            return "test"
        return "validation" if place < self.test + self.validation else "train"


def text_hash(text: str) -> str:
    """Names a text that has no name of its own."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]
