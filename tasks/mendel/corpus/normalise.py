"""The plain form of characters that models have learned (`clean`), of text that gets its own form back.

A model that never saw a curly quote cannot read one. So it reads the plain form, and what it does not change stays as it
was written. Where `clean` takes something out of a text or repairs it as a whole (tags, notes, text that was decoded
wrongly), this does not.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise

from mendel.corpus.clean import CJK, WESTERN
from mendel.corpus.scripts import is_cjk
from mendel.corpus.traced import Rewriting, Seam, TracedText

TOKEN = re.compile(r"(?P<space>\s+)|(?P<entity>&(?:\w{2,32}|#\d{1,7}|#[xX][0-9a-fA-F]{1,6});)|[!-%'-~]+|.")
"""White space, an entity of HTML, printable ASCII, or one other character."""


def normalised(text: TracedText) -> TracedText:
    """Characters in their plain form, which is that of `clean`; each run of white space is one space."""
    return text.rewritten(_rules(text))


def _rules(text: TracedText) -> Iterator[Rewriting]:
    spaced, at, cjk = False, 0, is_cjk(text.text)
    for start, end, kind in _tokens(text):
        original = text.text[start:end]
        spaced, at = spaced and start == at, end  # something else stood between
        plain = " " if kind == "space" else _plain(html.unescape(original) if kind == "entity" else original, cjk)
        if plain.isspace():
            plain = "" if spaced else " "
        if plain:
            spaced = plain[-1] == " "
        if plain != original:
            yield Rewriting(start, end, plain)


def _tokens(text: TracedText) -> Iterator[tuple[int, int, str | None]]:
    """Pieces of the text that are read one by one, with what they are; ASCII that stays as it is comes in long ones."""
    objects = {at for at, seam in text.breaks.items() if seam is Seam.OBJECT}
    bounds = sorted({0, len(text.text), *text.seams, *objects, *(at + 1 for at in objects)})
    for begin, stop in pairwise(bounds):
        if begin in objects:
            continue
        start: int | None = None  # of a character and what joins it
        for token in TOKEN.finditer(text.text, begin, stop):
            kind = token.lastgroup
            if start is not None and (kind or not _joins(text.text[start : token.start()], token[0][0])):
                yield start, token.start(), None
                start = None
            if kind:
                yield token.start(), token.end(), kind
            elif start is None:
                # the last character of a run may be what a mark behind it joins
                if len(token[0]) > 1:
                    yield token.start(), token.end() - 1, None
                start = token.end() - 1
        if start is not None:
            yield start, stop, None


def _joins(before: str, character: str) -> bool:
    """Whether composing makes one of both: a letter and its accent, the parts of a syllable in Hangul."""
    if character.isascii():
        return False
    if unicodedata.combining(character):
        return True
    apart = unicodedata.normalize("NFC", before) + unicodedata.normalize("NFC", character)
    return unicodedata.normalize("NFC", before + character) != apart


@lru_cache(maxsize=1 << 16)
def _plain(text: str, cjk: bool) -> str:
    if text.isascii() and text.isprintable():
        return text
    from ftfy import fixes

    text = fixes.fix_latin_ligatures(text)
    if not cjk:
        text = fixes.uncurl_quotes(fixes.fix_character_width(text))
    return fixes.remove_control_chars(unicodedata.normalize("NFC", text)).translate(CJK if cjk else WESTERN)
