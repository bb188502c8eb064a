"""Where the champion comes from: the versions, the ledger, and the report that the champion was promoted on."""

from __future__ import annotations

import asyncio
import hashlib
from typing import TYPE_CHECKING

from fastapi import HTTPException, Request, Response

from mendel.core import lake, manifest
from mendel.core.manifest import FileEntry, Manifest
from mendel.promotion import ledger
from mendel.promotion.ledger import Decision
from mendel.serving import api, schemas

if TYPE_CHECKING:
    from mendel.evaluation.scores import Slice
    from mendel.serving.app import Parts
    from mendel.serving.models import Models

router = api.router()
MEDIA_TYPES = {".png": "image/png", ".md": "text/markdown; charset=utf-8"}
"""Of the files of an evaluation that are given out."""


@router.get("/models")
async def models(request: Request) -> schemas.ModelList:
    """The versions that can be asked for, and the latest decision about each."""
    parts: Parts = request.app.state.parts
    champion = parts.models.champion and parts.models.champion.version
    return schemas.ModelList(
        champion=champion,
        failure=parts.models.failure and "the newest champion cannot be read or loaded; the log says why",
        canary=_canary(parts),
        feedback=parts.settings.feedback,
        models=[
            schemas.ModelEntry(
                version=version,
                action=decision.action,
                decided=decision.decided,
                reasons=decision.reasons,
                champion=version == champion,
            )
            for version, decision in sorted(parts.models.versions().items())
        ],
    )


@router.get("/ledger")
async def decisions(request: Request) -> schemas.Ledger:
    """Every decision about promotion, as of the latest look at the ledger."""
    parts: Parts = request.app.state.parts
    return schemas.Ledger(decisions=[schemas.LedgerEntry.of(decision) for decision in parts.models.history])


@router.get("/report", responses=api.refusals(404))
async def report(request: Request) -> schemas.Report:
    """The evaluation that the champion was promoted on, or that a model on trial was judged on."""
    return await asyncio.to_thread(_report, *_judgement(request))


@router.get(
    "/report/files/{name}",
    response_class=Response,
    responses={
        **api.refusals(404, 422),
        200: {"description": "The file", "content": {"image/png": {}, "text/markdown": {"example": "# Evaluation"}}},
    },
)
async def file(name: str, request: Request) -> Response:
    """A plot of the report, or `report.md`: a name that the evaluation's manifest lists."""
    root, decision = _judgement(request)
    return await asyncio.to_thread(_file, root, decision, name)


def _canary(parts: Parts) -> schemas.CanaryEntry | None:
    if (canary := parts.canary) is None:
        return None
    return schemas.CanaryEntry(
        version=canary.model and canary.model.version,
        fraction=canary.settings.fraction,
        shadow=canary.settings.shadow,
        failure=canary.failure and "there is no version that may be the canary; the log says why",
    )


def _judgement(request: Request) -> tuple[str, Decision]:
    """The lake, and the decision about the model that answers: its promotion or, for one never promoted, the latest."""
    models: Models = request.app.state.parts.models
    if (model := models.champion) is None:
        raise HTTPException(503, "No champion is loaded yet.", {"Retry-After": "5"})
    if model.version is None:
        raise HTTPException(404, f"Candidate {model.fingerprint} was not judged yet.")
    decision = ledger.promotion_of(models.history, model.version) or ledger.about(models.history, model.version)
    assert decision is not None, "it has a version by a decision"
    if decision.evaluation is None:
        raise HTTPException(404, f"Version {model.version} was {decision.action} without an evaluation.")
    return models.root, decision


def _evaluation(root: str, decision: Decision) -> Manifest:
    assert decision.evaluation is not None, "the caller has looked"
    if (evaluation := manifest.at(root, decision.evaluation.uri)) is None:
        raise HTTPException(404, f"The evaluation of version {decision.version} is not in the lake any more.")
    return evaluation


def _files(evaluation: Manifest) -> dict[str, FileEntry]:
    """What may be given out, by name."""
    named = {entry.path.rsplit("/", 1)[1]: entry for entry in evaluation.files}
    return {name: entry for name, entry in named.items() if name.endswith(tuple(MEDIA_TYPES))}


def _file(root: str, decision: Decision, name: str) -> Response:
    files = _files(_evaluation(root, decision))
    if name not in files:
        raise HTTPException(404, f"The report has no such file; choose one of {', '.join(files)}.")
    data = lake.read_bytes(lake.join(root, files[name].path))
    if hashlib.sha256(data).hexdigest() != files[name].sha256:
        raise HTTPException(404, f"{name} is not what it was when the evaluation was made.")
    return Response(data, media_type=MEDIA_TYPES[name[name.rindex(".") :]])


def _report(root: str, decision: Decision) -> schemas.Report:
    from mendel.evaluation import plots  # loads numpy
    from mendel.evaluation.evaluation import Evaluation  # loads pyarrow, numpy
    from mendel.evaluation.report import HEADINGS  # loads numpy

    version = _evaluation(root, decision)
    files = _files(version)
    evaluation = Evaluation.of(version.metrics)
    systems = {
        name: scores.model_dump(include=set(schemas.SystemScores.model_fields))
        for name, scores in evaluation.scores.items()
    }
    champion = evaluation.scores["candidate"]
    return schemas.Report(
        version=decision.version,
        action=decision.action,
        partition=version.partition,
        decided=decision.decided,
        sentences=evaluation.sentences,
        characters=evaluation.characters,
        characters_per_second=evaluation.speed.chars_per_second,
        latency_p95_seconds=evaluation.speed.latency_p95_seconds,
        checks=[
            schemas.CheckEntry(rule=check.rule, passed=check.passed, reason=check.reason)
            for check in evaluation.decision.checks
        ],
        systems=[schemas.SystemScores(name=name, **scores) for name, scores in systems.items()],
        breakdowns=[
            schemas.Breakdown(
                title=title,
                plot=name if (name := plots.file_name(grouping)) in files else None,
                parts=_parts(getattr(champion, grouping)),
            )
            for grouping, title in HEADINGS.items()
        ],
    )


def _parts(slices: dict[str, Slice]) -> list[schemas.Part]:
    return [
        schemas.Part(
            name=name,
            sentences=part.sentences,
            cer=part.cer.value,
            reduction=part.reduction and part.reduction.value,
        )
        for name, part in slices.items()
    ]
