"""Cleaning: Unicode to a plain form, markup and editor's notes out, then sentences, and which of them are kept."""

from __future__ import annotations

import re
import unicodedata
from typing import Self

from pydantic import Field, model_validator

from mendel.core.frozen import Frozen
from mendel.corpus import hyphens, markup, sentences
from mendel.corpus.scripts import UNSPACED, WIDE, columns, is_cjk

PASSES = 100
"""Cleaning is repeated until nothing changes (an entity may hide a tag, a note another note); this bounds the depth."""

PLAIN = {
    **dict.fromkeys(map(ord, "\u2022\u2023\u25aa\u25cf\u25e6"), "\n"),  # bullets start a new item
    **dict.fromkeys(map(ord, "\u00ad\u200b\u200e\u200f\u2060\ufeff")),  # soft hyphens, invisible spaces and marks
    **dict.fromkeys([*range(0x202A, 0x202F), *range(0x2066, 0x206A)]),  # directions of writing
}
WESTERN = PLAIN | {
    **dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2212\ufe63\uff0d"), "-"),  # hyphens, figure and en dash, minus
    **dict.fromkeys(map(ord, "\u2014\u2015"), "--"),  # em dash and bar, as typewriters wrote them
    **dict.fromkeys(map(ord, "\u201a\u201b\u2039\u203a"), "'"),
    **dict.fromkeys(map(ord, "\u201e\u201f\u00ab\u00bb"), '"'),
    0x2026: "...",
}
CJK = PLAIN | {
    code: plain
    for code in [0x3000, *range(0xFF01, 0xFFF0)]
    if len(plain := unicodedata.normalize("NFKC", chr(code))) == 1
    and (plain.isalnum() or plain.isspace() or WIDE.match(plain))
}
"""Letters, digits and spaces take their usual width, and so do marks of half of it. Quotes, dashes and marks such as
`\uff01` and `\uff0c` stay: they are the punctuation of Chinese, Japanese and Korean."""

JOINERS = frozenset("\u200c\u200d")
"""Invisible, and part of how Persian, Indic scripts and emoji are spelt."""
SPACES = re.compile(r"[^\S\n]+")
LINE_EDGES = re.compile(r" ?\n ?")
GAPS = re.compile(r"\n{3,}")
WRAP = re.compile(r"(?<!\n)\n(?!\n)")
WRAP_WITHOUT_SPACE = re.compile(rf"(?<={UNSPACED})\n(?={UNSPACED})")
WRAP_AT_HYPHEN = re.compile(r"(?<=[^\W_]-)\n(?=[^\W_a-z])")


def clean(text: str) -> str:
    """Text in its plain form; doing it again changes nothing.

    Encoding damage and entities are repaired and Unicode is composed (ftfy, NFC). Curly quotes become straight, en
    dashes and minus signs `-`, em dashes `--`, ellipses `...`; odd spaces become one space and invisible characters go.
    Words that a line's end divides are joined. HTML and XML tags go, scripts and styles with their content; blocks
    become paragraphs, Markdown's links their labels. Stage directions and editors' notes, which nobody spoke, go:
    `[Laughter]`, `(Applause)`. Code keeps its brackets.
    """
    for _ in range(PASSES):
        after = _pass(text)
        if after == text:
            break
        text = after
    return text


def _pass(text: str) -> str:
    import ftfy
    from ftfy import fixes

    text = ftfy.fix_text(text, unescape_html=True, explain=False, fix_character_width=False, uncurl_quotes=False)
    if not (cjk := is_cjk(text)):
        text = fixes.uncurl_quotes(fixes.fix_character_width(text))
    text = markup.without_tags(hyphens.join(text))
    text = markup.without_notes(text.translate(CJK if cjk else WESTERN))
    return GAPS.sub("\n\n", LINE_EDGES.sub("\n", SPACES.sub(" ", text))).strip()


class Cleaning(Frozen):
    """How documents become sentences, and which sentences are kept."""

    language: str = Field("en", pattern="^[a-z]{2,3}$", description="ISO code, for the rules of sentence ends")
    wrapped_lines: bool = Field(
        False,
        description="lines are broken by width, as in Project Gutenberg's files: only blank lines end a paragraph",
    )
    min_chars: int = Field(20, ge=1, description="one of Chinese, Japanese or Korean counts as two, for it says more")
    max_chars: int = Field(300, ge=1)
    terminated: bool = Field(
        True, description="keep only sentences that end in . ! ? or their language's mark: no headings, no table rows"
    )
    ascii_only: bool = Field(False, description="keep only sentences in ASCII")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.min_chars > self.max_chars:
            raise ValueError(f"min_chars {self.min_chars} is above max_chars {self.max_chars}")
        return self

    def sentences(self, text: str) -> list[str]:
        """The sentences of a document, cleaned, in order. A line break ends one, unless `wrapped_lines` is set."""
        return self.split(clean(text))

    def split(self, text: str) -> list[str]:
        """The same of a text that is clean already."""
        if self.wrapped_lines:
            text = WRAP.sub(" ", WRAP_WITHOUT_SPACE.sub("", WRAP_AT_HYPHEN.sub("", text)))
        pieces = (piece.strip() for line in text.split("\n") for piece in sentences.split(line, self.language))
        return [piece for piece in pieces if piece]

    def fault(self, sentence: str) -> tuple[str, str] | None:
        """Why a sentence is not kept, as (reason, detail), or None when it is."""
        if columns(sentence) < self.min_chars:
            return "too_short", f"{len(sentence)} characters"
        if len(sentence) > self.max_chars:
            return "too_long", f"{len(sentence)} characters"
        if not sentence.isprintable() and (odd := {one for one in sentence if not one.isprintable()} - JOINERS):
            return "unprintable", " ".join(f"U+{ord(character):04X}" for character in sorted(odd))
        if self.ascii_only and not sentence.isascii():
            return "not_ascii", "".join(sorted({character for character in sentence if not character.isascii()}))
        if self.terminated and not sentences.TERMINATED.search(sentence):
            return "unterminated", f"ends in {sentence[-1]!r}"
        return None
