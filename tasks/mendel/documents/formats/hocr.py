"""hOCR: HTML in which an OCR engine has put each word at its place on the page."""

from __future__ import annotations

from mendel.corpus.traced import Seam, TracedText
from mendel.documents.document import ReadingOptions, TextDocument
from mendel.documents.formats.html import Attributes, PageParser, parsed

WORD = "ocrx_word"
LINES = frozenset({"ocr_line", "ocr_caption", "ocr_header", "ocr_footer", "ocr_textfloat", "ocrx_line"})
PARAGRAPHS = frozenset({"ocr_par", "ocr_carea", "ocr_page", "ocrx_block"})
MARKS = (b"ocr_page", b"ocr_line", b"ocrx_word")


def is_hocr(data: bytes) -> bool:
    return any(mark in data for mark in MARKS)


def read(data: bytes, options: ReadingOptions) -> TextDocument:
    """The paragraphs of the pages, over their lines. Raises InputError where it is no text of the encoding."""
    return parsed(data, options, _HocrParser)


class _HocrParser(PageParser):
    """Words keep their boxes: no change makes one of two, and what is between them is not text."""

    def __init__(self, source: str) -> None:
        super().__init__(source)
        self._in_words = WORD in source
        self._open: list[bool] = []
        """Of the elements that are open, which are words."""
        self._gap = ""
        """What is between the word before and the next."""

    def handle_starttag(self, tag: str, attributes: Attributes) -> None:
        super().handle_starttag(tag, attributes)
        classes = set((dict(attributes).get("class") or "").split())
        if classes & PARAGRAPHS:
            self.end_paragraph()
        elif classes & LINES:
            self._gap = "\n"
        elif WORD in classes:
            self._gap = self._gap or " "
        self._open.append(WORD in classes)

    def handle_endtag(self, tag: str) -> None:
        super().handle_endtag(tag)
        if self._open:
            self._open.pop()

    def add(self, part: TracedText) -> None:
        if self._in_words and not any(self._open):
            return
        parts = self._paragraphs[-1]
        if parts and self._gap:
            super().add(TracedText(self.source, self._gap, [parts[-1].ends[-1]], [part.starts[0]], {0: Seam.BOX}))
        self._gap = ""
        super().add(part)
