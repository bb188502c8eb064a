"""What goes over the wire. Each model carries an example, and each field says what it is, for `/openapi.json`."""

from __future__ import annotations

import base64
import binascii
from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, ConfigDict, Field, PlainSerializer, StringConstraints, WithJsonSchema

from mendel.core.frozen import Frozen
from mendel.promotion.champions import Standing
from mendel.promotion.ledger import Decision
from mendel.restorers.restorer import Restoration, Span


def _whole(value: object) -> object:
    """1.0 is an integer in JSON, though not to pydantic where it is strict."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _decoded(value: object) -> object:
    """Strictly: pydantic's own type passes over what is no base64."""
    if not isinstance(value, str):
        return value
    try:
        return base64.b64decode(value, validate=True)
    except binascii.Error as error:
        raise ValueError(f"not base64: {error}") from error


def _encoded(value: bytes) -> str:
    return base64.b64encode(value).decode()


Version = Annotated[int, Field(strict=True, ge=1), BeforeValidator(_whole)]
Seed = Annotated[int, Field(strict=True, ge=0, lt=2**63), BeforeValidator(_whole)]
Text = Annotated[str, StringConstraints(strict=True)]
CleanText = Annotated[str, StringConstraints(strict=True, min_length=1)]
Base64 = Annotated[
    bytes,
    BeforeValidator(_decoded),
    PlainSerializer(_encoded, return_type=str),
    WithJsonSchema({"type": "string", "format": "byte"}),
]
Probability = Annotated[float, Field(strict=True, ge=0, le=1)]
Place = Annotated[int, Field(strict=True, ge=0), BeforeValidator(_whole)]


def example(**values: Any) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": [values]})


class RestoreRequest(Frozen):
    """One text or many, and how to restore them."""

    model_config = example(text="The goverment of teh people.", threshold=0.5)

    text: Text | Annotated[list[Text], Field(min_length=1)] = Field(description="one text, or a list")
    version: Version | None = Field(None, description="a version of the model; without it the champion's")
    threshold: float | None = Field(
        None,
        ge=0,
        le=1,
        strict=True,
        description="a change of less confidence than this is left out; the others are made",
    )
    edits: bool = Field(True, strict=True, description="say what was changed")

    @property
    def texts(self) -> list[str]:
        return [self.text] if isinstance(self.text, str) else self.text


class Change(Frozen):
    """One change of the input."""

    model_config = example(start=7, end=7, original="", replacement="n", confidence=0.97)

    start: Place = Field(description="code point of the input where it begins")
    end: Place = Field(description="code point of the input before which it ends")
    original: str = Field(description="what stood there; empty for an insertion")
    replacement: str = Field(description="what stands there now; empty for a deletion")
    confidence: Probability = Field(
        description="probability that this change is right: what the threshold is compared with"
    )

    @classmethod
    def of(cls, before: str, edit: Span, **more: Any) -> Self:
        """A change of the text `before`."""
        return cls(
            start=edit.start,
            end=edit.end,
            original=before[edit.start : edit.end],
            replacement=edit.replacement,
            confidence=_probability(edit.confidence),
            **more,
        )


RESTORED = {
    "text": "The government of teh people.",
    "confidence": 0.97,
    "changed": True,
    "kept": False,
    "edits": [{"start": 7, "end": 7, "original": "", "replacement": "n", "confidence": 0.97}],
}


class Restored(Frozen):
    """One text."""

    model_config = example(**RESTORED)

    text: str = Field(
        description="restored; the input itself where nothing better was found or no change was sure enough"
    )
    confidence: Probability = Field(
        description="probability that it was right to change the text, or to leave it as it is; the threshold is no part of it"
    )
    changed: bool = Field(description="whether the text differs from the input")
    kept: bool = Field(description="changes were found, but none was sure enough")
    edits: tuple[Change, ...] | None = Field(description="from left to right; null where they were not asked for")

    @classmethod
    def of(cls, before: str, restoration: Restoration, request: RestoreRequest) -> Restored:
        """The restorer's own bounds have been applied; the request's threshold comes on top, change by change."""
        sure = restoration.surer(before, request.threshold or 0.0)
        return cls(
            text=sure.text,
            confidence=_probability(sure.confidence),
            changed=bool(sure.edits),
            kept=sure.fallback,
            edits=tuple(Change.of(before, edit) for edit in sure.edits) if request.edits else None,
        )


