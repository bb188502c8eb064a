"""Words that a line's end divides, put together again."""

from __future__ import annotations

import re
from collections.abc import Iterator, Set

LETTER = r"[^\W\d_]"
WORD = rf"{LETTER}{{1,60}}"
HYPHENS = r"\-\u2010\u2011\ufe63\uff0d"
DASHES = r"\u2012\u2013\u2212"
BREAK = r"[^\S\n]*\n[^\S\n]*"
SOFT = re.compile(rf"\u00ad{BREAK}")
DIVIDED = re.compile(rf"(?<={LETTER})(?:(?:[{HYPHENS}]|([{DASHES}])){BREAK}|\u00ac(?:{BREAK}|[^\S\n]?))(?={LETTER})")
"""A hyphen at the end of a line, in a word. Scans have the NOT SIGN for it, there or anywhere in a word."""
BEFORE, AFTER = re.compile(rf"(?:{WORD}-)*{WORD}\Z"), re.compile(WORD)
WINDOW = 80
COMPOUND = re.compile(rf"(?<!{LETTER}){LETTER}++(?:-{LETTER}++)+")
SUSPENDED = frozenset({"and", "or", "und", "oder", "bzw", "et", "ou"})
"""What follows the hyphen of half a compound, as in `two- and three-fold`."""


def join(text: str) -> str:
    """Text whose divided words are whole, on one line.

    The hyphen goes, unless the word has it elsewhere in the text (`cross-sectional`) or it was a dash. A capital after
    it begins a word of its own, unless all is in capitals; there the line's end stays, as it does in `two-⏎and three-fold`.
    """
    text = SOFT.sub("", text)
    if not DIVIDED.search(text):
        return text
    pieces, at = [], 0
    for start, end, between in divisions(text, compounds(text)):
        pieces += [text[at:start], between]
        at = end
    return "".join([*pieces, text[at:]])


def compounds(text: str) -> Set[str]:
    """Words that a text writes with a hyphen, in lower case."""
    return {word.casefold() for word in COMPOUND.findall(text)}


def divisions(text: str, compounds: Set[str]) -> Iterator[tuple[int, int, str]]:
    """Where words are divided that are one: start and end of what divides them, and what stands there in the whole word."""
    for division in DIVIDED.finditer(text):
        left, right = (
            BEFORE.search(text[max(0, division.start() - WINDOW) : division.start()]),
            AFTER.match(text, division.end()),
        )
        assert left, "letters stand on both sides"
        assert right, "letters stand on both sides"
        whole = right[0].islower() or (left[0].isupper() and right[0].isupper())
        if whole and right[0].casefold() not in SUSPENDED:
            is_compound = f"{left[0]}-{right[0]}".casefold() in compounds
            yield division.start(), division.end(), "-" if division[1] or is_compound else ""
