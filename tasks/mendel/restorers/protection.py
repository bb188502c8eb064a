"""What is not to be restored, since a language model of prose knows nothing of it: addresses, numbers, names of programs.

A change is refused where it touches one of these in the input. A word with one stray digit is none of them: patterns match
whole words, without the punctuation around them.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from mendel.recipes.protection import ProtectedKind
from mendel.restorers.restorer import Span

WORD = re.compile(r"\S+")
AROUND = ".,;:!?()[]{}<>\"'“”‘’«»*_`"
"""Punctuation that may stand around a protected word."""
WORDS: dict[ProtectedKind, re.Pattern[str]] = {
    "url": re.compile(r"(?:[A-Za-z][A-Za-z0-9+.-]*://|www\.)\S+"),
    "email": re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"),
    "path": re.compile(
        r"""(?x) (?:[\w.@~+-]*/){2,}[\w.@*+-]*   # usr/share/doc
        | (?:~|\.{1,2})/\S* | [A-Za-z]:\\\S*      # ./run, C:\Users
        | [\w-]+/[\w-]+\.\w+ | \w[\w-]*\.[a-z]{1,4}\d?  # docs/index.md, setup.py"""
    ),
    "number": re.compile(
        r"""(?x) [#$€£¥+−-]?\d[\d.,:/%×–-]*(?:st|nd|rd|th|[a-zA-Z]{1,2}|%)?  # $1,250.00, 24/7, 3rd, 10ms
        | \d[\dA-Za-z:.+-]*T[\d:.+-]+Z?  # 2026-11-23T10:45:00Z"""
    ),
    "identifier": re.compile(
        r"""(?x) \w+(?:_\w+)+ | _+\w+ | \w+\([\w,]*\)? | \w+(?:\.\w+){2,} | \w+(?:::\w+)+  # max_worse, run(), a.b.c
        | --?[a-z][\w-]*(?:=\S*)? | @\w+                # --set=x, @property
        | [0-9a-fA-F]{7,}(?:-[0-9a-fA-F]+)*             # a digest"""
    ),
}
SPACES = re.compile(r"^\s+|\s{2,}|\t|\s+$")
CODE = re.compile(r"`[^`]+`|<[^<>\s][^<>]*>")


def protected(text: str, kinds: Collection[ProtectedKind]) -> list[tuple[int, int]]:
    """The stretches [start, end) of a text that are of some of these kinds, in no order."""
    return list(_stretches(text, kinds))


def is_refused(
    change: Span, text: str, stretches: Collection[tuple[int, int]], kinds: Collection[ProtectedKind]
) -> bool:
    """Whether a change touches one of the stretches, or invents a number where numbers are protected."""
    removed = text[change.start : change.end]
    invents = "number" in kinds and any(c.isdigit() and c not in removed for c in change.replacement)
    return invents or any(_touches(change, start, end) for start, end in stretches)


def _touches(change: Span, start: int, end: int) -> bool:
    """It removes a part of the stretch, or inserts something into it, or a letter or digit right before or behind it."""
    if change.start < end and start < change.end:
        return True
    lengthens = change.replacement[:1].isalnum() if change.start == end else change.replacement[-1:].isalnum()
    return start < change.start < end or (lengthens and (change.start == end or change.end == start))


def _stretches(text: str, kinds: Collection[ProtectedKind]) -> Iterator[tuple[int, int]]:
    if "spaces" in kinds:
        yield from (match.span() for match in SPACES.finditer(text))
    if "code" in kinds:
        yield from (match.span() for match in CODE.finditer(text))
    patterns = [pattern for kind, pattern in WORDS.items() if kind in kinds]
    for match in WORD.finditer(text):
        word = match.group()
        core = word.strip(AROUND)
        if core and any(pattern.fullmatch(core) or pattern.fullmatch(word) for pattern in patterns):
            yield match.span()
