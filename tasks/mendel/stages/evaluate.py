"""The stage `evaluate`: scores a candidate on the held-out text beside those it has to beat, and asks the gate."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import AfterValidator, Field

from mendel.core import digest, manifest
from mendel.core.log import log
from mendel.core.manifest import InputEntry
from mendel.core.stage import Context, Draft, Outcome, Stage
from mendel.corpus import foreign
from mendel.evaluation import deployment_rules
from mendel.evaluation.gate import Rules
from mendel.feedback import collected
from mendel.promotion import champions, ledger, seal
from mendel.restorers.restorer import Restorer

if TYPE_CHECKING:
    from mendel.evaluation.systems import System

Sentences = Annotated[int, AfterValidator(deployment_rules.no_fewer(1000))]
"""Size of a sample, no smaller than the deployment's."""
JudgedChanges = Annotated[int, AfterValidator(deployment_rules.no_fewer(400))]
"""Likewise, of the changes that readers have judged."""
Texts = Annotated[int, AfterValidator(deployment_rules.no_fewer(100))]
"""Likewise, of each kind of foreign text."""


class Evaluate(Stage):
    """Scores and verdict of a candidate."""

    name: ClassVar = "evaluate"
    stage_version: ClassVar = 4
    dataset: ClassVar = "evaluation"

    max_sentences: Sentences = Field(
        1000, ge=30, le=20_000, validate_default=True, description="of the test split, in the order of their ids' hash"
    )
    clean_sentences: Sentences = Field(
        1000, ge=30, le=50_000, validate_default=True, description="given uncorrupted, which are to stay as they are"
    )
    foreign_per_kind: Texts = Field(
        100, ge=5, le=1000, validate_default=True, description="clean texts unlike the corpus: code, logs, names, …"
    )
    feedback_changes: JudgedChanges = Field(
        400,
        ge=0,
        le=20_000,
        validate_default=True,
        description="judged changes of readers, of the newest days, that candidate and champion are tried on; 0: none",
    )
    resamples: int = Field(1000, ge=200, le=10_000, description="of the bootstrap")
    seed: int = Field(0, ge=0, description="of the samples and of the bootstrap")
    rules: Annotated[Rules, AfterValidator(deployment_rules.no_laxer)] = Field(Rules(), validate_default=True)

    def inputs(self, context: Context) -> Sequence[InputEntry]:
        """Candidate and pairs of the partition; the champion that it has to beat and the newest feedback, if there are some."""
        candidate = context.require("candidate")
        entries = [candidate, context.require("pairs", validated=True)]
        if champion := ledger.champion_to_beat(ledger.read(context.root), candidate.digest):
            entries.append(context.as_input(champion.candidate).model_copy(update={"name": "champion"}))
            entries += _newest_feedback(context, candidate, self.feedback_changes)
        return entries

    def run(self, inputs: Mapping[str, InputEntry], draft: Draft) -> Outcome:
        import pyarrow as pa
        import pyarrow.parquet as pq

        from mendel.core.tracking.run import tracked  # loads mlflow, sqlalchemy
        from mendel.evaluation import evaluation, feedback_scores, held_out, reliability, report  # loads pyarrow, numpy
        from mendel.evaluation.scores import measure  # loads numpy
        from mendel.evaluation.systems import Speed, apply, latencies, restorations  # loads numpy

        context = draft.context
        sample = held_out.sample(context, inputs["pairs"], self.max_sentences, self.clean_sentences, self.seed)
        sample = replace(sample, foreign=foreign.texts("judge", self.foreign_per_kind, self.seed))
        champion = _champion(context, inputs)
        texts = [
            text for day in collected.of_inputs(context, inputs).values() for record in day for text in record.texts
        ]
        judged_texts = feedback_scores.sample(texts, self.feedback_changes, self.seed)
        flags = {}
        outputs = {}
        for system in _systems(context, inputs, champion):
            if trained := system.name == "candidate":
                singles = latencies(system.restore, sample.noisy)
            outputs[system.name], seconds = apply(system, sample)
            if trained:
                speed = Speed.of(sum(map(len, sample.noisy)), seconds, singles)
            if judged_texts and system.name in ("candidate", "champion"):
                after = restorations(system, [text.text for text in judged_texts], "judged")
                flags[system.name] = feedback_scores.flags_of(
                    judged_texts, [after[text.text].text for text in judged_texts]
                )
            del system  # the next one may need its memory
        measures = {system: measure(sample, output) for system, output in outputs.items()}
        judged = evaluation.judged(
            sample,
            measures,
            reliability.measured(sample, outputs["candidate"]),
            speed,
            singles,
            self.rules,
            champion.version if champion else None,
            self.resamples,
            self.seed,
            feedback_scores.FeedbackTrial(judged_texts, flags) if flags else None,
        )
        untouched = pa.concat_tables(
            evaluation.untouched_rows(system, sample, output) for system, output in outputs.items()
        )
        rows = pa.concat_tables(
            evaluation.rows(system, sample, outputs[system], measures[system]) for system in outputs
        )
        of_foreign = pa.concat_tables(
            evaluation.foreign_rows(system, sample, output) for system, output in outputs.items()
        )
        pq.write_table(of_foreign, draft.folder / "foreign.parquet", compression="zstd")
        pq.write_table(rows, draft.folder / "scores.parquet", compression="zstd")
        pq.write_table(untouched, draft.folder / "untouched.parquet", compression="zstd")
        report.write(draft.folder, inputs, judged, sample, outputs)
        sealed = seal.write(draft.folder, findings := judged.model_dump(mode="json"))
        with tracked(context, self.name, inputs) as run:
            run.log_params(self.model_dump(mode="json"))
            run.log_metrics(report.flat(judged))
            run.set_tags({"decision": "promote" if judged.decision.promote else "decline"})
            run.log_files(draft.folder)
        log.info("decision", promote=judged.decision.promote, reasons="; ".join(judged.decision.reasons))
        return Outcome(
            rows=len(rows),
            digest=seal.version_digest(digest.of_table(rows), sealed),
            metrics={**findings, "mlflow_run_id": run.run_id},
        )