def _probability(value: float) -> float:
    """A sum of probabilities may miss 1 by a rounding error."""
    return min(max(value, 0.0), 1.0)


class RestoreResponse(Frozen):
    """In the order of the request's texts; all by one version."""

    model_config = example(version=2, standing="champion", results=[RESTORED])

    version: int | None = Field(description="of the model that answered; null for a candidate that was not judged")
    standing: Standing = Field(description="of that model, by the ledger")
    results: list[Restored] = Field(description="one for each text")


class DocumentChange(Change):
    """One change of a document, in positions of one of its segments."""

    model_config = example(segment=0, start=4, end=13, original="goverment", replacement="government", confidence=0.97)

    segment: Place = Field(description="number of the segment, from 0")


LETTER = {
    "format": "text",
    "segments": ["The goverment of the people."],
    "changes": [
        {"segment": 0, "start": 4, "end": 13, "original": "goverment", "replacement": "government", "confidence": 0.97}
    ],
}


class DocumentResponse(Frozen):
    """What became of a document."""

    model_config = example(
        version=2,
        standing="champion",
        **LETTER,
        left_out=[],
        unread=0,
        document="VGhlIGdvdmVybm1lbnQgb2YgdGhlIHBlb3BsZS4K",
    )

    version: int | None = Field(description="of the model that answered; null for a candidate that was not judged")
    standing: Standing = Field(description="of that model, by the ledger")
    format: str = Field(description="as which it was read")
    segments: tuple[str, ...] = Field(description="its stretches of prose, as they were read")
    changes: tuple[DocumentChange, ...] = Field(
        description="of whole words, from the beginning of the document to its end"
    )
    left_out: tuple[DocumentChange, ...] = Field(
        description="those that would have harmed what the document is built of"
    )
    unread: int = Field(ge=0, description="sentences whose turn did not come in time: they stayed as they were")
    document: Base64 = Field(description="with the changes, in its format: base64")


class DocumentRequest(Frozen):
    """A document, and the changes to make in it."""

    model_config = example(
        format="text", changes=LETTER["changes"], document="VGhlIGdvdmVybWVudCBvZiB0aGUgcGVvcGxlLgo="
    )

    format: str = Field(description="as which it is read, as the answer of `/v1/documents` says")
    encoding: str | None = Field(None, description="of its text; without it what the document says of itself, or UTF-8")
    fields: tuple[str, ...] = Field((), description="columns or keys that hold its text, as they were asked for before")
    changes: tuple[DocumentChange, ...] = Field(description="those to make, as `/v1/documents` gave them")
    document: Base64 = Field(description="as it was sent to `/v1/documents`: base64")


JUDGED_CHANGE = {
    "start": 4,
    "end": 13,
    "original": "goverment",
    "replacement": "government",
    "confidence": 0.97,
    "accepted": True,
}
JUDGED = {"text": "The goverment of the people.", "changes": [JUDGED_CHANGE]}


class JudgedEntry(Change):
    """A change, and what the reader thought of it."""

    model_config = example(**JUDGED_CHANGE)

    accepted: bool = Field(strict=True, description="whether it was right")


class JudgedSegment(Frozen):
    """A text, and the changes of it that were judged."""

    model_config = example(**JUDGED)

    text: Text = Field(description="as it was before, such as one of an answer's `segments`")
    changes: Annotated[tuple[JudgedEntry, ...], Field(min_length=1)] = Field(description="in order, without overlap")


class FeedbackRequest(Frozen):
    """What a reader thought of the changes of one answer."""

    model_config = example(request_id="5f0c1b7a9c0d", version=2, texts=[JUDGED])

    request_id: Annotated[str, StringConstraints(min_length=1, max_length=128)] = Field(
        description="the answer's X-Request-ID"
    )
    version: Version | None = Field(None, description="of the model that answered, as the answer says")
    texts: Annotated[tuple[JudgedSegment, ...], Field(min_length=1)] = Field(description="those with changes")


class FeedbackResponse(Frozen):
    """It is kept."""

    model_config = example(changes=1)

    changes: int = Field(description="how many were kept")


