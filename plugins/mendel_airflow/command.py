"""What the targets share of a stage: its command line, its environment, and what it said last."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Mapping, Sequence
from itertools import pairwise, takewhile
from typing import TYPE_CHECKING, Any

from mendel_airflow import lineage, pipelines

if TYPE_CHECKING:
    from airflow.sdk import Context

LEVEL = re.compile(r"\blevel=(debug|info|warning|error|critical)\b", re.IGNORECASE)

TAIL = 100
"""Lines kept, to find in them what the stage said last."""


def command_line(arguments: Sequence[str], mapped: Mapping[str, Any]) -> list[str]:
    """The words after `mendel`: what was rendered to nothing left out, the options of the mapped task behind.

    Fails at once on a configuration that is not the deployment's.
    """
    for word, value in pairwise(arguments):
        if word == "--config":
            pipelines.require(value)
    options = [token for name, value in mapped.items() for token in (f"--{name}", str(value))]
    return [token for token in arguments if token != ""] + options


def words(arguments: Sequence[str]) -> list[str]:
    """The command that a command line begins with: `restore shard`, without its options."""
    return list(takewhile(lambda word: not word.startswith("-"), arguments))


def begins_with(command: str, name: str) -> bool:
    """Whether a command is called `name`, or begins with its words: `restore shard` with `restore`."""
    return f"{command} ".startswith(f"{name} ")


def variables(context: Context) -> dict[str, str]:
    """More environment of a stage: the run that it belongs to, and the pipeline whose gate no other may be laxer than."""
    return {
        "MENDEL_RUN_ID": context["run_id"],
        "MENDEL_RULES": os.environ.get("MENDEL_RULES") or pipelines.default(),
        **lineage.variables(context),
    }


def show(log: Any, line: str) -> None:
    """Log a line of a stage at the level that the line itself names."""
    level = LEVEL.search(line)
    getattr(log, level.group(1).lower() if level else "info")("%s", line)


def last_message(tail: Collection[str]) -> str:
    """What a stage said last: from its `mendel: …` line to the end, else the last line that says something."""
    lines = list(tail)
    for start in range(len(lines) - 1, -1, -1):
        if lines[start].startswith("mendel: "):
            return "\n".join(lines[start:]).strip()
    return next((line for line in reversed(lines) if line.strip()), "it said nothing")