def _newest_feedback(context: Context, candidate: InputEntry, changes: int) -> list[InputEntry]:
    """The newest days of feedback with so many judged changes together, up to the day for which the candidate was made.

    A candidate that a later partition repeats is judged by no later days, so that nothing is scored again.
    """
    version = context.manifest_of(candidate)
    last = (version.same_as or version.path).split("/")[1].removeprefix("dt=")
    days = (day for day in reversed(manifest.keys(context.root, collected.DATASET)) if day <= last)
    entries: list[InputEntry] = []
    for entry in collected.as_inputs(context, days) if changes else ():
        entries.append(entry)
        changes -= context.manifest_of(entry).metrics["changes"]
        if changes <= 0:
            break
    return entries


def _champion(context: Context, inputs: Mapping[str, InputEntry]) -> ledger.Decision | None:
    """The decision about the input `champion`: its files are known there though the version be made again."""
    if "champion" not in inputs:
        return None
    decision = ledger.about_candidate(ledger.read(context.root), inputs["champion"].digest)
    assert decision is not None, "the ledger named it as the one to beat"
    return decision


def _systems(context: Context, inputs: Mapping[str, InputEntry], champion: ledger.Decision | None) -> Iterator[System]:
    """Everyone who is scored, each loaded when its turn comes, so that two large models need not fit side by side."""
    from mendel.evaluation import baselines, held_out  # loads pyarrow, numpy
    from mendel.evaluation.systems import System  # loads numpy

    yield System.of_texts("identity", baselines.identity)
    yield System.of_texts("symspell", baselines.SymSpell(held_out.training_text(context, inputs["pairs"])))
    yield from _with_ablations(Restorer.load(str(context.local_folder(inputs["candidate"]))))
    if champion:
        yield System.of("champion", Restorer.load(str(champions.resolved(context.root, champion).local())))


def _with_ablations(candidate: Restorer) -> Iterator[System]:
    from mendel.evaluation.systems import System  # loads numpy

    yield System.of("candidate", candidate)
    for name, part in candidate.ablations().items():
        yield System.of(name, part, ablation=True)
