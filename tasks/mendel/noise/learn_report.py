"""A learned profile for people: the YAML file with what it rests on, and a table of it."""

from __future__ import annotations

import heapq

import yaml

from mendel.noise.learn import Learned, LearnedFrom
from mendel.noise.profile import OPERATIONS

WIDTH = 120
SHOWN = 12
"""Confusions in the table; the file has all."""


def to_yaml(learned: Learned) -> str:
    """The profile as a file that `corrupt` reads; what has its default value is left out."""
    evidence = learned.evidence
    comment = (
        f"# Learned from {evidence.pairs} pairs, {evidence.passages} passages with {evidence.characters} clean characters; "
        f"{sum(evidence.events.values()):.0f} events.\n"
        f"# Left out: {_left_out(evidence)}.\n"
        "# confusions: a clean character, what stands for it and how often that was seen; itself, where it was spared.\n"
    )
    data = learned.profile.model_dump(mode="json", exclude_defaults=True)
    return comment + yaml.safe_dump(data, sort_keys=False, allow_unicode=True, default_flow_style=None, width=WIDTH)


def table(learned: Learned) -> str:
    """What was learned, in lines for a terminal."""
    profile, evidence = learned
    lines = [
        f"{evidence.pairs} pairs, {evidence.passages} passages with {evidence.characters} clean characters, "
        f"{evidence.nats_per_character:.4f} nats a character",
        f"left out: {_left_out(evidence)}",
        "",
        f"{'operation':<14}{'seen':>9}{'error':>8}{'rate':>11}",
    ]
    for operation in OPERATIONS:
        events, rate = evidence.events[operation], getattr(profile.rates, operation)
        error = f"{100 * evidence.standard_error(operation):.0f}%" if events >= 1 else "-"
        lines.append(f"{operation:<14}{events:>9.1f}{error:>8}{rate:>11.3g}")
    characters = "weights" if isinstance(profile.characters, dict) else profile.characters
    lines += [
        "",
        f"mean segment length {profile.mean_length:g}, noise characters: {characters}, "
        f"intensities {', '.join(f'{intensity:g}' for intensity in profile.intensities)}",
    ]
    pairs = [
        (weight, clean, noisy)
        for clean, row in profile.confusions.items()
        for noisy, weight in row.items()
        if noisy != clean
    ]
    if pairs:
        shown = heapq.nlargest(SHOWN, pairs)
        lines.append("confusions: " + ", ".join(f"{clean}→{noisy} {weight:g}" for weight, clean, noisy in shown))
    return "\n".join(lines)


def _left_out(evidence: LearnedFrom) -> str:
    return (
        f"{evidence.left_out} passages; in all {evidence.clean_left_out} clean and {evidence.noisy_left_out} noisy "
        "characters, too different to belong together"
    )
