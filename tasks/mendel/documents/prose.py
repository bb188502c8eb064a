"""Text into segments: paragraphs put together from their lines, in plain characters."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence, Set
from itertools import pairwise

from mendel.corpus import hyphens, wrapping
from mendel.corpus.clean import WRAP_AT_HYPHEN
from mendel.corpus.normalise import normalised
from mendel.corpus.traced import Rewriting, Seam, TracedText, same
from mendel.documents.document import Segment
from mendel.documents.protected import is_prose, protected

LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n|\Z)")
QUOTED = re.compile(r"[ \t]*(?:>[ \t]?)*[ \t]*")
"""How the lines of a quoted mail begin."""
ITEM = re.compile(r"(?:[-*+\u2022\u2013]|\(?\w{1,3}[.)])\s")
"""How an item of a list begins."""
COLUMN = re.compile(r"\t+| {3,}|\s*\|\s*")
"""What stands between columns."""


def from_text(text: TracedText, encode: Callable[[str], str] = same, place: str = "") -> Iterator[Segment]:
    """The segments of plain text, whose paragraphs blank lines divide; lines that were broken by width are one."""
    compounds = hyphens.compounds(text.text)
    wrapped = wrapping.width(text.text.replace("\r\n", "\n")) is not None
    for lines in _paragraphs(text):
        for joined in _joined(lines, wrapped):
            yield from from_lines(joined, compounds, encode, place)


def from_lines(
    lines: Sequence[TracedText], compounds: Set[str], encode: Callable[[str], str] = same, place: str = ""
) -> Iterator[Segment]:
    """The segments of lines that are one paragraph; `compounds` are the words that the document writes with a hyphen."""
    yield from from_paragraph(TracedText.joined(lines, "\n", Seam.LINE), compounds, encode, place)


def from_paragraph(
    text: TracedText, compounds: Set[str], encode: Callable[[str], str] = same, place: str = ""
) -> Iterator[Segment]:
    """The segments of a paragraph in which line feeds are breaks of lines."""
    whole = normalised(protected(on_one_line(text, compounds))).stripped()
    if is_prose(whole.text):
        yield Segment(whole, encode, place)


def on_one_line(text: TracedText, compounds: Set[str]) -> TracedText:
    """A paragraph whose line ends are spaces, or nothing where they divide a word."""
    within = [
        *((start + len(between), end) for start, end, between in hyphens.divisions(text.text, compounds)),
        *(match.span() for match in hyphens.SOFT.finditer(text.text)),
        *(match.span() for match in WRAP_AT_HYPHEN.finditer(text.text)),
    ]
    rules = [Rewriting(start, end, "", Seam.HYPHEN if "\n" in text.text[start:end] else None) for start, end in within]
    positions = {at for rule in rules for at in range(rule.start, rule.end)}
    spaces = (Rewriting(at, at + 1, " ") for at in text.breaks if text.text[at] == "\n" and at not in positions)
    return text.rewritten(sorted([*rules, *spaces]))


def _paragraphs(text: TracedText) -> Iterator[list[TracedText]]:
    """Lines without their ends and the white space around them, in groups that blank lines divide."""
    lines: list[TracedText] = []
    for match in LINE.finditer(text.text):
        quoted = QUOTED.match(text.text, match.start(), match.end())
        assert quoted, "it matches nothing too"
        line = text[quoted.end() : match.end()].stripped()
        if line.text:
            lines.append(line)
        elif lines:
            yield lines
            lines = []
    if lines:
        yield lines


def _joined(lines: Sequence[TracedText], wrapped: bool) -> Iterator[list[TracedText]]:
    """The lines of a block in groups that are one paragraph each; a line with columns is a group for each of them."""
    texts = [line.text for line in lines]
    wrapped = wrapped or _by_width(texts)
    group: list[TracedText] = []
    for line in lines:
        text = line.text
        columns = COLUMN.search(text)
        goes_on = wrapped or text[0].islower() or (group and hyphens.DIVIDED.search(f"{group[-1].text}\n{text}"))
        if group and (columns or ITEM.match(text) or not goes_on):
            yield group
            group = []
        if columns:
            yield from ([cell] for cell in _cells(line))
        else:
            group.append(line)
    if group:
        yield group


def _cells(line: TracedText) -> Iterator[TracedText]:
    at = 0
    for column in COLUMN.finditer(line.text):
        yield line[at : column.start()]
        at = column.end()
    yield line[at:]


def _by_width(lines: Sequence[str]) -> bool:
    """At least three lines, each ending where the next one's first word had no place in the widest."""
    widest = max(map(len, lines))
    if widest not in wrapping.WIDTHS or len(lines) < 3:
        return False
    return all(len(line) + 1 + len(after.split()[0]) > wrapping.FULL * widest for line, after in pairwise(lines))
