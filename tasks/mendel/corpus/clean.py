"""Cleaning: Unicode to a plain form, markup and editor's notes out, then sentences, and which of them are kept."""

from __future__ import annotations

import re
from typing import Self

from pydantic import Field, model_validator

from mendel.frozen import Frozen

PASSES = 100
"""Cleaning is repeated until nothing changes (an entity may hide a tag, a note another note); this bounds the depth."""

PLAIN = str.maketrans(
    {
        **dict.fromkeys("\u2010\u2011\u2012\u2013\u2212\ufe63\uff0d", "-"),  # hyphens, figure and en dash, minus
        **dict.fromkeys("\u2014\u2015", "--"),  # em dash and bar, as typewriters wrote them
        **dict.fromkeys("\u201a\u201b\u2039\u203a", "'"),
        **dict.fromkeys("\u201e\u201f\u00ab\u00bb", '"'),
        "\u2026": "...",
        **dict.fromkeys("\u2022\u2023\u25aa\u25cf\u25e6", "\n"),  # bullets start a new item
        **dict.fromkeys("\u00ad\u200b\u200e\u200f\u2060\ufeff", None),  # soft hyphens, invisible spaces and marks
        **dict.fromkeys([*range(0x202A, 0x202F), *range(0x2066, 0x206A)], None),  # directions of writing
    }
)

TAG = re.compile(
    r"<!--|<!doctype\b|</?[a-z][\w:-]*(?:\s+[\w:-]+\s*=\s*(?:\"[^\"<>]*\"|'[^'<>]*'|[^\s\"'<>]+))*\s*/?>", re.IGNORECASE
)
BLOCKS = (
    "address,article,aside,blockquote,body,dd,div,dl,dt,figcaption,figure,footer,form,h1,h2,h3,h4,h5,h6,header,hr,li,main,"
    "nav,ol,p,pre,section,table,td,th,tr,ul"
)
BLOCK_TAG = re.compile(rf"<(?:{BLOCKS.replace(',', '|')})\b", re.IGNORECASE)

NOTE = re.compile(
    r"\[[^\[\]\n]{0,300}\]|\((?:applause|laughter|cheers|inaudible|crosstalk|music)\b[^()\n]{0,100}\)", re.IGNORECASE
)
SPACES = re.compile(r"[^\S\n]+")
LINE_EDGES = re.compile(r" ?\n ?")
GAPS = re.compile(r"\n{3,}")
WRAP = re.compile(r"(?<!\n)\n(?!\n)")
TERMINATED = re.compile(r"[.!?\u3002][\"')\]]*$")


def clean(text: str) -> str:
    """Text in its plain form; doing it again changes nothing.

    Encoding damage and entities are repaired and Unicode is composed (ftfy, NFC). Curly quotes become straight, en
    dashes and minus signs `-`, em dashes `--`, ellipses `...`; odd spaces become one space and invisible characters go.
    HTML and XML tags go, scripts and styles with their content; blocks become paragraphs. What stands in square
    brackets on one line goes: stage directions and editors' notes, which nobody spoke. So does `(Applause)`.
    """
    for _ in range(PASSES):
        after = _pass(text)
        if after == text:
            break
        text = after
    return text


def _pass(text: str) -> str:
    import ftfy

    text = ftfy.fix_text(text, unescape_html=True, explain=False)
    if TAG.search(text):
        text = _without_markup(text)
    text = NOTE.sub(" ", text.translate(PLAIN))
    return GAPS.sub("\n\n", LINE_EDGES.sub("\n", SPACES.sub(" ", text))).strip()


def _without_markup(text: str) -> str:
    from selectolax.lexbor import LexborHTMLParser

    if BLOCK_TAG.search(text):
        text = text.replace("\n", " ")  # where tags make the paragraphs, line breaks are mere spaces
    tree = LexborHTMLParser(text)
    tree.strip_tags(["head", "script", "style", "noscript", "template"])
    for node in tree.css(BLOCKS):
        node.insert_before("\n\n")
        node.insert_after("\n\n")
    for node in tree.css("br"):
        node.insert_after("\n")
    return tree.text()


class Cleaning(Frozen):
    """How documents become sentences, and which sentences are kept."""

    language: str = Field("en", pattern="^[a-z]{2,3}$", description="ISO code, for the rules of sentence ends")
    wrapped_lines: bool = Field(
        False,
        description="lines are broken by width, as in Project Gutenberg's files: only blank lines end a paragraph",
    )
    min_chars: int = Field(20, ge=1)
    max_chars: int = Field(300, ge=1)
    terminated: bool = Field(True, description="keep only sentences that end in . ! or ?: no headings, no table rows")
    ascii_only: bool = Field(False, description="keep only sentences in ASCII")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.min_chars > self.max_chars:
            raise ValueError(f"min_chars {self.min_chars} is above max_chars {self.max_chars}")
        return self

    def sentences(self, text: str) -> list[str]:
        """The sentences of a document, cleaned, in order. A line break ends one, unless `wrapped_lines` is set."""
        import sentencex

        text = clean(text)
        if self.wrapped_lines:
            text = WRAP.sub(" ", text)
        pieces = (piece.strip() for line in text.split("\n") for piece in sentencex.segment(self.language, line))
        return [piece for piece in pieces if piece]

    def fault(self, sentence: str) -> tuple[str, str] | None:
        """Why a sentence is not kept, as (reason, detail), or None when it is."""
        if len(sentence) < self.min_chars:
            return "too_short", f"{len(sentence)} characters"
        if len(sentence) > self.max_chars:
            return "too_long", f"{len(sentence)} characters"
        if self.ascii_only and not sentence.isascii():
            return "not_ascii", "".join(sorted({character for character in sentence if not character.isascii()}))
        if self.terminated and not TERMINATED.search(sentence):
            return "unterminated", f"ends in {sentence[-1]!r}"
        return None
