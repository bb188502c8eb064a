"""PAGE: regions of lines of words, each with a text (`<TextEquiv><Unicode>…`) that says again what those below it say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass, field

from mendel.corpus import hyphens
from mendel.corpus.traced import Seam, TracedText
from mendel.documents.document import ReadingOptions, Segment
from mendel.documents.formats import xml
from mendel.documents.formats.xml import Derived, Tag, XmlDocument
from mendel.documents.prose import from_paragraph, from_text

LEVELS = {"TextRegion": "TextLine", "TextLine": "Word", "Word": "Glyph", "Glyph": ""}
"""Elements that have a text, and what they consist of."""


@dataclass
class Level:
    """An element that has a text: the text's place, and what it consists of."""

    name: str
    text: tuple[int, int] | None = None
    below: list[Level] = field(default_factory=list)


def read(data: bytes, options: ReadingOptions) -> XmlDocument:
    """The text of each region: that of its words, else of its lines, else its own. Raises InputError where it is no XML."""
    source, encoding = xml.checked(data, options)
    tags = list(xml.tags(source))
    compounds = hyphens.compounds(source)
    segments: list[Segment] = []
    derived: list[Derived] = []
    for region in _regions(tags):
        segments += _segments(source, region, compounds)
        for line in region.below:
            derived += _derived(line, " ")
        derived += _derived(region, "\n")
    return XmlDocument(source, encoding, segments, tuple(tag.name for tag in tags), derived)


def _regions(tags: Sequence[Tag]) -> Iterator[Level]:
    """Regions as they close, those inside another before it."""
    above: list[Level] = []
    path: list[str] = []
    content = 0
    for tag in tags:
        if tag.opens and not tag.closes:
            path.append(tag.name)
            if tag.name in LEVELS:
                above.append(Level(tag.name))
            content = tag.end
        elif tag.closes and not tag.opens:
            path.pop()
            if tag.name == "Unicode" and above and path[-2:] == [above[-1].name, "TextEquiv"]:
                above[-1].text = above[-1].text or (content, tag.start)  # the first reading is the one that counts
            elif tag.name in LEVELS:
                level = above.pop()
                if level.name == "TextRegion":
                    yield level
                elif above and LEVELS[above[-1].name] == level.name:
                    above[-1].below.append(level)


def _segments(source: str, region: Level, compounds: Set[str]) -> Iterator[Segment]:
    lines = [texts for line in region.below if (texts := _texts(source, line))]
    if lines and any(line.below for line in region.below):
        if paragraph := xml.words(lines):
            yield from from_paragraph(paragraph, compounds, xml.escaped)
    elif lines:
        parts = [text.stripped() for line in lines for text in line]
        yield from from_paragraph(TracedText.joined(parts, "\n", Seam.BOX), compounds, xml.escaped)
    elif region.text:
        yield from from_text(xml.text(source, *region.text), xml.escaped)


def _texts(source: str, line: Level) -> list[TracedText]:
    """The words of a line, or the line as one."""
    places = [word.text for word in line.below] if line.below else [line.text]
    return [xml.text(source, *place) for place in places if place]


def _derived(level: Level, gap: str) -> Iterator[Derived]:
    parts = [below.text for below in level.below if below.text]
    if level.text and parts and len(parts) == len(level.below):
        yield Derived(level.text, parts, gap)
