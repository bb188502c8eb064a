"""One reader's judgement of the changes of one answer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Annotated, NamedTuple, Self

from pydantic import Field, model_validator

from mendel.core.frozen import Frozen

PROTECTED = "\ufffc"
"""Stands in a text for what no restorer reads, such as code."""


class JudgedChange(Frozen):
    """A change of a text's characters [start, end), and whether the reader has accepted it."""

    start: int = Field(ge=0)
    end: int = Field(ge=0)
    original: str
    replacement: str
    confidence: float = Field(ge=0, le=1)
    accepted: bool


class JudgedText(Frozen):
    """A text as it was before its changes, which are in order and do not overlap."""

    text: str
    changes: Annotated[tuple[JudgedChange, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _its_changes_are_of_it(self) -> Self:
        at = 0
        for change in self.changes:
            if not at <= change.start <= change.end:
                raise ValueError(f"the change at {change.start} is not behind the one before it")
            if self.text[change.start : change.end] != change.original:
                raise ValueError(f"the original of the change at {change.start} does not stand there")
            at = change.end
        return self

    def accepted(self) -> str:
        """The text with the changes that were accepted."""
        parts: list[str] = []
        at = 0
        for change in (change for change in self.changes if change.accepted):
            parts += self.text[at : change.start], change.replacement
            at = change.end
        return "".join([*parts, self.text[at:]])


class Feedback(Frozen):
    """What one reader said about one answer."""

    request_id: str
    """Of the answer: its X-Request-ID."""
    at: datetime
    """When it was said, in UTC."""
    caller: str | None
    """Name of the key, never the key; None where the service asks for none."""
    model_version: int | None
    """Of the model that answered; None: a candidate that was not judged."""
    texts: Annotated[tuple[JudgedText, ...], Field(min_length=1)]

    @property
    def changes(self) -> int:
        return sum(len(text.changes) for text in self.texts)


class LearningPair(NamedTuple):
    """A text with its noise, and what a reader made of it."""

    noisy: str
    clean: str


def pairs(records: Sequence[Feedback]) -> Iterator[LearningPair]:
    """A pair for each text that has letters: without changes that were rejected, with those that were accepted."""
    for text in (text for record in records for text in record.texts):
        pair = LearningPair(*(side.replace(PROTECTED, "") for side in (text.text, text.accepted())))
        if pair.noisy.strip() and pair.clean.strip():
            yield pair
