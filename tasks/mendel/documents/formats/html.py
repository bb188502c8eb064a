"""HTML: the text between tags, put together over those that stand inside a sentence.

Python's own parser says where each piece is; lxml and selectolax build a tree, which could only be written anew.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from html.parser import HTMLParser

from mendel.corpus import hyphens
from mendel.corpus.traced import Rewriting, Seam, TracedText
from mendel.documents.document import ReadingOptions, Segment, TextDocument, decoded
from mendel.documents.prose import from_paragraph
from mendel.documents.protected import OBJECT

Attributes = Sequence[tuple[str, str | None]]

INLINE = frozenset(
    re.findall(
        r"\w+",
        "a,abbr,acronym,b,bdi,bdo,big,cite,data,del,dfn,em,font,i,ins,label,mark,nobr,q,s,small,span,strike,strong,sub,sup,time,tt,u,wbr",
    )
)
"""Elements that stand inside a sentence; all others end it."""
PROTECTED = frozenset(re.findall(r"\w+", "code,kbd,samp,var,math,svg,object,audio,video,img,input,button,select"))
"""The same, whose content is no prose."""
HIDDEN = frozenset(re.findall(r"\w+", "pre,script,style,textarea,template,iframe,canvas,xmp"))
"""What ends a sentence and has no prose."""
VOID = frozenset(re.findall(r"\w+", "area,base,br,col,embed,hr,img,input,link,meta,param,source,track,wbr"))
CHARSET = re.compile(rb"<meta[^>]+charset=[\"']?([\w-]+)|<\?xml[^>]+encoding=[\"']([\w-]+)", re.IGNORECASE)
REFERENCE = re.compile(r"&#?\w+;?")
SNIFFED_BYTES = 2048


def read(data: bytes, options: ReadingOptions) -> TextDocument:
    """The prose of a page. Raises InputError where it is no text of the encoding."""
    return parsed(data, options, PageParser)


def parsed(data: bytes, options: ReadingOptions, parser_type: type[PageParser]) -> TextDocument:
    """What a parser finds in a page. Raises InputError where it is no text of the encoding."""
    source, encoding = decoded(data, options.encoding or declared(data))
    parser = parser_type(source)
    parser.feed(source)
    parser.close()
    compounds = hyphens.compounds(source)
    segments: list[Segment] = []
    for paragraph in parser.paragraphs():
        segments += from_paragraph(paragraph, compounds, escaped)
    return TextDocument(source, encoding, segments, tuple(parser.outline))


def declared(data: bytes) -> str | None:
    """The encoding that a page or an XML file says it has."""
    charset = CHARSET.search(data[:SNIFFED_BYTES])
    return (charset[1] or charset[2]).decode() if charset else None


def escaped(text: str) -> str:
    return html.escape(text, quote=False)


class PageParser(HTMLParser):
    """Gathers the text of a page, paragraph by paragraph, with its places."""

    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=False)
        self.source = source
        self.outline: list[str] = []
        self._starts = [0, *(line_end.end() for line_end in re.finditer("\n", source))]
        self._paragraphs: list[list[TracedText]] = [[]]
        self._without: list[str] = []
        """Elements without prose that are open, the outermost first."""

    def paragraphs(self) -> Iterator[TracedText]:
        for parts in self._paragraphs:
            if parts:
                yield TracedText.joined(parts, "", Seam.TAG)

    def handle_starttag(self, tag: str, attributes: Attributes) -> None:
        self.outline.append(tag)
        start, end = self._tag()
        if self._without:
            if tag == self._without[-1] and tag not in VOID:
                self._without.append(tag)
            return
        if tag == "br":
            self.add(TracedText(self.source, "\n", [start], [end], {0: Seam.BOX}))
        elif tag in PROTECTED or (tag in INLINE and _untranslated(attributes)):
            self.add(TracedText(self.source, OBJECT, [start], [end]))
        elif tag not in INLINE:
            self.end_paragraph()
        if tag not in VOID and (tag in PROTECTED or tag in HIDDEN or _untranslated(attributes)):
            self._without.append(tag)

    def handle_startendtag(self, tag: str, attributes: Attributes) -> None:
        self.handle_starttag(tag, attributes)
        if self._without and self._without[-1] == tag:
            self._without.pop()  # as XHTML has it

    def handle_endtag(self, tag: str) -> None:
        self.outline.append(f"/{tag}")
        if self._without:
            if tag == self._without[-1]:
                self._without.pop()
        elif tag not in INLINE:
            self.end_paragraph()

    def handle_data(self, data: str) -> None:
        start = self.at()
        if not self._without and self.source.startswith(data, start):
            self.add(TracedText.of(self.source, start, start + len(data)))

    def handle_entityref(self, name: str) -> None:
        self._reference()

    def handle_charref(self, name: str) -> None:
        self._reference()

    def at(self) -> int:
        """Where in the source the parser is."""
        line, column = self.getpos()
        return self._starts[line - 1] + column

    def add(self, part: TracedText) -> None:
        self._paragraphs[-1].append(part)

    def end_paragraph(self) -> None:
        if self._paragraphs[-1]:
            self._paragraphs.append([])

    def _reference(self) -> None:
        reference = REFERENCE.match(self.source, self.at())
        if reference and not self._without:
            text = TracedText.of(self.source, *reference.span())
            character = html.unescape(reference[0])
            self.add(text.rewritten([Rewriting(0, len(text.text), character)]))

    def _tag(self) -> tuple[int, int]:
        start = self.at()
        return start, start + len(self.get_starttag_text() or "")


def _untranslated(attributes: Attributes) -> bool:
    """What a page says no machine should touch."""
    values = dict(attributes)
    return values.get("translate") == "no" or "notranslate" in (values.get("class") or "").split()
