"""`/v1/documents`: whole documents, their prose restored sentence by sentence and every other byte as it was."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Mapping, Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING, Annotated

from fastapi import HTTPException, Query, Request, Response

from mendel.core.errors import InputError
from mendel.restorers import pieces
from mendel.restorers.pieces import Piece
from mendel.restorers.restorer import Restoration, Span
from mendel.serving import api, schemas
from mendel.serving.answering import choose, failures_counted, in_time, while_connected
from mendel.serving.metrics import Role
from mendel.serving.models import Model
from mendel.serving.settings import Serve

if TYPE_CHECKING:
    from mendel.documents.document import ReadingOptions, SegmentedDocument
    from mendel.documents.restoring import RestoredDocument, SegmentChange
    from mendel.serving.app import Parts

MEDIA_TYPES = {
    "text": "text/plain",
    "markdown": "text/markdown",
    "html": "text/html",
    "hocr": "text/vnd.hocr+html",
    "xml": "application/xml",
    "jsonl": "application/jsonl",
    "csv": "text/csv",
    "tsv": "text/tab-separated-values",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
}
"""Of the formats that are taken. Not Parquet: a small file of it can hold more text than there is memory."""
OTHER_NAMES = {
    "application/xhtml+xml": "html",
    "text/xml": "xml",
    "application/x-ndjson": "jsonl",
    "application/x-jsonlines": "jsonl",
}
FORMATS = {media_type: form for form, media_type in MEDIA_TYPES.items()} | OTHER_NAMES
BINARY = {media_type: {"schema": {"type": "string", "format": "binary"}} for media_type in MEDIA_TYPES.values()}
CHANGES_MADE = {"description": "How many changes were made", "schema": {"type": "integer"}}
JSON = "application/json"
OPTION = re.compile(r"--(?=(?:format|encoding|field)\b)")
"""What is before the names of options in messages about documents, which are for the command line."""

router = api.router()

Name = Annotated[str | None, Query(max_length=255, description="the file's name, whose suffix tells the format")]
Format = Annotated[str | None, Query(max_length=64, description=f"one of {', '.join(MEDIA_TYPES)}")]
Version = Annotated[int | None, Query(ge=1, description="a version of the model; without it the champion's")]
Threshold = Annotated[float | None, Query(ge=0, le=1, description="a change of less confidence than this is left out")]
Encoding = Annotated[str | None, Query(max_length=64, description="of its text; else what it says of itself, or UTF-8")]
Fields = Annotated[list[str], Query(max_length=64, description="column or key that holds text; may be repeated")]


@router.post(
    "/documents",
    response_model=schemas.DocumentResponse,
    responses={
        200: {
            "description": "The document, or with `Accept: application/json` what became of it",
            "content": BINARY,
            "headers": {
                "X-Mendel-Version": {"description": "Of the model that answered", "schema": {"type": "string"}},
                "X-Mendel-Changes": CHANGES_MADE,
                "X-Mendel-Unread": {
                    "description": "Sentences whose turn did not come in time: they stayed as they were",
                    "schema": {"type": "integer"},
                },
            },
        },
        **api.refusals(400, 404, 413, 415, 422, 429, 500),
    },
    openapi_extra={"requestBody": {"required": True, "content": BINARY}},
)
async def restore_document(
    request: Request,
    name: Name = None,
    format: Format = None,  # noqa: A002 (its name in the query)
    version: Version = None,
    threshold: Threshold = None,
    encoding: Encoding = None,
    field: Fields = [],  # noqa: B006 (FastAPI copies it)
) -> Response:
    """Restore a document: the body is the file. Its format is `format`, else that of `name`, else that of Content-Type."""
    from mendel.documents.document import ReadingOptions  # loads Markdown's parser, pyarrow, numpy and others
    from mendel.documents.restoring import joined

    parts: Parts = request.app.state.parts
    form = _format(format, name, request.headers.get("content-type", ""))
    data, options = await request.body(), ReadingOptions(tuple(field), encoding)
    log_fields = request.state.log_fields
    async with in_time(parts.settings.answer_seconds):
        document = await _read(form, data, options)
        _check_size(parts.settings, document)
        model, role = await choose(parts, version, request.state.request_id)
        cut = await asyncio.to_thread(_sentences, document, model.restorer.language)
        texts = [piece.text for sentences in cut for piece in sentences]
        log_fields |= {"format": form, "texts": len(texts), "characters": sum(map(len, texts))}
        if parts.settings.log_text:
            log_fields["text"] = texts
        log_fields |= {"version": model.name, "role": role}
        answers = await while_connected(request, _restored(parts, model, role, texts, request.state.caller))
        filled = (answer or _as_it_is(text) for text, answer in zip(texts, answers, strict=True))
        edits = [restoration.edits for restoration in joined(cut, filled, threshold)]
        restored = await _changed(form, data, document, options, edits)
    unread = answers.count(None)
    if JSON not in request.headers.get("accept", ""):
        return _file(form, restored, {"X-Mendel-Version": model.name, "X-Mendel-Unread": str(unread)})
    answer = schemas.DocumentResponse(
        version=model.version,
        standing=model.standing,
        format=form,
        segments=tuple(segment.text for segment in restored.segments),
        changes=_described(restored, restored.changes),
        left_out=_described(restored, restored.left_out),
        unread=unread,
        document=restored.data,
    )
    return Response(answer.model_dump_json(), media_type=JSON)


@router.post(
    "/documents/changes",
    response_class=Response,
    responses={
        200: {
            "description": "The document with these changes",
            "content": BINARY,
            "headers": {"X-Mendel-Changes": CHANGES_MADE},
        },
        **api.refusals(400, 413, 415, 422),
    },
)
async def change_document(body: schemas.DocumentRequest) -> Response:
    """Make chosen changes in a document, such as those of `/v1/documents` that a reader has accepted. No model is asked."""
    from mendel.documents.document import ReadingOptions  # loads Markdown's parser, pyarrow, numpy and others

    form, options = _format(body.format, None, ""), ReadingOptions(body.fields, body.encoding)
    document = await _read(form, body.document, options)
    edits = _chosen([segment.text for segment in document.segments], body.changes)
    return _file(form, await _changed(form, body.document, document, options, edits), {})


def _format(format_name: str | None, name: str | None, content_type: str) -> str:
    """The format that is asked for, else that of the name, else that of the Content-Type."""
    from mendel.documents.reading import format_of  # loads as above

    by_type = FORMATS.get(content_type.partition(";")[0].strip().lower())
    form = format_name or (name and format_of(PurePath(name))) or by_type
    if form not in MEDIA_TYPES:
        raise HTTPException(
            415,
            f"the document's format is not known: say it, as in ?format=text; choose one of {', '.join(MEDIA_TYPES)}",
        )
    return form


async def _read(form: str, data: bytes, options: ReadingOptions) -> SegmentedDocument:
    from mendel.documents.document import UnknownDocumentError  # loads as above
    from mendel.documents.reading import reader

    try:
        return await asyncio.to_thread(reader(form), data, options)
    except InputError as error:
        status = 415 if isinstance(error, UnknownDocumentError) else 400
        message = OPTION.sub("", str(error))
        raise HTTPException(status, f"as {form}: {message}") from error


def _sentences(document: SegmentedDocument, language: str) -> list[list[Piece]]:
    """Of each segment."""
    return [pieces.by_sentence(segment.text, language) for segment in document.segments]


def _check_size(settings: Serve, document: SegmentedDocument) -> None:
    if (size := sum(len(segment.text) for segment in document.segments)) > settings.max_characters:
        raise HTTPException(
            413,
            f"the document has {size} characters of prose; at most {settings.max_characters} in one request: divide it, "
            "or restore it by `mendel restore files`.",
        )


async def _restored(
    parts: Parts, model: Model, role: Role, texts: Sequence[str], caller: str
) -> Sequence[Restoration | None]:
    seconds = min(parts.settings.document_seconds, parts.settings.answer_seconds / 2)
    started = time.monotonic()
    with failures_counted(parts, model, role):
        answers = await parts.batcher.restore_document(seconds, model, texts, caller)
    restorations = [answer for answer in answers if answer is not None]
    parts.metrics.answer(model.name, role, time.monotonic() - started, restorations)
    return answers


def _as_it_is(text: str) -> Restoration:
    return Restoration(text=text, confidence=1.0, edits=(), fallback=True)


async def _changed(
    form: str, data: bytes, document: SegmentedDocument, options: ReadingOptions, edits: Sequence[Sequence[Span]]
) -> RestoredDocument:
    from mendel.documents.reading import reader  # loads as above
    from mendel.documents.restoring import changed

    return await asyncio.to_thread(changed, data, document, reader(form), options, edits)


def _chosen(texts: Sequence[str], changes: Sequence[schemas.DocumentChange]) -> list[list[Span]]:
    """The changes of each segment, from left to right. Refuses those that are not of this document."""
    edits: list[list[Span]] = [[] for _ in texts]
    for change in sorted(changes, key=lambda change: (change.segment, change.start, change.end)):
        of = f"changes: the one of segment {change.segment} at {change.start}"
        if change.segment >= len(texts):
            raise HTTPException(400, f"{of}: the document has {len(texts)} segments, counted from 0")
        if not 0 <= change.start <= change.end or texts[change.segment][change.start : change.end] != change.original:
            raise HTTPException(400, f"{of}: its original does not stand there; send the document as it was read")
        if edits[change.segment] and edits[change.segment][-1].end > change.start:
            raise HTTPException(400, f"{of}: it overlaps the one before it; send one of the two")
        edits[change.segment].append(
            Span(start=change.start, end=change.end, replacement=change.replacement, confidence=change.confidence)
        )
    return edits


def _described(restored: RestoredDocument, changes: Sequence[SegmentChange]) -> tuple[schemas.DocumentChange, ...]:
    return tuple(
        schemas.DocumentChange.of(restored.segments[change.segment].text, change.span, segment=change.segment)
        for change in changes
    )


def _file(form: str, restored: RestoredDocument, headers: Mapping[str, str]) -> Response:
    """The document itself. Its type goes as a header: as `media_type` text would be called UTF-8, whatever it is."""
    all_headers = {"Content-Type": MEDIA_TYPES[form], "X-Mendel-Changes": str(len(restored.changes)), **headers}
    return Response(restored.data, headers=all_headers)