PROMOTED = {
    "version": 2,
    "action": "promoted",
    "decided": "2026-11-23T04:10:07Z",
    "reasons": ["better than the champion: CER lower by 0.42 points"],
}


class ModelEntry(Frozen):
    """A version that the ledger knows."""

    model_config = example(**PROMOTED, champion=True)

    version: int = Field(description="of the registered model")
    action: str = Field(description="the latest decision about it: promoted, declined or rolled back")
    decided: datetime = Field(description="when")
    reasons: tuple[str, ...] = Field(description="why")
    champion: bool = Field(description="whether it is in force")


class CanaryEntry(Frozen):
    """The second model, beside the champion."""

    model_config = example(version=3, fraction=0.1, shadow=True, failure=None)

    version: int | None = Field(description="of the canary; null where there is none")
    fraction: float = Field(description="of the requests that pin no version")
    shadow: bool = Field(description="whether the champion answers these too, and the canary is only compared")
    failure: str | None = Field(description="why there is no canary")


class ModelList(Frozen):
    """The versions that can be asked for."""

    model_config = example(
        champion=2, failure=None, canary=None, feedback=False, models=[{**PROMOTED, "champion": True}]
    )

    champion: int | None = Field(description="version in force; null before the first")
    failure: str | None = Field(description="why a newer champion, if there is one, is not in force")
    canary: CanaryEntry | None = Field(description="null where none is set up")
    feedback: bool = Field(description="whether `/v1/feedback` keeps what it is told")
    models: list[ModelEntry] = Field(description="by version")


DECISION = {
    **PROMOTED,
    "number": 2,
    "reigning": 1,
    "champion_before": 1,
    "champion": 2,
    "rejected_by": None,
    "trained_because": [],
}


class LedgerEntry(Frozen):
    """One decision; none is ever changed."""

    model_config = example(**DECISION)

    number: int = Field(description="from 1 on, without a gap")
    action: str = Field(description="promoted, declined or rolled back")
    version: int = Field(description="of the model that it is about")
    reigning: int | None = Field(description="former name of `champion_before`", deprecated=True)
    champion_before: int | None = Field(description="the champion until then")
    champion: int | None = Field(description="the champion from then on")
    decided: datetime = Field(description="when")
    reasons: tuple[str, ...] = Field(description="what spoke for it or, where it was declined, against it")
    rejected_by: str | None = Field(description="the person who said no")
    trained_because: tuple[str, ...] = Field(
        (), description="why production asked for the training; empty where the calendar or a person did"
    )

    @classmethod
    def of(cls, decision: Decision) -> LedgerEntry:
        shared = decision.model_dump(include=set(cls.model_fields), by_alias=False)
        return cls(champion=decision.champion, reigning=decision.champion_before, **shared)


class Ledger(Frozen):
    """Every decision about promotion."""

    model_config = example(decisions=[DECISION])

    decisions: list[LedgerEntry] = Field(description="oldest first")


class Estimate(Frozen):
    """A measured fraction."""

    model_config = example(value=0.0145, low=0.0119, high=0.0172)

    value: float = Field(description="fraction of 1")
    low: float = Field(description="lower bound of its 95% interval")
    high: float = Field(description="upper bound of its 95% interval")


class SystemScores(Frozen):
    """One of those that were compared. Shares are of sentences."""

    model_config = example(
        name="candidate",
        cer={"value": 0.0145, "low": 0.0119, "high": 0.0172},
        reduction={"value": 0.676, "low": 0.629, "high": 0.725},
        exact={"value": 0.714, "low": 0.676, "high": 0.756},
        worse={"value": 0.018, "low": 0.008, "high": 0.03},
        clean_altered=None,
        foreign_altered=None,
    )

    name: str = Field(description="identity (the text as it is), symspell, candidate (the model of this report), …")
    cer: Estimate = Field(description="errors per character of the clean text")
    reduction: Estimate | None = Field(description="share of the noisy text's errors that are gone")
    exact: Estimate = Field(description="sentences without an error")
    worse: Estimate = Field(description="sentences with more errors than before")
    clean_altered: Estimate | None = Field(description="uncorrupted sentences that did not stay as they were")
    foreign_altered: Estimate | None = Field(None, description="clean texts unlike the corpus, likewise")


