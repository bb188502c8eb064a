"""ALTO: blocks of lines of words, each word an attribute (`<String CONTENT="…"/>`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from mendel.corpus import hyphens
from mendel.corpus.traced import Seam, TracedText
from mendel.documents.document import ReadingOptions, Segment
from mendel.documents.formats import xml
from mendel.documents.formats.xml import Derived, Tag, XmlDocument
from mendel.documents.prose import from_paragraph

FIRST, SECOND = "HypPart1", "HypPart2"
"""Halves of a word, at the end of a line and the beginning of the next."""


def read(data: bytes, options: ReadingOptions) -> XmlDocument:
    """The text of each block. Raises InputError where it is no XML."""
    source, encoding = xml.checked(data, options)
    tags = list(xml.tags(source))
    compounds = hyphens.compounds(source)
    segments: list[Segment] = []
    for block in _blocks(source, tags):
        if paragraph := xml.words(block):
            segments += from_paragraph(paragraph, compounds, xml.escaped)
    outline = tuple(tag.name for tag in tags)
    return XmlDocument(source, encoding, segments, outline, list(_whole_words(source, tags)))


def _blocks(source: str, tags: Sequence[Tag]) -> Iterator[list[list[TracedText]]]:
    """Of each block the words, line by line."""
    lines: list[list[TracedText]] = []
    for tag in tags:
        if tag.name == "TextBlock":
            yield lines
            lines = []
        elif tag.name == "TextLine" and tag.opens:
            lines.append([])
        elif tag.opens and "CONTENT" in tag.attributes and lines:
            word = xml.text(source, *tag.attributes["CONTENT"])
            if tag.name == "String":
                lines[-1].append(word)
            elif tag.name == "HYP" and lines[-1]:  # the hyphen belongs to the word before it
                lines[-1][-1] = TracedText.joined([lines[-1][-1], word], "", Seam.TAG)
    yield lines


def _whole_words(source: str, tags: Sequence[Tag]) -> Iterator[Derived]:
    """SUBS_CONTENT: the whole word, said at both of its halves."""
    first: Tag | None = None
    for tag in tags:
        if tag.name != "String" or not tag.opens:
            continue
        place = tag.attributes.get("SUBS_TYPE")
        half = source[slice(*place)] if place else ""
        if first and half == SECOND and "CONTENT" in tag.attributes:
            parts = [part.attributes["CONTENT"] for part in (first, tag)]
            for part in (first, tag):
                if "SUBS_CONTENT" in part.attributes:
                    yield Derived(part.attributes["SUBS_CONTENT"], parts, "")
        first = tag if half == FIRST and "CONTENT" in tag.attributes else None
