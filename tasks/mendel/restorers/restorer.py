"""The one interface of all restorers, and how to load one from a candidate's folder.

A candidate's folder says which kind it is of (`artifact`), and by that which class reads the rest.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mendel.core import cache
from mendel.core.errors import InputError
from mendel.core.frozen import Frozen
from mendel.noise.changes import changes
from mendel.recipes.kinds import KINDS, named
from mendel.restorers import artifact

if TYPE_CHECKING:
    from mendel.restorers.document import DocumentContext  # loads numba

READERS = {kind: recipe.restorer for kind, recipe in KINDS.items()}
"""Which class reads a folder of which kind, as `module:class`: a restorer without an LLM never imports torch."""


class Span(Frozen):
    """One change: the characters [start, end) of the input became `replacement`."""

    start: int
    end: int
    replacement: str
    confidence: float = 1.0
    """Probability (0 to 1) that this change is right."""


class Restoration(Frozen):
    """What a restorer made of one text."""

    text: str
    confidence: float
    """Probability (0 to 1) that it was right to change the text, or to leave it."""
    edits: tuple[Span, ...]
    """What changed, from left to right, in positions of the input; empty where the text was left as it is."""
    fallback: bool
    """The input was kept because the restorer was not sure enough of a better text."""

    def surer(self, before: str, threshold: float) -> Restoration:
        """The same of the text `before`, without the changes whose confidence is below the threshold (0 to 1)."""
        sure = tuple(edit for edit in self.edits if edit.confidence >= threshold)
        if sure == self.edits:
            return self
        return self.model_copy(update={"text": applied(before, sure), "edits": sure, "fallback": not sure})


class Restorer(ABC):
    """Undoes noise. Equal lists give equal restorations. In half precision a text whose two best readings are all but
    equal may be read otherwise in other company: the sums of a batch depend on its shape."""

    kind: str
    language: str = artifact.ENGLISH
    """An ISO code: by whose rules texts are cut into sentences."""

    @abstractmethod
    def restore(
        self, texts: Sequence[str], documents: Sequence[DocumentContext | None] | None = None
    ) -> list[Restoration]:
        """One restoration for each text, in order. An empty text stays empty.

        `documents`: for each text the one that it is from, if any, whose other texts may help to judge it. A text by
        itself is a document where it is long enough to be cut.
        """

    def ablations(self) -> Mapping[str, Restorer]:
        """The same restorer with parts left out, by name (`first_pass`, `untuned_llm`); none where it has no parts."""
        return {}

    @classmethod
    @abstractmethod
    def read(cls, folder: Path) -> Restorer:
        """The restorer that a local folder holds. Raises InputError naming the file that is missing or unreadable."""

    @staticmethod
    def load(uri: str) -> Restorer:
        """The restorer in a candidate's folder: a local path, or a URI, whose files are copied to this machine.

        Raises InputError when the folder holds none, or one of a kind that this version does not know.
        """
        folder = cache.local(uri)
        kind = artifact.kind_of(folder, uri)
        if kind not in READERS:
            raise InputError(f"{uri}: restorer of kind {kind!r}; this version knows {', '.join(READERS)}")
        restorer: Restorer = named(READERS[kind]).read(folder)
        return restorer


def spans(before: str, after: str) -> tuple[Span, ...]:
    """What changed from one text to another, as `Restoration` has it."""
    return tuple(
        Span(start=start, end=end, replacement=after[new_start:new_end])
        for start, end, new_start, new_end in changes(before, after)
    )


def applied(text: str, edits: Iterable[Span]) -> str:
    """A text with changes made; they are in order and do not overlap."""
    parts: list[str] = []
    at = 0
    for edit in edits:
        parts += text[at : edit.start], edit.replacement
        at = edit.end
    return "".join([*parts, text[at:]])
