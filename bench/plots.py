"""Plots of what bench/restoration.py and bench/inference.py wrote: quality against speed, quality against fitting time.

    .venv/bin/python bench/plots.py

Writes docs/images/bench-restoration.svg.
"""

from __future__ import annotations

import json
from typing import Any

import common
import matplotlib

TARGET = common.REPO / "docs" / "images" / "bench-restoration.svg"
LOWEST = -0.2
"""Reduction below which a system is drawn at the edge, with its figure."""


def rows(name: str) -> list[dict[str, Any]]:
    table: list[dict[str, Any]] = json.loads((common.RESULTS / f"{name}.json").read_text())["rows"]
    return table


def main() -> None:
    matplotlib.use("svg")
    from matplotlib import pyplot

    pyplot.rcParams |= {"svg.hashsalt": "mendel", "svg.fonttype": "none", "font.size": 8}
    systems = [row for row in rows("restoration") if (row["corpus"], row["profile"]) == ("sotu", "default")]
    beams = [row for row in rows("inference") if row["beam"]]
    figure, (speed, fitting) = pyplot.subplots(1, 2, figsize=(10, 4), sharey=True)
    for row in systems:
        if row["chars_per_second"] is None:
            continue
        reduction, (low, high) = row["reduction"], row["reduction_ci"]
        height = max(reduction, LOWEST)
        label = row["system"] if reduction >= LOWEST else f"{row['system']}: {reduction:.0%}"
        bars = [[height - max(low, LOWEST)], [max(high, height) - height]]
        speed.errorbar(row["chars_per_second"], height, bars, fmt="o", capsize=2)
        speed.annotate(label, (row["chars_per_second"], height), xytext=(4, 4), textcoords="offset points")
        if row["train_seconds"]:
            fitting.errorbar(row["train_seconds"], height, bars, fmt="o", capsize=2)
            fitting.annotate(label, (row["train_seconds"], height), xytext=(4, 4), textcoords="offset points")
    speed.plot([row["chars_per_second"] for row in beams], [row["reduction"] for row in beams], "k.--", lw=0.7, ms=4,
               label="mendel channel-ngram, beams")  # fmt: skip
    speed.legend(loc="center")
    speed.set(xscale="log", xlim=(30, 3e6), xlabel="characters a second, one core", ylabel="character errors removed")
    fitting.set(xlabel="seconds of fitting", xlim=(0, 1.5 * max(row["train_seconds"] for row in systems)))
    speed.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    figure.suptitle("State of the Union, 2010 and later, default noise; bars: 95% intervals")
    figure.tight_layout()
    TARGET.parent.mkdir(exist_ok=True)
    figure.savefig(TARGET, metadata={"Date": None})


if __name__ == "__main__":
    main()
