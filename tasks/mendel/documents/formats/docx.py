"""DOCX: the paragraphs of a Word file, over its runs, each of which keeps its format.

The file is a zip of XML. Only the texts of runs are changed in it, by their places; python-docx would write the XML anew.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from mendel.core.errors import InputError
from mendel.corpus import hyphens
from mendel.corpus.traced import Seam, Splice, TracedText, spliced, within
from mendel.documents.document import ReadingOptions, Segment, SegmentedDocument
from mendel.documents.formats import html, xml
from mendel.documents.prose import from_paragraph
from mendel.documents.protected import OBJECT

MEMBERS = re.compile(r"word/(?:document|footnotes|endnotes|comments|header\d*|footer\d*)\.xml")
CODE = re.compile(r"code|source|verbatim|html", re.IGNORECASE)
"""Names of styles whose text is left alone."""
GAPS = frozenset({"tab", "br", "cr"})
"""What ends a stretch of prose in a paragraph."""
FORMULA = "<m:"
LARGEST = 256 * 1024 * 1024
"""Bytes of all that is in the zip; a few of it can stand for gigabytes."""
SPACE = ' xml:space="preserve"'


@dataclass
class WordPart:
    """One XML file in the document."""

    name: str
    source: str
    encoding: str
    outline: list[str] = field(default_factory=list)
    texts: list[tuple[int, int, bool]] = field(default_factory=list)
    """Of each text of a run: its place, and whether its tag says that white space at its ends counts."""


@dataclass(frozen=True)
class WordDocument(SegmentedDocument):
    """A zip of parts, its segments with the part that they are of."""

    data: bytes
    parts: Sequence[WordPart]
    segments: Sequence[Segment]
    owners: Sequence[int]
    outline: tuple[str, ...] = ()

    def written(self, changes: Sequence[Sequence[Splice]]) -> bytes:
        """The same zip, members in order, those without a change as they were."""
        members: dict[str, bytes] = {}
        for number, part in enumerate(self.parts):
            splices = [
                splice
                for owner, of_segment in zip(self.owners, changes, strict=True)
                if owner == number
                for splice in of_segment
            ]
            if splices:
                members[part.name] = spliced(part.source, [*splices, *_spaces(part, splices)]).encode(part.encoding)
        target = io.BytesIO()
        with zipfile.ZipFile(io.BytesIO(self.data)) as old, zipfile.ZipFile(target, "w") as new:
            new.comment = old.comment
            for member in old.infolist():
                new.writestr(member, members.get(member.filename) or old.read(member))
        return target.getvalue()


def read(data: bytes, options: ReadingOptions) -> WordDocument:
    """The paragraphs of text, notes, heads and feet. Raises InputError where it is no such file."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as file:
            if (size := sum(member.file_size for member in file.infolist())) > LARGEST:
                raise InputError(f"unpacked it has {size} bytes; at most {LARGEST}: take pictures out, or divide it")
            members = [member for member in file.namelist() if MEMBERS.fullmatch(member)]
            contents = [(name, file.read(name)) for name in members]
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError) as error:
        raise InputError(f"it is not DOCX, or it is damaged or encrypted: {error}") from error
    if not members:
        raise InputError("it is not DOCX: there is no word/document.xml in it")
    parts: list[WordPart] = []
    segments: list[Segment] = []
    owners: list[int] = []
    for number, (name, content) in enumerate(contents):
        source, encoding = xml.checked(content, ReadingOptions())
        part = WordPart(name, source, encoding)
        parts.append(part)
        compounds = hyphens.compounds(source)
        for paragraph in _paragraphs(part):
            for segment in from_paragraph(TracedText.joined(paragraph, "", Seam.TAG), compounds, html.escaped):
                segments.append(segment)
                owners.append(number)
    return WordDocument(data, parts, segments, owners, tuple(name for part in parts for name in part.outline))


def _paragraphs(part: WordPart) -> Iterator[list[TracedText]]:
    """The texts of each paragraph as it closes; one in a text box closes before the one around it."""
    open_paragraphs: list[list[TracedText]] = []
    text: xml.Tag | None = None
    code = {"pStyle": False, "rStyle": False}
    for tag in xml.tags(part.source):
        part.outline.append(tag.name)
        if tag.name == "p":
            code = dict.fromkeys(code, False)
            if tag.opens:
                open_paragraphs.append([])
            if tag.closes and open_paragraphs:
                yield open_paragraphs.pop()
        elif tag.name in ("rStyle", "pStyle") and "val" in tag.attributes:
            code[tag.name] = bool(CODE.search(part.source[slice(*tag.attributes["val"])]))
        elif tag.name == "r" and tag.opens:
            code["rStyle"] = False
        elif tag.name == "t":
            if tag.opens and not tag.closes:
                text = tag
            elif text and open_paragraphs:
                place = text.end, tag.start
                part.texts.append((*place, "space" in text.attributes))
                value = xml.text(part.source, *place)
                aside = any(code.values()) or part.source.startswith(FORMULA, text.start)
                open_paragraphs[-1].append(_object(part, *place) if aside and value.text else value)
                text = None
        elif tag.opens and open_paragraphs and tag.name in GAPS:
            yield open_paragraphs[-1]
            open_paragraphs[-1] = []


def _object(part: WordPart, start: int, end: int) -> TracedText:
    return TracedText(part.source, OBJECT, [start], [end])


def _spaces(part: WordPart, splices: Sequence[Splice]) -> Iterator[Splice]:
    """What tags of changed texts must say, so that white space at their new ends counts."""
    splices = sorted(splices)
    for start, end, counted in part.texts:
        inside = within(splices, start, end)
        content = spliced(part.source, inside, start, end)
        if inside and not counted and content != content.strip():
            yield Splice(start - 1, start - 1, SPACE)
