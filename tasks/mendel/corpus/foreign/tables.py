"""Rows of cells, the first one the header, in the forms that tables have in plain text."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

Rows = Sequence[Sequence[str]]


def aligned(rows: Rows) -> str:
    """Columns under each other, two spaces between them."""
    return "\n".join("  ".join(cells).rstrip() for cells in _padded(rows))


def piped(rows: Rows) -> str:
    """A table of Markdown."""
    header, *body = (f"| {' | '.join(cells)} |" for cells in _padded(rows))
    rule = "".join("|" if character == "|" else "-" for character in header)
    return "\n".join([header, rule, *body])


def separated(rows: Rows) -> str:
    """Comma-separated values, quoted where that is needed."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().rstrip("\n")


def _padded(rows: Rows) -> list[list[str]]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [[cell.ljust(width) for cell, width in zip(row, widths, strict=True)] for row in rows]
