"""To try the service with: noise for a clean text, and how far a text is from the clean one."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from fastapi import HTTPException, Request

from mendel.core.errors import InputError
from mendel.serving import api, schemas

if TYPE_CHECKING:
    from mendel.serving.app import Parts

router = api.router()


@router.get("/profiles")
async def profiles(request: Request) -> schemas.ProfileList:
    """Noise profiles for `/v1/corrupt`."""
    parts: Parts = request.app.state.parts
    return schemas.ProfileList(profiles=list(parts.noises.uris))


@router.post("/corrupt", responses=api.refusals(400, 404, 413, 422))
async def corrupt(body: schemas.CorruptRequest, request: Request) -> schemas.CorruptResponse:
    """Damage a clean text, the same way each time for the same seed and champion, whose characters the noise has."""
    parts: Parts = request.app.state.parts
    champion = parts.models.champion
    api.check_size(parts.settings, [body.text])
    try:
        text, cer = await asyncio.to_thread(
            parts.noises.corrupt, body.text, body.profile, body.seed, champion.noise if champion else None
        )
    except InputError as error:
        raise HTTPException(404, str(error)) from error
    return schemas.CorruptResponse(text=text, cer=cer)


@router.post("/score", responses=api.refusals(400, 413, 422))
async def score(body: schemas.ScoreRequest, request: Request) -> schemas.ScoreResponse:
    """Character error rates against a clean text, by the function that scores evaluations."""
    from mendel.noise.calibrate import micro_cer  # loads numba, pyarrow, numpy and others

    parts: Parts = request.app.state.parts
    api.check_size(parts.settings, [body.reference, *body.texts])
    rates = await asyncio.to_thread(lambda: [micro_cer([body.reference], [text]) for text in body.texts])
    return schemas.ScoreResponse(cer=rates)
