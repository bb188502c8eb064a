"""From measures to an evaluation: every system's scores, what the challenger gains, and the gate's verdict."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa

from mendel.errors import InputError
from mendel.frozen import Frozen
from mendel.registry import gate
from mendel.registry.bootstrap import Bootstrap
from mendel.registry.gate import Evidence, Rules, Verdict
from mendel.registry.interval import Interval
from mendel.registry.scores import CAUSES, Measures, Output, Sample, Scores, summarise
from mendel.registry.systems import Speed


class Evaluation(Frozen):
    """What was found out about a candidate: the metrics in the stage's manifest."""

    sentences: int
    characters: int
    scores: dict[str, Scores]
    """By system: identity, symspell, challenger (the candidate), its ablations, and the champion where there is one."""
    gains: dict[str, Interval]
    """By how much the challenger's CER is below that of each other system, paired."""
    speed: Speed
    """The challenger's."""
    decision: Verdict
    champion_version: int | None
    """Of the model that the challenger had to beat."""


def judged(
    sample: Sample,
    measures: Mapping[str, Measures],
    speed: Speed,
    rules: Rules,
    champion_version: int | None,
    resamples: int,
    seed: int,
) -> Evaluation:
    """Score the systems, `identity` and `challenger` among them, and judge the challenger by the rules.

    Raises InputError where the noisy text has no errors, so that there is nothing to judge.
    """
    bootstrap = Bootstrap(len(sample.ids), resamples, seed)
    scores = {
        system: summarise(sample, measured, measures["identity"], bootstrap) for system, measured in measures.items()
    }
    challenger = scores["challenger"]
    if challenger.reduction is None:
        raise InputError("the held-out sentences have no errors to remove: raise the noise in the corrupt section")
    assert challenger.clean_altered is not None, "a challenger is tried on clean text too"
    characters = [len(text) for text in sample.clean]
    gains = {
        system: interval
        for system, measured in measures.items()
        if system != "challenger"
        and (interval := bootstrap.ratio(measured.errors - measures["challenger"].errors, characters))
    }
    evidence = Evidence(
        reduction=challenger.reduction,
        gains={system: gains[system] for system in gate.MEANING if system in gains},
        worse=challenger.worse,
        clean_altered=challenger.clean_altered,
        latency_seconds=speed.latency_p95_seconds,
    )
    return Evaluation(
        sentences=len(sample.ids),
        characters=sum(characters),
        scores=scores,
        gains=gains,
        speed=speed,
        decision=gate.judge(evidence, rules),
        champion_version=champion_version,
    )


def rows(system: str, sample: Sample, output: Output, measured: Measures) -> pa.Table:
    """A system's part of `scores.parquet`, one row per sentence.

    `restored` and `restored_clean` of the system `identity` are the noisy and the clean text themselves.
    """
    count = len(sample.ids)
    unknown = pa.nulls(count)
    return pa.table(
        {
            "id": [f"{pair}/{system}" for pair in sample.ids],
            "pair": sample.ids,
            "system": [system] * count,
            "restored": output.restored,
            "restored_clean": unknown.cast(pa.string()) if output.of_clean is None else output.of_clean,
            "characters": [len(text) for text in sample.clean],
            "words": [len(text.split()) for text in sample.clean],
            "errors": measured.errors,
            "aligned": measured.aligned,
            "word_errors": measured.word_errors,
            "clean_altered": unknown.cast(pa.bool_()) if measured.clean_altered is None else measured.clean_altered,
            **{f"errors_{cause}": measured.errors_by_cause[:, column] for column, cause in enumerate(CAUSES)},
        }
    )
