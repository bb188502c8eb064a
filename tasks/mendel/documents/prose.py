"""Text into segments: paragraphs put together from their lines, in plain characters."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from itertools import pairwise

from mendel.corpus import hyphens, scripts, wrapping
from mendel.corpus.clean import WRAP_AT_HYPHEN, WRAP_WITHOUT_SPACE
from mendel.corpus.normalise import normalised
from mendel.corpus.traced import Rewriting, Seam, TracedText, same
from mendel.documents.document import Segment
from mendel.documents.protected import is_prose, protected

LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n|\Z)")
QUOTED = re.compile(r"[ \t]*(?:>[ \t]?)*[ \t]*")
"""How the lines of a quoted mail begin."""
ITEM = re.compile(r"(?:[-*+\u2022\u2013]|\(?(?:\d{1,3}|[^\W\d_]|[ivx]{1,5}|[IVX]{1,5})[.)])\s")
"""How an item of a list begins: with a mark, a number, a letter."""
ENDS = re.compile(r"[^\w\s,][\"'\u201d\u2019)]*$")
"""What no sentence goes on behind, or a list does."""
COLUMN = re.compile(r"\t+| {3,}|\s*\|\s*")
"""What stands between columns."""


def from_text(text: TracedText, encode: Callable[[str], str] = same, place: str = "") -> Iterator[Segment]:
    """The segments of plain text, whose paragraphs blank lines divide; lines that were broken by width are one."""
    compounds = hyphens.compounds(text.text)
    width = wrapping.width(text.text.replace("\r\n", "\n"))
    paragraphs = _paragraphs(text) if width is None else _together(_paragraphs(text), width)
    for lines in paragraphs:
        for joined in _joined(lines, width):
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
    """A paragraph whose line ends are spaces, or nothing where they divide a word or the script has no spaces."""
    within = [
        *((start + len(between), end) for start, end, between in hyphens.divisions(text.text, compounds)),
        *(match.span() for match in hyphens.SOFT.finditer(text.text)),
        *(match.span() for match in WRAP_AT_HYPHEN.finditer(text.text)),
    ]
    rules = [Rewriting(start, end, "", Seam.HYPHEN if "\n" in text.text[start:end] else None) for start, end in within]
    rules += [Rewriting(*match.span(), "", Seam.LINE) for match in WRAP_WITHOUT_SPACE.finditer(text.text)]
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


def _together(paragraphs: Iterable[list[TracedText]], width: int) -> Iterator[list[TracedText]]:
    """Paragraphs of lines of a width, one where a sentence goes on behind a blank line: noise, or a page ends there."""
    before: list[TracedText] = []
    for lines in paragraphs:
        if before and _goes_on(before[-1].text, lines[0].text, width):
            before += lines
            continue
        if before:
            yield before
        before = lines
    if before:
        yield before


def _goes_on(line: str, after: str, width: int) -> bool:
    """A line that is full and ends no sentence, before one that begins in lower case and no item."""
    no_sentence_ends = _full(line, after, width) and not ENDS.search(line)
    return no_sentence_ends and after[0].islower() and not (ITEM.match(after) or COLUMN.search(line + after))


def _full(line: str, after: str, width: int) -> bool:
    """Whether the next line's first word had hardly a place in a line any more."""
    return scripts.columns(line) + 1 + len(after.split()[0]) > wrapping.FULL * width


def _joined(lines: Sequence[TracedText], width: int | None) -> Iterator[list[TracedText]]:
    """The lines of a block in groups that are one paragraph each; a line with columns is a group for each of them."""
    width = width or _width([line.text for line in lines])
    group: list[TracedText] = []
    for line in lines:
        text = line.text
        columns = COLUMN.search(text)
        goes_on = width or text[0].islower() or (group and hyphens.DIVIDED.search(f"{group[-1].text}\n{text}"))
        if group and (columns or not goes_on or _is_item(text, group, width)):
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


def _is_item(text: str, group: Sequence[TracedText], width: int | None) -> bool:
    """Whether a line is another item of a list, and not the rest of a sentence, as `V. Debs` is behind `Eugene`."""
    first, before = group[0].text, group[-1].text
    in_sentence = width and _full(before, text, width) and not (ENDS.search(before) or ITEM.match(first))
    return bool(ITEM.match(text) and not in_sentence)


def _width(lines: Sequence[str]) -> int | None:
    """The widest of at least three lines, each ending where the next one's first word had no place in it."""
    widest = max(map(len, lines))
    if widest not in wrapping.WIDTHS or len(lines) < 3:
        return None
    full = (len(line) + 1 + len(after.split()[0]) > wrapping.FULL * widest for line, after in pairwise(lines))
    return widest if all(full) else None
