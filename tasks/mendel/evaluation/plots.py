"""Plots of an evaluation: the CER of each system, part by part, with its interval; and what confidence is worth."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from mendel.evaluation.reliability import Reliability
from mendel.evaluation.scores import Scores, Slice

WIDTH = 0.8
"""Of a group of bars; the rest is space between groups."""

RELIABILITY = "reliability.png"


def file_name(grouping: str) -> str:
    return f"cer_{grouping}.png"


def draw(folder: Path, scores: Mapping[str, Scores], groupings: Mapping[str, str]) -> None:
    """One picture for each grouping of `Scores` (its field's name → the title)."""
    for grouping, title in groupings.items():
        parts = {system: getattr(system_scores, grouping) for system, system_scores in scores.items()}
        _bars(folder / file_name(grouping), f"CER: {title.lower()}", parts)


def _bars(path: Path, title: str, systems: Mapping[str, Mapping[str, Slice]]) -> None:
    from matplotlib.figure import Figure  # without pyplot there is no global state, and no display is looked for

    figure = Figure(figsize=(9, 4.5), layout="constrained")
    axes = figure.subplots()
    groups = list(next(iter(systems.values())))
    width = WIDTH / len(systems)
    for index, (system, parts) in enumerate(systems.items()):
        cers = [100 * parts[group].cer.value for group in groups]
        below = [100 * max(parts[group].cer.value - parts[group].cer.low, 0) for group in groups]
        above = [100 * max(parts[group].cer.high - parts[group].cer.value, 0) for group in groups]
        places = [place + (index - (len(systems) - 1) / 2) * width for place in range(len(groups))]
        axes.bar(places, cers, width, yerr=[below, above], ecolor="0.4", capsize=2, label=system.replace("_", " "))
    axes.set_xticks(range(len(groups)), groups)
    axes.set_ylabel("character error rate, %")
    axes.set_title(title)
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=120)


def reliability(folder: Path, measured: Reliability) -> None:
    """Confidence against the share of right changes, and what thresholds of confidence would remove and alter."""
    from matplotlib.figure import Figure  # as above

    figure = Figure(figsize=(9, 4.5), layout="constrained")
    bins, curve = figure.subplots(1, 2)
    full = [part for part in measured.bins if part.changes]
    bins.plot([0, 1], [0, 1], color="0.7", linestyle="--", label="as sure as right")
    bins.scatter(
        [part.confidence for part in full],
        [part.right for part in full],
        s=[20 + 400 * part.changes / measured.changes for part in full],
        label="changes",
    )
    bins.set(
        xlabel="mean confidence", ylabel="share of right changes", title="Reliability", xlim=(0, 1.02), ylim=(0, 1.05)
    )
    removed = [100 * point.removed for point in measured.curve]
    for name, label in (("clean_altered", "clean sentences"), ("foreign_altered", "foreign texts")):
        altered = [getattr(point, name) for point in measured.curve]
        if None not in altered:
            curve.plot([100 * share for share in altered], removed, marker="o", markersize=3, label=label)
    curve.set(xlabel="altered, %", ylabel="errors removed, %", title="Thresholds of confidence")
    for axes in (bins, curve):
        axes.legend(frameon=False)
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(folder / RELIABILITY, dpi=120)
