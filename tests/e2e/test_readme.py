"""README shows what this version prints: its block has the shape of a report on a chain that ran just now."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import pytest
import report
from airflow_stack import AirflowStack
from rich.console import Console

from mendel.promotion import ledger

from .conftest import CHAIN, REPO, TICKS

pytestmark = [pytest.mark.scheduler, pytest.mark.timeout(1200)]

WIDTH = 132
OF_A_BATCH = {"restore_plan", "restore_shard", "restore_collect"}
"""Stages that the demo has and the chain has not."""
OF_AN_LLM = {"fine-tuning", "first pass alone", "(n-gram decoder)"}
"""Of the demo's recipe alone."""


@dataclass(frozen=True)
class Shape:
    """A report without its figures."""

    titles: list[str]
    headings: list[list[str]]
    labels: set[str]
    """The first words of every row."""

    @classmethod
    def of(cls, printed: str) -> Shape:
        lines = [line.rstrip() for line in printed.splitlines()]
        titles = [before for before, line in pairwise(lines) if line.startswith("┏")]
        return cls(
            titles=[re.sub(r"[\d,]+", "N", re.sub(r"\b(promoted|declined)\b", "DECIDED", title)) for title in titles],
            headings=[[cell.strip() for cell in line.strip("┃").split("┃")] for line in lines if line.startswith("┃")],
            labels={
                found[1].strip() for line in lines if (found := re.match(r"(?:│ | )(\S.{0,31}?)(?: {2,}| │)", line))
            },
        )


@pytest.fixture(scope="module")
def printed(stack: AirflowStack, ticks: dict[str, dict[str, dict[str, Any]]]) -> Shape:
    partition, root = TICKS[0], stack.env["MENDEL_LAKE"]
    tasks = [
        {**task, "dag_id": dag_id}
        for dag_id in CHAIN
        for task in stack.client.tasks(dag_id, ticks[partition][dag_id]["dag_run_id"])
    ]
    figures = report.figures(root, partition, [], tasks, ledger.read(root)[0])
    figures |= {"judged_before": False, "wall_seconds": 9.0, "setup_seconds": 1.0, "airflow_start_seconds": 1.0}
    text = io.StringIO()
    console = Console(file=text, width=WIDTH)
    report.show(figures, report.examples(root, partition), console)
    report.show_next(figures, "include/pipelines/demo.yaml", console)
    return Shape.of(text.getvalue())


@pytest.fixture(scope="module")
def shown() -> Shape:
    (block,) = re.findall(r"```text\n(Held-out text.*?)```", (REPO / "README.md").read_text(), re.DOTALL)
    return Shape.of(block)


def test_readme_has_the_tables_of_the_report(printed: Shape, shown: Shape) -> None:
    assert len(printed.titles) == 3, "scores, rules, times"
    assert shown.titles == printed.titles
    assert shown.headings == printed.headings


def test_readme_has_the_rows_of_the_report(printed: Shape, shown: Shape) -> None:
    assert {"max_worse", "SymSpell", "wall time", "candidate"} <= printed.labels, "rows of each table are read"
    assert printed.labels - shown.labels == set(), "the report prints these, README does not show them"
    assert shown.labels - printed.labels - OF_A_BATCH - OF_AN_LLM == set(), "README shows these, the report prints none"
