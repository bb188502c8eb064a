"""From measures to an evaluation: every system's scores, what the candidate gains, and the gate's verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
from pydantic import field_validator

from mendel.core.errors import InputError
from mendel.core.frozen import Frozen
from mendel.evaluation import feedback_scores, foreign_scores, gate
from mendel.evaluation.binomial import Count
from mendel.evaluation.bootstrap import Bootstrap
from mendel.evaluation.feedback_scores import FeedbackScores, FeedbackTrial
from mendel.evaluation.foreign_scores import ForeignSlice
from mendel.evaluation.gate import Evidence, Rules, Verdict
from mendel.evaluation.interval import Interval
from mendel.evaluation.protected import harmed
from mendel.evaluation.reliability import Reliability
from mendel.evaluation.scores import CAUSES, Measures, Output, Sample, Scores, summarise
from mendel.evaluation.systems import Speed


class Evaluation(Frozen):
    """What was found out about a candidate: the metrics in the stage's manifest."""

    sentences: int
    characters: int
    scores: dict[str, Scores]
    """By system: identity, symspell, candidate, its ablations, and the champion where there is one."""
    gains: dict[str, Interval]
    """By how much the candidate's CER is below that of each other system, paired."""
    foreign: dict[str, dict[str, ForeignSlice]] | None = None
    """By system and kind, what became of clean text unlike the corpus; this and the next are absent from evaluations
    made before 0.2.0."""
    reliability: Reliability | None = None
    """Of the candidate's confidence in its changes."""
    feedback: dict[str, FeedbackScores] | None = None
    """Candidate and champion on changes that readers have judged; None where there are none of both."""
    speed: Speed
    """The candidate's."""
    evidence: Evidence | None = None
    """What the decision follows from; absent from evaluations made by 0.1.0."""
    decision: Verdict
    champion_version: int | None
    """Of the model that the candidate had to beat."""

    @classmethod
    def of(cls, metrics: Mapping[str, Any]) -> Evaluation:
        """As the stage's manifest has it, which holds more."""
        return cls.model_validate({name: metrics[name] for name in cls.model_fields if name in metrics})

    @field_validator("scores", mode="before")
    @classmethod
    def _read_former_name(cls, scores: Mapping[str, Any]) -> Mapping[str, Any]:
        """What was evaluated before 0.2.0 calls the candidate `challenger`; read so until 0.3.0."""
        return {"candidate" if system == "challenger" else system: values for system, values in scores.items()}


def judged(
    sample: Sample,
    measures: Mapping[str, Measures],
    reliability: Reliability | None,
    speed: Speed,
    latencies: Sequence[float],
    rules: Rules,
    champion_version: int | None,
    resamples: int,
    seed: int,
    trial: FeedbackTrial | None = None,
) -> Evaluation:
    """Score the systems, `identity` and `candidate` among them, and judge the candidate by the rules.

    `latencies`: seconds that the candidate took for single sentences. `trial`: judged texts, and what candidate and champion
    made of them.

    Raises InputError where the noisy text has no errors, so that there is nothing to judge.
    """
    bootstrap = Bootstrap(len(sample.ids), resamples, seed)
    scores = {
        system: summarise(sample, measured, measures["identity"], bootstrap) for system, measured in measures.items()
    }
    candidate = scores["candidate"]
    if candidate.reduction is None:
        raise InputError("the held-out sentences have no errors to remove: raise the noise in the corrupt section")
    clean_altered = measures["candidate"].clean_altered
    assert clean_altered is not None, "a candidate is tried on clean text too"
    worse = measures["candidate"].errors > measures["identity"].errors
    characters = [len(text) for text in sample.clean]
    gains = {
        system: interval
        for system, measured in measures.items()
        if system != "candidate"
        and (interval := bootstrap.ratio(measured.errors - measures["candidate"].errors, characters))
    }
    foreign = {system: measured.foreign for system, measured in measures.items() if measured.foreign}
    evidence = Evidence(
        reduction=candidate.reduction,
        gains={system: gains[system] for system in gate.MEANING if system in gains},
        worse=Count(count=int(worse.sum()), trials=len(worse)),
        clean_altered=clean_altered,
        foreign_altered=foreign.get("candidate") and foreign_scores.altered(foreign["candidate"]),
        feedback_loss=trial and feedback_scores.loss(trial, resamples, seed),
        latencies=tuple(latencies),
    )
    return Evaluation(
        sentences=len(sample.ids),
        characters=sum(characters),
        scores=scores,
        gains=gains,
        foreign=foreign or None,
        reliability=reliability,
        feedback=trial
        and {system: feedback_scores.scores(trial.texts, flags) for system, flags in trial.flags.items()},
        speed=speed,
        evidence=evidence,
        decision=gate.judge(evidence, rules),
        champion_version=champion_version,
    )


def rows(system: str, sample: Sample, output: Output, measured: Measures) -> pa.Table:
    """A system's part of `scores.parquet`, one row per sentence; `restored` of the system `identity` is the noisy text."""
    count = len(sample.ids)
    return pa.table(
        {
            "id": [f"{pair}/{system}" for pair in sample.ids],
            "pair": sample.ids,
            "system": [system] * count,
            "clean": sample.clean,
            "restored": output.restored,
            "characters": [len(text) for text in sample.clean],
            "words": [len(text.split()) for text in sample.clean],
            "errors": measured.errors,
            "aligned": measured.aligned,
            "word_errors": measured.word_errors,
            **{f"errors_{cause}": measured.errors_by_cause[:, column] for column, cause in enumerate(CAUSES)},
        }
    )


def untouched_rows(system: str, sample: Sample, output: Output) -> pa.Table:
    """A system's part of `untouched.parquet`, one row per sentence that was clean; none where that was not tried."""
    restored = output.of_untouched or []
    clean = sample.untouched[: len(restored)]
    return pa.table(
        {
            "id": pa.array([f"{number:06}/{system}" for number in range(len(restored))], pa.string()),
            "system": pa.array([system] * len(restored), pa.string()),
            "clean": pa.array(clean, pa.string()),
            "restored": pa.array(restored, pa.string()),
        }
    )


def foreign_rows(system: str, sample: Sample, output: Output) -> pa.Table:
    """A system's part of `foreign.parquet`, one row per text; none where that was not tried."""
    restored = output.of_foreign or []
    texts = sample.foreign[: len(restored)]
    return pa.table(
        {
            "id": pa.array([f"{number:06}/{system}" for number in range(len(restored))], pa.string()),
            "system": pa.array([system] * len(restored), pa.string()),
            "kind": pa.array([kind for kind, _ in texts], pa.string()),
            "clean": pa.array([text for _, text in texts], pa.string()),
            "restored": pa.array(restored, pa.string()),
            "harmed": pa.array(
                [sorted(harmed(text, after)) for (_, text), after in zip(texts, restored, strict=True)],
                pa.list_(pa.string()),
            ),
        }
    )
