"""What is not to be restored, since a language model of prose knows nothing of it: addresses, numbers, names of programs.

A change is refused where it touches one of these in the input. Only what is unmistakable is one: a word with a stray digit or
underscore is more likely noise, and the rest is left to the judge of the text. Patterns match whole words, without the
punctuation around them.
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
        r"""(?x) \w+(?:_\w+){2,} | __\w+ | \w+(?:\.\w+){2,} | \w+(?:::\w+)+ | \w[\w.]*\(\)  # max_clean_altered, a.b.c, run()
        | \w+(?:[._]\w+)+\(\S*  # what is called, with its first argument: dnd_leave(source,
        | --[a-z][\w-]+(?:=\S*)? | [0-9a-fA-F]{12,} | [0-9a-fA-F]{4,}(?:-[0-9a-fA-F]{4,})+  # --set=x, a digest, a UUID"""
    ),
}
UNIT = re.compile(
    r"""(?x) (?<!\w)\d[\d.,]*[ \u00a0\u202f]  # 2 s, 1,500 kWh, 3.5 °C
    (?: [µμnmckhdMGTPE]?(?:[mgsAVWNJlLBbΩ]|Hz|Wh|Pa|eV|mol|cal|bit) | [KMGTP]iB | °[CF]
    | min|h|d|K|rad|dB|px|pt|em|in|ft|yd|mi|oz|lb|mph|ha )
    [²³]?(?:/(?:s|h|min|m[²³]?|l|L|kg))?(?!\w)"""
)
"""A number with the symbol of its unit: one letter for another makes another quantity."""
SPACES = re.compile(r"^\s{2,}|\s{3,}|\t|\n|\s{2,}$|(?<=[.!?:]) {2}(?=\S)")
"""Indentation, gaps between columns, and two spaces behind a sentence, as typewriters have them. Two spaces elsewhere in a
line may be noise: a space that was doubled."""
EMOJI = re.compile(
    "[\U0001f1e6-\U0001f1ff\U0001f300-\U0001faff\u200d\ufe0f\u20e3\U000e0020-\U000e007f]+|[\u2190-\u2bff]\ufe0f"
)
"""Pictures and flags with what joins and varies them; older signs where they are to be shown as pictures."""
MARKUP = re.compile(r"^[ \t]*(?:(?:#{1,6}|[-*+>])[ \t]+|\d+[.)][ \t]+)", re.MULTILINE)
"""What makes of a line a heading, an item of a list or a quotation."""
ENDING = re.compile(r"[:,;](?=\s*\Z)")
"""Of a text that is no sentence by itself: it leads to a list, or goes on on another line."""
CODE = re.compile(r"`[^`]+`|<[^<>\s][^<>]*>")
ANYWHERE: dict[ProtectedKind, re.Pattern[str]] = {
    "spaces": SPACES,
    "code": CODE,
    "number": UNIT,
    "emoji": EMOJI,
    "markup": MARKUP,
    "ending": ENDING,
}
"""Patterns of stretches that are no whole words."""
BRACKET = re.compile(r"(?<!\w)[(\[{](?=\S)|(?<=\S)[)\]}](?!\w)")
"""One that opens before a word or closes behind one; those that noise put in stand anywhere."""
CLOSING = {"(": ")", "[": "]", "{": "}"}


def protected(text: str, kinds: Collection[ProtectedKind]) -> list[tuple[int, int]]:
    """The stretches [start, end) of a text that are of some of these kinds, in no order."""
    return list(_stretches(text, kinds))


def is_refused(
    change: Span, text: str, stretches: Collection[tuple[int, int]], kinds: Collection[ProtectedKind]
) -> bool:
    """Whether a change touches one of the stretches, or does what no stretch shows, where that is protected: invents a number,
    takes one of a pair of brackets, or ends a heading with a full stop."""
    removed = text[change.start : change.end]
    invents = "number" in kinds and any(c.isdigit() and c not in removed for c in change.replacement)
    unpairs = "brackets" in kinds and _unpairs(change, text)
    ends = "ending" in kinds and change.start >= len(text.rstrip()) and not any(map(str.isalnum, change.replacement))
    return invents or unpairs or ends or any(_touches(change, text, start, end) for start, end in stretches)


def _unpairs(change: Span, text: str) -> bool:
    lost = [text[at] for at in _paired(text) if change.start <= at < change.end]
    return any(lost.count(bracket) > change.replacement.count(bracket) for bracket in lost)


def _paired(text: str) -> Iterator[int]:
    """Where the brackets are that belong to a pair."""
    opened: list[int] = []
    for match in BRACKET.finditer(text):
        if match[0] in CLOSING:
            opened.append(match.start())
        elif opened and CLOSING[text[opened[-1]]] == match[0]:
            yield from (opened.pop(), match.start())


def _touches(change: Span, text: str, start: int, end: int) -> bool:
    """It removes a part of the stretch, or inserts something into it, or brings a letter or digit right next to it."""
    if change.start == end:
        return (change.replacement + text[change.end :])[:1].isalnum()
    if change.end == start:
        return (text[: change.start] + change.replacement)[-1:].isalnum()
    return change.start < end and start < change.end


def _stretches(text: str, kinds: Collection[ProtectedKind]) -> Iterator[tuple[int, int]]:
    for kind, pattern in ANYWHERE.items():
        if kind in kinds:
            yield from (match.span() for match in pattern.finditer(text))
    patterns = [pattern for kind, pattern in WORDS.items() if kind in kinds]
    for match in WORD.finditer(text):
        word = match.group()
        core = word.strip(AROUND)
        if core and any(pattern.fullmatch(core) or pattern.fullmatch(word) for pattern in patterns):
            yield match.span()
