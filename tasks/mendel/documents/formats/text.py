"""Plain text."""

from __future__ import annotations

from mendel.corpus.traced import TracedText
from mendel.documents.document import ReadingOptions, TextDocument, decoded
from mendel.documents.prose import from_text


def read(data: bytes, options: ReadingOptions) -> TextDocument:
    """Paragraphs and lines. Raises InputError where it is no text of the encoding."""
    source, encoding = decoded(data, options.encoding)
    return TextDocument(source, encoding, list(from_text(TracedText.of(source))))
