"""The report of an evaluation: Markdown with tables, plots and examples, for people who decide."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from mendel.core.manifest import InputEntry
from mendel.evaluation import plots, report_feedback, report_foreign, report_reliability
from mendel.evaluation.gate import Check
from mendel.evaluation.interval import Interval
from mendel.evaluation.markdown import cell, mark, table
from mendel.evaluation.scores import Output, Sample, Scores, Slice

if TYPE_CHECKING:
    from mendel.evaluation.evaluation import Evaluation

EXAMPLES = 5
FRACTIONS = (
    "cer",
    "reduction",
    "cmer",
    "wer",
    "exact",
    "improved",
    "tied",
    "worse",
    "clean_altered",
    "foreign_altered",
)
HEADINGS = {
    "by_operation": "By operation",
    "by_noise_level": "By noise level of the sentence",
    "by_length": "By length of the sentence, in characters",
}


def write(
    folder: Path,
    inputs: Mapping[str, InputEntry],
    evaluation: Evaluation,
    sample: Sample,
    outputs: Mapping[str, Output],
) -> None:
    """Write `report.md` and the plots that it shows into a folder."""
    plots.draw(folder, evaluation.scores, HEADINGS)
    if evaluation.reliability:
        plots.reliability(folder, evaluation.reliability)
    lines = [
        *_decision(inputs, evaluation),
        *_systems(evaluation),
        *report_foreign.section(evaluation.foreign or {}, sample, outputs["candidate"]),
        *report_feedback.section(evaluation.feedback or {}),
        *report_reliability.section(evaluation.reliability),
        *_slices(evaluation.scores["candidate"]),
        *_examples(sample, outputs["candidate"]),
    ]
    (folder / "report.md").write_text("\n".join(lines), encoding="utf-8")


def flat(evaluation: Evaluation) -> dict[str, float]:
    """The figures of an evaluation under the flat names that MLflow knows."""
    figures = {f"candidate/{name}": value for name, value in evaluation.speed.model_dump().items()}
    for system, scores in evaluation.scores.items():
        for name in FRACTIONS:
            figures |= _bounds(f"{system}/{name}", getattr(scores, name))
        for operation, part in scores.by_operation.items():
            figures |= _bounds(f"{system}/by_operation/{operation}/reduction", part.reduction)
    for system, gain in evaluation.gains.items():
        figures |= _bounds(f"gain_over/{system}", gain)
    for system, kinds in (evaluation.foreign or {}).items():
        for kind, texts in kinds.items():
            figures |= _bounds(f"{system}/foreign/{kind}/altered", texts.share)
            figures[f"{system}/foreign/{kind}/harmed"] = texts.harmed / texts.texts
    for system, judged in (evaluation.feedback or {}).items():
        for name in ("removed", "repeated", "right"):
            figures |= _bounds(f"{system}/feedback/{name}", getattr(judged, name))
    if evaluation.reliability and evaluation.reliability.calibration_error is not None:
        figures["candidate/calibration_error"] = evaluation.reliability.calibration_error
    candidate_figures = {
        name.removeprefix("candidate/"): value for name, value in figures.items() if name.startswith("candidate/")
    }
    # as before 0.2.0; goes in 0.3.0
    return figures | {f"challenger/{name}": value for name, value in candidate_figures.items()}


def told_apart(check: Check) -> str:
    """Which true values a sample such as the rule's tells apart, in words."""
    if check.kind == "gain":
        return "" if check.declines is None else f"shows {_figure(check, check.declines)} or more in 99 of 100 samples"
    if check.declines is None or check.passes is None:
        return "nothing: it is too small to show that the bound is exceeded"
    return f"declines {check.passes:.1%} in 1 of 1,000 samples, {check.declines:.1%} in 99 of 100"


def _figure(check: Check, value: float) -> str:
    return f"{value:.1%}" if check.rule == "min_reduction" else f"{100 * value:.2f} points"


def _bounds(name: str, interval: Interval | None) -> dict[str, float]:
    if interval is None:
        return {}
    return {name: interval.value, f"{name}/low": interval.low, f"{name}/high": interval.high}


