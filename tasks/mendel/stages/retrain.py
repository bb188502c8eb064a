"""`mendel retrain`: does what production has shown ask for a new training?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from pydantic import Field

from mendel.core import digest, manifest
from mendel.core.errors import InputError
from mendel.core.log import log
from mendel.core.manifest import InputEntry, Manifest
from mendel.core.stage import Context, Draft, Outcome, Stage
from mendel.drift import report as drift
from mendel.feedback import collected
from mendel.feedback.judged import Feedback, pairs
from mendel.promotion import ledger
from mendel.promotion.ledger import Decision, History
from mendel.retraining import request
from mendel.retraining.request import RetrainingReport
from mendel.retraining.rule import DriftFinding, RetrainingEvidence, RetrainingRule, counts_for, decide

CHAMPION = "champion"
REQUEST_OF = f"{request.DATASET} of "
"""Before the day in the name of an input."""


class Retrain(RetrainingRule, Stage):
    """Makes `retraining`. A day that has asked for a training keeps its champion and its evidence: its own training may have
    made another champion since, about which nothing is known yet. With `--force` it keeps the champion alone.
    """

    name: ClassVar = "retrain"
    stage_version: ClassVar = 1
    dataset: ClassVar = request.DATASET
    every_partition: ClassVar = True  # a verdict names its day

    relearn_noise: bool = Field(True, description="learn a noise profile from the feedback, for the training to take")

    def inputs(self, context: Context) -> Sequence[InputEntry]:
        before = request.asking(context.root, context.partition)
        if before and not context.force:
            return before.inputs
        champion = _champion(ledger.read(context.root), before)
        if champion is None:
            return []
        return [
            champion.candidate.as_input().model_copy(update={"name": CHAMPION}),
            *_drift_of(context, champion.version),
            *collected.as_inputs(context, _days(context, collected.DATASET, since=champion.candidate.partition)),
            *self._other_requests(context),
        ]

    def run(self, inputs: Mapping[str, InputEntry], draft: Draft) -> Outcome:
        context = draft.context
        champion = _version(context.root, inputs.get(CHAMPION))
        feedback = collected.of_inputs(context, inputs)
        records = [record for day in feedback.values() for record in day if record.model_version == champion]
        changes = [change for record in records for text in record.texts for change in text.changes]
        evidence = RetrainingEvidence(
            day=context.partition,
            champion=champion,
            drift=_finding(context, inputs.get(drift.DATASET)),
            feedback_days=tuple(feedback),
            changes=len(changes),
            rejected=sum(not change.accepted for change in changes),
            asking_days=tuple(name.removeprefix(REQUEST_OF) for name in inputs if name.startswith(REQUEST_OF)),
        )
        verdict = decide(evidence, self)
        noise, has_noise = self._noise(verdict.wanted, records, evidence, draft)
        report = RetrainingReport(evidence=evidence, verdict=verdict, noise=noise)
        (draft.folder / request.REPORT).write_text(report.model_dump_json(indent=2), encoding="utf-8")
        metrics: dict[str, Any] = {
            "wanted": verdict.wanted,
            "reasons": list(verdict.reasons),
            "drift_alarm": bool(evidence.drift and evidence.drift.alarm),
            "changes": evidence.changes,
            "rejected": evidence.rejected,
            "learned_noise": has_noise,
            "noise": noise,
        }
        log.info("retraining", partition=draft.context.partition, wanted=verdict.wanted, noise=noise)
        return Outcome(rows=1, digest=digest.of_files(draft.folder), metrics=metrics)

    def _other_requests(self, context: Context) -> Iterator[InputEntry]:
        """Of other days, near enough to matter."""
        for day in manifest.keys(context.root, request.DATASET):
            matters = day != context.partition and counts_for(context.partition, day, self)
            if matters and (version := request.asking(context.root, day)):
                yield context.as_input(version).model_copy(update={"name": f"{REQUEST_OF}{day}"})

    def _noise(
        self, wanted: bool, records: Sequence[Feedback], evidence: RetrainingEvidence, draft: Draft
    ) -> tuple[str, bool]:
        """Write the profile where there is one to learn. What it rests on, or why there is none; and whether there is."""
        if not wanted:
            return "none was learned: no training is wanted", False
        if not self.relearn_noise:
            return "none was learned: retrain.relearn_noise is off", False
        if evidence.changes < self.min_feedback_changes:
            return (
                f"none was learned: {evidence.changes:,} judged changes, {self.min_feedback_changes:,} are needed",
                False,
            )
        from mendel.noise.learn import learn  # loads numba, numpy, scipy

        texts = list(pairs(records))
        try:
            profile, basis = learn(
                [pair.clean for pair in texts], [pair.noisy for pair in texts], f"feedback-{evidence.day}"
            )
        except InputError as error:  # feedback that tells no noise is no reason against the training
            return f"none was learned: {error}", False
        (draft.folder / request.NOISE).write_text(profile.model_dump_json(indent=2), encoding="utf-8")
        return f"learned from {basis.pairs:,} texts, {sum(basis.events.values()):,.0f} errors", True


def _champion(history: History, before: Manifest | None) -> Decision | None:
    """The decision about the champion, or about the one that the day asked about before."""
    if before is None:
        return ledger.state(history).champion
    return ledger.about_candidate(history, before.input(CHAMPION).digest)


def _drift_of(context: Context, version: int) -> Iterator[InputEntry]:
    """The day's drift report, where it is about this version of the model."""
    report = manifest.current(context.root, drift.DATASET, context.partition)
    if report and report.metrics["model_version"] == version:
        yield context.as_input(report)


def _days(context: Context, dataset: str, since: str) -> list[str]:
    """The days of a dataset up to the context's."""
    return [day for day in manifest.keys(context.root, dataset) if since <= day <= context.partition]


def _version(root: str, champion: InputEntry | None) -> int | None:
    """Of the registered model."""
    if champion is None:
        return None
    decision = ledger.about_candidate(ledger.read(root), champion.digest)
    assert decision is not None, "the ledger named it as the champion"
    return decision.version


def _finding(context: Context, report: InputEntry | None) -> DriftFinding | None:
    if report is None:
        return None
    metrics = context.manifest_of(report).metrics
    return DriftFinding(**{name: metrics[name] for name in DriftFinding.model_fields})
