"""Line ends that noise took or put in, where lines are broken by width: what a restorer says of the words tells of them.

It puts a space into a line that is too long, where the lines around it end: the line ended there. It puts a word together
over a line's end, and both lines are no wider than one: the line did not end there. Nothing else moves a line's end.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from mendel.corpus.scripts import columns
from mendel.corpus.traced import Splice
from mendel.corpus.wrapping import FULL
from mendel.documents.document import Segment
from mendel.documents.prose import COLUMN, QUOTED

LINE_END = re.compile(r"\r\n|\r|\n")
WORD = re.compile(r"\S*")


def mended(segment: Segment, splices: Sequence[Splice]) -> list[Splice]:
    """The splices of one change, with the line ends that belong to it; as they are where lines are not broken by width."""
    if segment.width is None:
        return list(splices)
    source = segment.traced.source
    return [
        _with_end(source, splice, segment.width)
        for splice in splices
        if not (_moves_line_end(splice) and _fits(source, splices, segment.width))
    ]


def _moves_line_end(splice: Splice) -> bool:
    return bool(LINE_END.search(splice.text))


def _fits(source: str, splices: Sequence[Splice], width: int) -> bool:
    """Whether the lines that a change goes over are no wider than one."""
    start, end = min(splices).start, max(splice.end for splice in splices)
    begin, stop = _line(source, start)[0], _line(source, end)[1]
    lines = [QUOTED.sub("", line, count=1) for line in LINE_END.split(source[begin:stop])]
    return columns("".join(lines)) <= width


def _with_end(source: str, splice: Splice, width: int) -> Splice:
    """With a line's end for the last space that stands where a line of this width ends, if its line is wider."""
    begin, stop = _line(source, splice.start)
    line = source[begin:stop]
    if splice.end > stop or _moves_line_end(splice) or columns(line) <= width or COLUMN.search(line.strip()):
        return splice
    before, after = source[begin : splice.start], source[splice.end : stop]
    for space in reversed(list(_spaces(splice.text))):
        place = columns(before + splice.text[:space])
        word = WORD.match(splice.text[space + 1 :] + after)
        if place <= width and word and place + 1 + columns(word[0]) > FULL * width:
            margin = QUOTED.match(before)
            end = _end_of_lines(source, stop) + (margin[0] if margin else "")
            return splice._replace(text=splice.text[:space] + end + splice.text[space + 1 :])
    return splice


def _spaces(text: str) -> Iterator[int]:
    return (at for at, character in enumerate(text) if character == " ")


def _line(source: str, position: int) -> tuple[int, int]:
    """Start and end of the line that a position is in, without its end."""
    begin = max(source.rfind("\n", 0, position), source.rfind("\r", 0, position)) + 1
    end = LINE_END.search(source, position)
    return begin, end.start() if end else len(source)


def _end_of_lines(source: str, position: int) -> str:
    """As this line ends; the last one as the first."""
    end = LINE_END.match(source, position) or LINE_END.search(source)
    return end[0] if end else "\n"
