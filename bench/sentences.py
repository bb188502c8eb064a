"""How the time to split a line into sentences grows with the line: it must be linear, whatever stands in it.

    .venv/bin/python bench/sentences.py

Prints seconds for lines of 0.5 to 4 million characters. Ends with 1 where eight times the text takes over 16 times as long.
"""

from __future__ import annotations

import sys
import time

from rich.console import Console
from rich.table import Table

from mendel.corpus import sentences

LINES = {
    "English": ("en", "The word is here, and it is there. "),
    "English, no end": ("en", "word "),
    "no space at all": ("en", "word"),
    "open quotes": ("en", '"Yes. '),
    "Chinese": ("zh", "他来了，天气很好，她走了。"),
    "Chinese, ASCII marks": ("zh", "他来了,天气很好,她走了. "),
    "Japanese, open speech": ("ja", "「行くぞ"),
    "Thai": ("th", "ฉันไปโรงเรียนแล้วกลับบ้าน "),
}
SIZES = [500_000, 1_000_000, 2_000_000, 4_000_000]
LINEAR, ALLOWED = SIZES[-1] / SIZES[0], 16
"""By how much the text grows, and by how much the time may."""


def seconds(language: str, piece: str, size: int) -> float:
    line = piece * (size // len(piece))
    started = time.perf_counter()
    for _ in sentences.split(line, language):
        pass
    return time.perf_counter() - started


def main() -> int:
    table = Table("text", *(f"{size / 1e6:g}M" for size in SIZES), f"growth ({LINEAR:g} is linear)")
    worst = 0.0
    for name, (language, piece) in LINES.items():
        times = [seconds(language, piece, size) for size in SIZES]
        worst = max(worst, times[-1] / times[0])
        table.add_row(name, *(f"{value:.2f} s" for value in times), f"{times[-1] / times[0]:.1f}")
    Console().print(table)
    return int(worst > ALLOWED)


if __name__ == "__main__":
    sys.exit(main())
