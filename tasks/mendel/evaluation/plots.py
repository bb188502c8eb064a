"""Plots of an evaluation: the CER of each system, part by part, with its interval."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from mendel.evaluation.scores import Scores, Slice

WIDTH = 0.8
"""Of a group of bars; the rest is space between groups."""


def file_name(grouping: str) -> str:
    return f"cer_{grouping}.png"


def draw(folder: Path, scores: Mapping[str, Scores], groupings: Mapping[str, str]) -> None:
    """One picture for each grouping of `Scores` (its field's name → the title)."""
    for grouping, title in groupings.items():
        parts = {system: getattr(found, grouping) for system, found in scores.items()}
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