class CheckEntry(Frozen):
    """One rule of the gate."""

    model_config = example(rule="max_worse", passed=True, reason="share of the sentences that it makes worse: 1.8%")

    rule: str = Field(description="its name in the pipeline file")
    passed: bool = Field(description="whether it held")
    reason: str = Field(description="what was found, and what is asked for")


class Part(Frozen):
    """A part of the errors or sentences."""

    model_config = example(name="deletion", sentences=210, cer=0.011, reduction=0.4)

    name: str = Field(description="of the part")
    sentences: int = Field(description="in it")
    cer: float = Field(description="that is left in it")
    reduction: float | None = Field(description="share of its errors that are gone")


class Breakdown(Frozen):
    """The champion's errors, part by part."""

    model_config = example(
        title="By operation",
        plot="cer_by_operation.png",
        parts=[{"name": "deletion", "sentences": 210, "cer": 0.011, "reduction": 0.4}],
    )

    title: str = Field(description="by what")
    plot: str | None = Field(description="a picture of it, at `/v1/report/files/NAME`")
    parts: list[Part] = Field(description="in the order of the plot")


class Report(Frozen):
    """What the champion was promoted on, or a model on trial judged on."""

    model_config = example(
        version=2,
        action="promoted",
        partition="2026-11-23",
        decided="2026-11-23T04:10:07Z",
        sentences=500,
        characters=61000,
        characters_per_second=3200.5,
        latency_p95_seconds=0.298,
        checks=[],
        systems=[],
        breakdowns=[],
    )

    version: int = Field(description="of the model that answers")
    action: str = Field(description="the decision that was made on it")
    partition: str = Field(description="of the pairs that it was made from")
    decided: datetime = Field(description="when")
    sentences: int = Field(description="held-out ones that were scored")
    characters: int = Field(description="of these, clean")
    characters_per_second: float = Field(description="in batches, where it was evaluated")
    latency_p95_seconds: float = Field(description="95th percentile for one sentence by itself")
    checks: list[CheckEntry] = Field(description="the gate's rules")
    systems: list[SystemScores] = Field(description="those that were compared")
    breakdowns: list[Breakdown] = Field(description="where the errors are")


class ProfileList(Frozen):
    """Noise profiles."""

    model_config = example(profiles=["default", "heavy", "ocr"])

    profiles: list[str] = Field(description="names for `/v1/corrupt`")


class CorruptRequest(Frozen):
    """A clean text to damage."""

    model_config = example(text="The government of the people.", profile="heavy", seed=7)

    text: CleanText = Field(description="clean text")
    profile: Annotated[str, StringConstraints(max_length=64)] = Field("default", description="one of `/v1/profiles`")
    seed: Seed = Field(0, description="equal seeds do equal damage")


class CorruptResponse(Frozen):
    """The noisy text."""

    model_config = example(text="The goverment of teh people.", cer=0.103)

    text: str = Field(description="noisy text")
    cer: float = Field(description="its errors per character of the clean one")


class ScoreRequest(Frozen):
    """Texts, and the clean one that they ought to be."""

    model_config = example(reference="The government of the people.", texts=["The goverment of teh people."])

    reference: CleanText = Field(description="clean text")
    texts: Annotated[list[Text], Field(min_length=1)] = Field(description="to compare with it")


class ScoreResponse(Frozen):
    """How far each text is from the clean one."""

    model_config = example(cer=[0.103])

    cer: list[float] = Field(description="errors per character of the reference, one for each text")


class Alive(Frozen):
    """The process works."""

    model_config = example(status="alive")

    status: str = Field(description="alive")


class Ready(Frozen):
    """A champion answers."""

    model_config = example(version=2, candidate="1f0c2a77d0b4e6a9", standing="champion")

    version: int | None = Field(description="of the model that answers; null for a candidate that was not judged")
    candidate: str = Field(description="its fingerprint")
    standing: Standing = Field(description="champion, or on trial: was champion before, declined, not judged")


class Problem(Frozen):
    """RFC 9457."""

    model_config = example(
        type="about:blank",
        title="Not Found",
        status=404,
        detail="there is no version 9; choose one of [1, 2], or leave it out",
    )

    type: str = Field(description="about:blank: the status says all")
    title: str = Field(description="of the status")
    status: int = Field(description="that of the answer")
    detail: str = Field(description="what is wrong, and what to change")
