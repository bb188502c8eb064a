"""Whether the lines of a text are broken by width: said to the user, who decides (`wrapped_lines`)."""

from __future__ import annotations

import re
from itertools import pairwise

from mendel.corpus.scripts import UNSPACED, columns

WIDTHS = range(30, 141)
BREAKS = 10
"""Breaks inside paragraphs; fewer tell nothing."""
SHARE = 0.55
"""Of the text before those breaks, how much must be in lines that go on where the next word had hardly a place any more.
In code and lists it is a fifth to a half."""
WIDEST = (0.95, 0.85)
"""Quantiles of the lines that are taken for the widest, the first that will do: noise makes one line of two."""
FULL = 0.85
"""Of the width: editors break a little early, and cleaning makes one space of two."""
WIDER = 1.1
"""Of the width: what is wider is none of its lines."""
LONGEST_WORD = 20
BREAKS_ANYWHERE = re.compile(UNSPACED)


def width(text: str) -> int | None:
    """The width in columns at which a text's lines are broken, or None where they end for reasons of their own."""
    breaks = [(line, after) for line, after in pairwise(text.split("\n")) if line and after]
    if len(breaks) < BREAKS:
        return None
    widths = [columns(line) for line, _ in breaks]
    for quantile in WIDEST:
        widest = sorted(widths)[int(quantile * len(breaks))]
        full = sum(
            line_width
            for line_width, (_, after) in zip(widths, breaks, strict=True)
            if line_width <= WIDER * widest and _goes_on(line_width, after, FULL * widest)
        )
        if widest in WIDTHS and full >= SHARE * sum(widths):
            return widest
    return None


def _goes_on(line_width: int, after: str, full: float) -> bool:
    """A line that begins with a capital may be a verse, or a sentence of its own."""
    word = after[0] if BREAKS_ANYWHERE.match(after) else after.split(" ", 1)[0]
    return line_width + 1 + min(columns(word), LONGEST_WORD) > full and not after[0].isupper()