def _decision(inputs: Mapping[str, InputEntry], evaluation: Evaluation) -> Iterator[str]:
    verdict = evaluation.decision
    yield f"# Evaluation of {inputs['candidate'].uri}"
    yield ""
    yield f"Decision: **{'promote' if verdict.promote else 'decline'}**."
    yield ""
    yield from table(
        ["rule", "holds", "finding", "what this sample tells apart"],
        (
            [check.rule, "yes" if check.passed else "**no**", check.reason, told_apart(check)]
            for check in verdict.checks
        ),
    )
    rival = f"version {evaluation.champion_version}" if evaluation.champion_version else "none"
    yield f"- held-out text: {evaluation.sentences:,} sentences, {evaluation.characters:,} characters of {inputs['pairs'].uri}"
    yield f"- champion to beat: {rival}"
    yield "- in brackets: 95% intervals, by the bootstrap; exact ones for clean sentences and foreign texts altered"
    yield "- a rule of harm declines when the data show that its bound is exceeded, one of gain holds when they show the gain"
    yield ""


def _systems(evaluation: Evaluation) -> Iterator[str]:
    yield "## Scores"
    yield ""
    yield from table(
        ["system", *(name.replace("_", " ") for name in FRACTIONS)],
        (
            [system, *(cell(getattr(scores, name)) for name in FRACTIONS)]
            for system, scores in evaluation.scores.items()
        ),
    )
    yield "## What the candidate gains"
    yield ""
    yield from table(
        ["compared with", "CER lower by, in points"],
        (
            [system, f"{100 * gain.value:.2f} ({100 * gain.low:.2f} to {100 * gain.high:.2f})"]
            for system, gain in evaluation.gains.items()
        ),
    )
    speed = evaluation.speed
    yield f"- speed: {speed.chars_per_second:,.0f} characters per second"
    yield f"- one sentence by itself: median {speed.latency_p50_seconds:.3f} s, 95% within {speed.latency_p95_seconds:.3f} s"
    yield ""


def _slices(candidate: Scores) -> Iterator[str]:
    for name, heading in HEADINGS.items():
        parts: dict[str, Slice] = getattr(candidate, name)
        yield f"## {heading}"
        yield ""
        yield from table(
            ["", "sentences", "CER", "reduction"],
            ([key, str(part.sentences), cell(part.cer), cell(part.reduction)] for key, part in parts.items()),
        )
        yield f"![CER: {heading.lower()}]({plots.file_name(name)})"
        yield ""


def _examples(sample: Sample, output: Output) -> Iterator[str]:
    """The first of the sample, which is in random order; nothing is picked by how it looks."""
    rows = zip(sample.clean, sample.noisy, output.restored, strict=True)
    changed = [(clean, noisy, restored) for clean, noisy, restored in rows if noisy != restored]
    worse = [row for row in changed if _distance(row[0], row[2]) > _distance(row[0], row[1])]
    untouched = sample.untouched
    clean_rows = zip(untouched, untouched, output.of_untouched or untouched, strict=True)
    altered = [(clean, noisy, restored) for clean, noisy, restored in clean_rows if clean != restored]
    for heading, chosen in (
        ("Sentences that it changed", changed),
        ("Sentences that it made worse", worse),
        ("Uncorrupted sentences that it altered", altered),
    ):
        yield f"## {heading}"
        yield ""
        if not chosen:
            yield "None."
            yield ""
            continue
        yield f"{min(EXAMPLES, len(chosen))} of {len(chosen)}; `[-missing-]` and `{{+wrong+}}` against the clean text."
        yield ""
        yield "```text"
        for clean, noisy, restored in chosen[:EXAMPLES]:
            yield f"noisy     {mark(clean, noisy)}"
            yield f"restored  {mark(clean, restored)}"
            yield ""
        yield "```"
        yield ""


def _distance(clean: str, text: str) -> int:
    from rapidfuzz.distance import Levenshtein

    return int(Levenshtein.distance(clean, text))
