"""`/v1/feedback`: what a reader thought of an answer's changes, kept in the lake where the deployment says so."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from fastapi import HTTPException, Request
from pydantic import ValidationError

from mendel.core.errors import InputError
from mendel.core.log import log
from mendel.feedback import inbox
from mendel.feedback.judged import Feedback
from mendel.serving import api, schemas

if TYPE_CHECKING:
    from mendel.serving.app import Parts

OFF = "This service keeps no feedback. Whoever runs it turns it on with serve.feedback=true: texts are then stored."

router = api.router()


@router.post("/feedback", status_code=201, responses=api.refusals(400, 403, 413, 422))
async def feedback(body: schemas.FeedbackRequest, request: Request) -> schemas.FeedbackResponse:
    """Say which changes of an answer were right. Stores the texts that they are of."""
    parts: Parts = request.app.state.parts
    if not parts.settings.feedback:
        raise HTTPException(403, OFF)
    try:
        judged = Feedback(
            request_id=body.request_id,
            at=datetime.now(UTC),
            caller=request.state.log_fields.get("caller"),
            model_version=body.version,
            texts=[text.model_dump() for text in body.texts],
        )
    except ValidationError as error:
        problem = error.errors()[0]
        message = problem["msg"].removeprefix("Value error, ")
        raise HTTPException(400, f"{'.'.join(map(str, problem['loc']))}: {message}") from error
    request.state.log_fields |= {"about": body.request_id, "changes": judged.changes}
    try:
        await asyncio.to_thread(inbox.put, parts.root, judged)
    except (InputError, OSError) as error:
        log.error("feedback cannot be written", error=str(error))
        raise HTTPException(
            503, "The feedback cannot be written; the server's log says why.", {"Retry-After": "5"}
        ) from error
    return schemas.FeedbackResponse(changes=judged.changes)
