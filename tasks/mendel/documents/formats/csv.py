"""Tables as text: fields between commas, semicolons or tabs.

The csv module says what a field holds and not where it is, nor how it was quoted; so fields are found here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from mendel.corpus.traced import Rewriting, Splice, TracedText, same, spliced
from mendel.documents.document import ReadingOptions, Segment, SegmentedDocument, decoded
from mendel.documents.fields import chosen
from mendel.documents.prose import from_text

DELIMITERS = ",;\t|"
DOUBLED = re.compile('""')
MARK = "\ufeff"
"""The byte order mark, which is not of the first name."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A field: its place in the source, with its quotes."""

    row: int
    column: int
    start: int
    end: int
    quoted: bool

    @property
    def inner(self) -> tuple[int, int]:
        return (self.start + 1, self.end - 1) if self.quoted else (self.start, self.end)


@dataclass(frozen=True)
class CsvDocument(SegmentedDocument):
    """A table, its segments with the cells that they are of."""

    source: str
    encoding: str
    delimiter: str
    segments: Sequence[Segment]
    owners: Sequence[Cell]
    outline: tuple[int, ...] = ()

    def written(self, changes: Sequence[Sequence[Splice]]) -> bytes:
        by_cell: dict[Cell, list[Splice]] = {}
        for owner, splices in zip(self.owners, changes, strict=True):
            if splices:
                by_cell.setdefault(owner, []).extend(splices)
        cells = [Splice(cell.start, cell.end, self._cell(cell, splices)) for cell, splices in by_cell.items()]
        return spliced(self.source, cells).encode(self.encoding)

    def _cell(self, cell: Cell, splices: Sequence[Splice]) -> str:
        """A changed cell as it is written; it gets quotes where what is new needs them."""
        content = spliced(self.source, splices, cell.start, cell.end)
        new = "".join(splice.text for splice in splices)
        needed = not cell.quoted and (self.delimiter in new or '"' in new)
        return f'"{_doubled(content)}"' if needed else content


def read(data: bytes, options: ReadingOptions, delimiter: str | None = None) -> CsvDocument:
    """A table whose first row names its columns. Raises InputError where it is no text, or a field is not there."""
    source, encoding = decoded(data, options.encoding)
    delimiter = delimiter or _delimiter(source)
    cells = list(_cells(source, delimiter))
    names = [_value(source, cell).strip() for cell in cells if cell.row == 0]
    rows: dict[int, list[str]] = {column: [] for column in range(len(names))}
    for cell in cells:
        if cell.row and cell.column in rows:
            rows[cell.column].append(_value(source, cell))
    columns = chosen(names, lambda column: rows[column], options.fields)
    segments: list[Segment] = []
    owners: list[Cell] = []
    for cell in cells:
        if cell.row and cell.column in columns:
            for segment in _segments(source, cell, f"row {cell.row}, {names[cell.column]}"):
                segments.append(segment)
                owners.append(cell)
    outline = tuple(cell.row for cell in cells)
    return CsvDocument(source, encoding, delimiter, segments, owners, outline)


read_tabs = partial(read, delimiter="\t")


def _segments(source: str, cell: Cell, place: str) -> Iterator[Segment]:
    text = TracedText.of(source, *cell.inner)
    encode: Callable[[str], str] = same
    if cell.quoted:
        text = text.rewritten(Rewriting(*quote.span(), '"') for quote in DOUBLED.finditer(text.text))
        encode = _doubled
    return from_text(text, encode, place)


def _doubled(text: str) -> str:
    return text.replace('"', '""')


def _value(source: str, cell: Cell) -> str:
    start, end = cell.inner
    return DOUBLED.sub('"', source[start:end]) if cell.quoted else source[start:end]


def _delimiter(source: str) -> str:
    """What the first line has most of outside of quotes; a comma where it has none."""
    header = re.sub(r'"(?:[^"]|"")*"', "", source[: 1 << 16]).splitlines()[:1]
    return max(DELIMITERS, key=lambda delimiter: (header[0].count(delimiter), delimiter == ",")) if header else ","


def _cells(source: str, delimiter: str) -> Iterator[Cell]:
    """All fields in order. A quote that does not begin a field is a character like others."""
    between = re.escape(delimiter)
    field = re.compile(rf'"(?:[^"]|"")*"(?={between}|\r|\n|\Z)|[^{between}\r\n]*')
    row, column, at = 0, 0, int(source.startswith(MARK))
    while at < len(source):
        match = field.match(source, at)
        assert match, "it matches nothing too"
        yield Cell(row, column, match.start(), match.end(), match[0][:1] == '"' == match[0][-1:] and len(match[0]) > 1)
        at = match.end()
        if source.startswith(delimiter, at):
            at, column = at + 1, column + 1
            if at == len(source):
                yield Cell(row, column, at, at, False)
        else:
            at += 2 if source.startswith("\r\n", at) else 1
            row, column = row + 1, 0
