"""XML by its places: expat checks a file, and its tags and texts are found in what it has checked.

A tree could only be written anew, with other quotes, spaces and entities.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from xml.parsers import expat

from mendel.core.errors import InputError
from mendel.corpus.traced import Rewriting, Seam, Splice, TracedText, spliced, within
from mendel.documents.document import ReadingOptions, Segment, SegmentedDocument, decoded
from mendel.documents.formats.html import declared
from mendel.documents.protected import OBJECT

TOKEN = re.compile(
    r"""<!--.*?--> | <!\[CDATA\[.*?\]\]> | <\?.*?\?> | <!DOCTYPE[^<>\[]*(?:\[.*?\]\s*)?>
      | <(?P<end>/?)(?P<name>[^\s/<>]+)(?P<attributes>(?:[^<>"']|"[^"]*"|'[^']*')*?)(?P<empty>/?)>""",
    re.VERBOSE | re.DOTALL,
)
ATTRIBUTE = re.compile(r"""([^\s=]+)\s*=\s*(?:"([^"]*)"|'([^']*)')""")
REFERENCE = re.compile(r"&[^;\s]+;")


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag: its place, and those of its attributes' values."""

    name: str
    """Without the prefix of its namespace."""
    opens: bool
    closes: bool
    """Both: it is an element without content."""
    start: int
    end: int
    attributes: dict[str, tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Derived:
    """A text that says again what others say: `gap` stands between those."""

    place: tuple[int, int]
    parts: Sequence[tuple[int, int]]
    gap: str


@dataclass(frozen=True)
class XmlDocument(SegmentedDocument):
    """A page of words with places of their own, some of which are written twice."""

    source: str
    encoding: str
    segments: Sequence[Segment]
    outline: tuple[str, ...] = ()
    derived: Sequence[Derived] = field(default_factory=list)
    """Each after those that it is made of."""

    def written(self, changes: Sequence[Sequence[Splice]]) -> bytes:
        splices = sorted(splice for of_segment in changes for splice in of_segment)
        again: dict[tuple[int, int], str] = {}
        for derived in self.derived:
            before = derived.gap.join(value(self.source, *part) for part in derived.parts)
            if value(self.source, *derived.place) == before:
                after = derived.gap.join(again.get(part) or self._after(part, splices) for part in derived.parts)
                if after != before:
                    again[derived.place] = after
        copies = [Splice(*place, escaped(text)) for place, text in again.items()]
        return spliced(self.source, [*splices, *copies]).encode(self.encoding)

    def _after(self, part: tuple[int, int], splices: Sequence[Splice]) -> str:
        start, end = part
        content = spliced(self.source, within(splices, start, end), start, end)
        return value(content, 0, len(content))


def checked(data: bytes, options: ReadingOptions) -> tuple[str, str]:
    """Text and encoding of a file. Raises InputError saying where it is not XML."""
    source, encoding = decoded(data, options.encoding or declared(data))
    try:
        expat.ParserCreate("utf-8").Parse(source.encode(), True)
    except expat.ExpatError as error:
        raise InputError(f"it is not XML: {error}") from error
    return source, encoding


def tags(source: str) -> Iterator[Tag]:
    """The tags of a text that is XML, in order."""
    for match in TOKEN.finditer(source):
        if match["name"]:
            attributes = {
                _local(attribute[1]): attribute.span(2) if attribute[2] is not None else attribute.span(3)
                for attribute in ATTRIBUTE.finditer(source, *match.span("attributes"))
            }
            end = bool(match["end"])
            yield Tag(_local(match["name"]), not end, end or bool(match["empty"]), *match.span(), attributes)


def text(source: str, start: int, end: int) -> TracedText:
    """What stands in a place, read: characters for their references. One that the file defines itself is left alone."""
    raw = TracedText.of(source, start, end)
    return raw.rewritten(
        Rewriting(*reference.span(), _character(reference[0])) for reference in REFERENCE.finditer(raw.text)
    )


def value(source: str, start: int, end: int) -> str:
    return text(source, start, end).text


def escaped(written: str) -> str:
    return html.escape(written)


def words(lines: Sequence[Sequence[TracedText]]) -> TracedText | None:
    """The words of lines as one text in which no change joins two of them; None where there is none."""
    parts: list[TracedText] = []
    for line in lines:
        gap = "\n"
        for word in line:
            if not word.text:
                continue
            if parts:
                place = [parts[-1].ends[-1]], [word.starts[0]]
                parts.append(TracedText(word.source, gap, *place, {0: Seam.BOX}))
            parts.append(word)
            gap = " "
    return TracedText.joined(parts, "", Seam.TAG) if parts else None


def _local(name: str) -> str:
    return name.rpartition(":")[2]


def _character(reference: str) -> str:
    character = html.unescape(reference)
    return OBJECT if character == reference else character
