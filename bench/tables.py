"""The tables of docs/reference/benchmarks.md, from what bench/restoration.py and bench/inference.py wrote.

.venv/bin/python bench/tables.py
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from plots import rows

Row = dict[str, Any]
Columns = dict[str, Callable[[Row], str]]


def number(key: str, how: str) -> Callable[[Row], str]:
    return lambda row: "" if row.get(key) is None else format(row[key], how)


def interval(row: Row) -> str:
    low, high = row["reduction_ci"]
    return f"{100 * low:.0f} to {100 * high:.0f}"


SHORT: Columns = {
    "system": number("system", ""),
    "sentences": number("sentences", "d"),
    "CER": number("cer", ".2%"),
    "removed": number("reduction", ".1%"),
    "95% interval": interval,
    "exact": number("exact", ".0%"),
    "worse": number("worse_fraction", ".1%"),
    "clean altered": number("clean_altered", ".1%"),
    "chars/s": number("chars_per_second", ",.0f"),
}
LONG = SHORT | {
    "cMER": number("cmer", ".2%"),
    "WER": number("wer", ".1%"),
    "better": number("improved", ".0%"),
    "MB": number("memory_mb", ",.0f"),
    "MB on disk": number("disk_mb", ",.0f"),
    "fitting s": number("train_seconds", ".0f"),
}
INFERENCE: Columns = {
    "system": number("system", ""),
    "decoder": number("beam", ""),
    "cores": number("cores", "d"),
    "sentences": number("sentences", "d"),
    "chars/s": number("chars_per_second", ",.0f"),
    "per core": number("chars_per_second_per_core", ",.0f"),
    "removed": number("reduction", ".1%"),
    "same in other batches": number("same_in_other_batches", ".0%"),
    "MB": number("memory_mb", ",.0f"),
}


def table(figures: Sequence[Row], columns: Columns) -> None:
    print_rows([list(columns), *([show(row) for show in columns.values()] for row in figures)])


def by_profile(figures: Sequence[Row], show: Callable[[Row], str]) -> None:
    """A row for each profile, a column for each system that saw more than one."""
    profiles = list(dict.fromkeys(row["profile"] for row in figures))
    systems = [s for s in dict.fromkeys(row["system"] for row in figures) if s != "identity"]
    cells = {(row["profile"], row["system"]): show(row) for row in figures}
    systems = [s for s in systems if sum((p, s) in cells for p in profiles) > 1]
    print_rows([["noise", *systems], *([p, *(cells.get((p, s), "") for s in systems)] for p in profiles)])


def print_rows(lines: Sequence[Sequence[str]]) -> None:
    head, *body = lines
    for line in (head, ["---"] * len(head), *body):
        print("| " + " | ".join(line) + " |")
    print()


def main() -> None:
    figures = rows("restoration")
    addresses = [row for row in figures if row["corpus"] == "sotu"]
    table([row for row in addresses if row["profile"] == "default"], LONG)
    table([row for row in figures if row["corpus"] != "sotu"], SHORT)
    by_profile(
        [row for row in addresses if row.get("against_default") is None],
        lambda r: f"{r['reduction']:.0%} ({r['sentences']})",
    )
    by_profile(
        [row for row in addresses if row.get("against_default") is not None],
        lambda r: f"{r['reduction']:.0%}, {100 * r['against_default']:+.1f}",
    )
    table(rows("inference"), INFERENCE)


if __name__ == "__main__":
    main()
