"""Markdown (CommonMark and GitHub's tables).

markdown-it-py says which lines are a paragraph, a heading, a cell, and which are code; where in a line the text begins and
what in it is markup it does not say, so that is found here. What no rule knows is kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from html import unescape
from typing import TYPE_CHECKING

from mendel.corpus import hyphens
from mendel.corpus.traced import Rewriting, Seam, TracedText
from mendel.documents.document import ReadingOptions, Segment, TextDocument, decoded
from mendel.documents.prose import from_paragraph
from mendel.documents.protected import OBJECT

if TYPE_CHECKING:
    from markdown_it.token import Token

FRONT_MATTER = re.compile(
    r"\ufeff?(?:---[ \t]*\r?\n.*?^(?:---|\.\.\.)|\+\+\+[ \t]*\r?\n.*?^\+\+\+)[ \t]*(?:\r?\n|\Z)",
    re.DOTALL | re.MULTILINE,
)
LINE_END = re.compile(r"\r\n|\r|\n")
TARGET = r"\((?:[^()\\<>]|\\.|<[^<>\n]*>|\((?:[^()\\]|\\.)*\))*\)"
"""`(address "title")`, brackets in pairs."""
INLINE = re.compile(
    rf"""
      (?P<escape>\\[!-/:-@\[-`{{-~])
    | (?P<code>(?<!`)(?P<ticks>`+)(?!`).*?(?<!`)(?P=ticks)(?!`))
    | (?P<math>\$\$.+?\$\$ | \$(?=\S)[^$\n]*?(?<=[^\s\\])\$(?!\d))
    | (?P<address><(?:[A-Za-z][A-Za-z0-9+.-]{{1,31}}:[^\s<>]*|[^\s<>@]+@[^\s<>]+)>)
    | (?P<tag><!--.*?-->|</?[A-Za-z][^<>]*>|<[?!][^<>]*>)
    | (?P<footnote>\[\^[^\]\s]+\]:?)
    | (?P<wiki>!?\[\[[^\[\]]+\]\])
    | (?P<task>\A\[[ xX]\](?=\s))
    | (?P<attributes>\{{[.#:][^{{}}\n]*\}})
    | (?P<entity>&(?:\w{{2,32}}|\#\d{{1,7}}|\#[xX][0-9a-fA-F]{{1,6}});)
    | (?P<close>\](?:{TARGET}|\[[^\[\]]+\]))
    | (?P<named>!?\[(?P<name>[^\[\]]+)\](?:\[\])?(?![(\[]))
    | (?P<open>!?\[(?=(?:[^\[\]]|\[(?:[^\[\]]|\[[^\[\]]*\])*\](?:{TARGET})?)*\](?:{TARGET}|\[[^\[\]]+\])))
    | (?P<emphasis>\*+|_+|~~)
    """,
    re.VERBOSE | re.DOTALL,
)
PROTECTED = frozenset({"code", "math", "address", "footnote", "wiki", "attributes"})
SPECIAL = re.compile(r"[\\`*_\[\]<>|~]")


def read(data: bytes, options: ReadingOptions) -> TextDocument:
    """Paragraphs, headings, items and cells. Raises InputError where it is no text of the encoding."""
    from markdown_it import MarkdownIt  # loads its rules, a few hundredths of a second

    source, encoding = decoded(data, options.encoding)
    front = FRONT_MATTER.match(source)
    begin = front.end() if front else int(source.startswith("\ufeff"))
    body = LINE_END.sub("\n", source[begin:])
    environment: dict[str, Mapping[str, object]] = {}
    tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(body, environment)
    lines = list(_lines(source, begin))
    compounds = hyphens.compounds(source)
    names = frozenset(_key(name) for name in environment.get("references", ()))
    segments: list[Segment] = []
    cells: dict[int, int] = {}
    for token in tokens:
        if token.type == "inline" and (text := _traced(source, token, lines, cells)) is not None:
            segments += from_paragraph(text.rewritten(_inline(text.text, names)), compounds, _escaped)
    return TextDocument(source, encoding, segments, tuple((token.type, token.level) for token in tokens))


def _lines(source: str, begin: int) -> Iterator[tuple[int, int]]:
    """Start and end of each line, without its end."""
    for line_end in LINE_END.finditer(source, begin):
        yield begin, line_end.start()
        begin = line_end.end()
    yield begin, len(source)


def _traced(source: str, token: Token, lines: list[tuple[int, int]], cells: dict[int, int]) -> TracedText | None:
    """The content of a paragraph, a heading or a cell, with its places; None where one is not plain to see.

    `cells`: up to where in a line its cells are found.
    """
    assert token.map, "each inline token has its lines"
    first, stop = token.map
    parts = []
    contents = token.content.split("\n")
    for number, content in zip(range(first, stop), contents, strict=False):
        start, end = lines[number]
        written = content.strip()
        if len(contents) == 1:  # a heading, or a cell: the first of that text
            start = cells.get(number, start)
            place = source.find(written, start, end)
            if place < 0 and "|" in written:
                written = written.replace("|", "\\|")
                place = source.find(written, start, end)
        else:  # quotes and indents stand before it
            place = source.rfind(written, start, end)
        if place < 0:
            return None
        cells[number] = place + len(written)
        parts.append(TracedText.of(source, place, place + len(written)))
    return TracedText.joined(parts, "\n", Seam.LINE)


def _inline(text: str, names: frozenset[str]) -> Iterator[Rewriting]:
    """What in a paragraph is markup, or stands for another character."""
    at = 0
    while match := INLINE.search(text, at):
        at = match.end()
        kind = next(name for name in INLINE_KINDS if match[name] is not None)
        written = match[0]
        if kind == "named":
            if _key(match["name"]) in names:
                yield Rewriting(match.start(), at, OBJECT)
            else:
                at = match.start() + written.index("[") + 1  # what is in plain brackets is text
        elif kind in PROTECTED:
            yield Rewriting(match.start(), at, OBJECT)
        elif kind == "escape":
            yield Rewriting(match.start(), at, written[1])
        elif kind == "entity":
            yield Rewriting(match.start(), at, unescape(written))
        elif kind != "emphasis" or _is_emphasis(text, match):
            yield Rewriting(match.start(), at, "", Seam.TAG)


INLINE_KINDS = [name for name in INLINE.groupindex if name not in ("ticks", "name")]


def _is_emphasis(text: str, delimiter: re.Match[str]) -> bool:
    """Stars and lines that stand at a word, as those of emphasis do."""
    before, after = text[: delimiter.start()][-1:], text[delimiter.end() : delimiter.end() + 1]
    if delimiter[0][0] == "_":
        return before.isalnum() != after.isalnum()
    if (not before or before.isspace()) and (not after or after.isspace()):
        return False
    return not (before.isdigit() and after.isdigit())


def _key(name: str) -> str:
    return " ".join(name.split()).casefold()


def _escaped(text: str) -> str:
    return SPECIAL.sub(lambda match: f"\\{match[0]}", text)
