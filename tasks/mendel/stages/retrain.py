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
from mendel.retraining import asked
from mendel.retraining.asked import RetrainingReport
from mendel.retraining.rule import DriftFinding, RetrainingEvidence, RetrainingRule, counts_for, decide

CHAMPION = "champion"


class Retrain(RetrainingRule, Stage):
    """Makes `retraining`. A day that has asked for a training keeps its champion and its evidence: its own training may have
    made another champion since, about which nothing is known yet. With `--force` it keeps the champion alone.
    """

    name: ClassVar = "retrain"
    stage_version: ClassVar = 1
    dataset: ClassVar = asked.DATASET
    every_partition: ClassVar = True  # a verdict names its day

    relearn_noise: bool = Field(True, description="learn a noise profile from the feedback, for the training to take")

    def inputs(self, context: Context) -> Sequence[InputEntry]:
        before = asked.asking(context.root, context.partition)
        if before and not context.force:
            return before.inputs
        champion = _champion(ledger.read(context.root), before)
        if champion is None:
            return []
        return [
            champion.candidate.as_input().model_copy(update={"name": CHAMPION}),
            *_drift_of(context, champion.version),
            *_feedback_since(context, champion.candidate.partition),
            *(
                context.as_input(version).model_copy(update={"name": f"{asked.DATASET} of {version.partition}"})
                for version in asked.others(context.root, context.partition)
                if counts_for(context.partition, version.partition, self)
            ),
        ]

    def run(self, inputs: Mapping[str, InputEntry], draft: Draft) -> Outcome:
        evidence, records = self._evidence(inputs, draft.context)
        verdict = decide(evidence, self)
        noise, learned = self._noise(verdict.wanted, records, evidence, draft)
        made = RetrainingReport(evidence=evidence, verdict=verdict, noise=noise)
        (draft.folder / asked.REPORT).write_text(made.model_dump_json(indent=2), encoding="utf-8")
        metrics: dict[str, Any] = {
            "wanted": verdict.wanted,
            "reasons": list(verdict.reasons),
            "drift_alarm": bool(evidence.drift and evidence.drift.alarm),
            "changes": evidence.changes,
            "rejected": evidence.rejected,
            "learned_noise": learned,
            "noise": noise,
        }
        log.info("retraining", partition=draft.context.partition, wanted=verdict.wanted, noise=noise)
        return Outcome(rows=1, digest=digest.of_files(draft.folder), metrics=metrics)

    def _evidence(
        self, inputs: Mapping[str, InputEntry], context: Context
    ) -> tuple[RetrainingEvidence, list[Feedback]]:
        """What the inputs tell, and what readers said about the champion's answers."""
        if CHAMPION not in inputs:
            return RetrainingEvidence(day=context.partition, champion=None), []
        decision = ledger.about_candidate(ledger.read(context.root), inputs[CHAMPION].digest)
        assert decision is not None, "the ledger named it as the champion"
        days = {
            prefix: [name.removeprefix(f"{prefix} of ") for name in inputs if name.startswith(f"{prefix} of ")]
            for prefix in (collected.DATASET, asked.DATASET)
        }
        records = [
            record
            for day in days[collected.DATASET]
            for record in collected.records_of(
                context.root, context.manifest_of(inputs[f"{collected.DATASET} of {day}"])
            )
            if record.model_version == decision.version
        ]
        changes = [change for record in records for text in record.texts for change in text.changes]
        found = context.manifest_of(inputs[drift.DATASET]).metrics if drift.DATASET in inputs else None
        evidence = RetrainingEvidence(
            day=context.partition,
            champion=decision.version,
            drift=DriftFinding(**{name: found[name] for name in DriftFinding.model_fields}) if found else None,
            feedback_days=tuple(days[collected.DATASET]),
            changes=len(changes),
            rejected=sum(not change.accepted for change in changes),
            asked=tuple(days[asked.DATASET]),
        )
        return evidence, records

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
            profile, found = learn(
                [pair.clean for pair in texts], [pair.noisy for pair in texts], f"feedback-{evidence.day}"
            )
        except InputError as error:  # feedback that tells no noise is no reason against the training
            return f"none was learned: {error}", False
        (draft.folder / asked.NOISE).write_text(profile.model_dump_json(indent=2), encoding="utf-8")
        return f"learned from {found.pairs:,} texts, {sum(found.events.values()):,.0f} errors", True


def _champion(history: History, before: Manifest | None) -> Decision | None:
    """The decision about the champion, or about the one that the day asked about before."""
    if before is None:
        return ledger.state(history).champion
    return ledger.about_candidate(history, before.input(CHAMPION).digest)


def _drift_of(context: Context, version: int) -> Iterator[InputEntry]:
    """The day's drift report, where it is about this version of the model."""
    found = manifest.current(context.root, drift.DATASET, context.partition)
    if found and found.metrics["model_version"] == version:
        yield context.as_input(found)


def _feedback_since(context: Context, first: str) -> Iterator[InputEntry]:
    """What was collected of the days from `first` to the context's."""
    for day in manifest.partitions(context.root, collected.DATASET):
        version = manifest.current(context.root, collected.DATASET, day) if first <= day <= context.partition else None
        if version:
            yield context.as_input(version).model_copy(update={"name": f"{collected.DATASET} of {day}"})
