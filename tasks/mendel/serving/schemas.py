"""What goes over the wire."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from mendel.frozen import Frozen
from mendel.restoration.restorer import Restoration

Text = Annotated[str, StringConstraints(strict=True)]


class RestoreRequest(Frozen):
    """One text or many, and how to restore them."""

    text: Text | Annotated[list[Text], Field(min_length=1)] = Field(
        description="one text, or a list", examples=["Helllo wrold, this is fien."]
    )
    version: int | None = Field(
        None, ge=1, strict=True, description="a version of the model; without it the champion's"
    )
    threshold: float | None = Field(
        None, ge=0, le=1, strict=True, description="a text restored with less confidence than this comes back as it was"
    )
    edits: bool = Field(True, strict=True, description="say what was changed")

    @property
    def texts(self) -> list[str]:
        return [self.text] if isinstance(self.text, str) else self.text


class Change(Frozen):
    """Characters [start, end) of the input (code points), what stood there, and what stands there now."""

    start: int
    end: int
    original: str
    replacement: str
    confidence: float = Field(description="posterior probability, 0 to 1, that this change is right")


class Restored(Frozen):
    """One text. `kept`: a better reading was found, but it was not sure enough."""

    text: str
    confidence: float = Field(description="posterior probability, 0 to 1, of the reading that was found")
    changed: bool
    kept: bool
    edits: tuple[Change, ...] | None

    @classmethod
    def of(cls, before: str, found: Restoration, asked: RestoreRequest) -> Restored:
        """The restorer's own threshold has been applied; the request's comes on top."""
        held_back = bool(found.edits) and found.confidence < (asked.threshold or 0.0)
        edits = () if held_back else found.edits
        return cls(
            text=before if held_back else found.text,
            confidence=found.confidence,
            changed=bool(edits),
            kept=held_back or found.fallback,
            edits=tuple(
                Change(
                    start=edit.start,
                    end=edit.end,
                    original=before[edit.start : edit.end],
                    replacement=edit.replacement,
                    confidence=edit.confidence,
                )
                for edit in edits
            )
            if asked.edits
            else None,
        )


class RestoreResponse(Frozen):
    """In the order of the request's texts; all by one version."""

    version: int
    results: list[Restored]


class ModelEntry(Frozen):
    """A version that the ledger knows."""

    version: int
    action: str
    decided: str
    reasons: tuple[str, ...]
    champion: bool


class ModelList(Frozen):
    """`failure`: why a newer champion, if there is one, is not in force."""

    champion: int | None
    failure: str | None
    models: list[ModelEntry]


class CorruptRequest(Frozen):
    """A clean text to damage."""

    text: Annotated[str, StringConstraints(strict=True, min_length=1)]
    profile: Annotated[str, StringConstraints(max_length=64)] = "default"
    seed: int = Field(0, ge=0, lt=2**63, strict=True)


class CorruptResponse(Frozen):
    """The noisy text, and its errors per character of the clean one."""

    text: str
    cer: float


class Problem(Frozen):
    """RFC 9457."""

    type: str
    title: str
    status: int
    detail: str
