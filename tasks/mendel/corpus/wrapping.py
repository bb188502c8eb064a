"""Whether the lines of a text are broken by width: said to the user, who decides (`wrapped_lines`)."""

from __future__ import annotations

from itertools import pairwise

WIDTHS = range(30, 141)
BREAKS = 10
"""Breaks inside paragraphs; fewer tell nothing."""
SHARE = 0.55
"""Of the text before those breaks, how much must be in lines that go on where the next word had hardly a place any more.
In code and lists it is a fifth to a half."""
FULL = 0.85
"""Of the width: editors break a little early, and cleaning makes one space of two."""
LONGEST_WORD = 20


def width(text: str) -> int | None:
    """The width in characters at which a text's lines are broken, or None where they end for reasons of their own."""
    breaks = [(line, after) for line, after in pairwise(text.split("\n")) if line and after]
    if len(breaks) < BREAKS:
        return None
    widest = sorted(len(line) for line, _ in breaks)[int(0.95 * len(breaks))]
    full = sum(len(line) for line, after in breaks if _goes_on(line, after, FULL * widest))
    return widest if widest in WIDTHS and full >= SHARE * sum(len(line) for line, _ in breaks) else None


def _goes_on(line: str, after: str, full: float) -> bool:
    """A line that begins with a capital may be a verse, or a sentence of its own."""
    word = min(len(after.split(" ", 1)[0]), LONGEST_WORD)
    return len(line) + 1 + word > full and not after[0].isupper()
