"""Plain text."""

from __future__ import annotations

from dataclasses import replace

from mendel.corpus import wrapping
from mendel.corpus.traced import TracedText
from mendel.documents.document import ReadingOptions, TextDocument, decoded
from mendel.documents.line_ends import LINE_END
from mendel.documents.prose import from_text


def read(data: bytes, options: ReadingOptions) -> TextDocument:
    """Paragraphs and lines. Raises InputError where it is no text of the encoding."""
    source, encoding = decoded(data, options.encoding)
    width = wrapping.width(LINE_END.sub("\n", source))
    return TextDocument(
        source, encoding, [replace(segment, width=width) for segment in from_text(TracedText.of(source))]
    )
