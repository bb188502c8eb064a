"""Which format a document has, by its name or by what is asked for, and the reader of each."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import PurePath
from typing import NamedTuple

from mendel.core.errors import InputError
from mendel.documents.document import ReadingOptions, SegmentedDocument, UnknownDocumentError
from mendel.documents.formats import alto, csv, docx, hocr, html, jsonl, markdown, page, parquet, text

Read = Callable[[bytes, ReadingOptions], SegmentedDocument]


class DocumentFormat(NamedTuple):
    """How a kind of document is read, and how files of it are called."""

    read: Read
    suffixes: tuple[str, ...]


ROOT = re.compile(rb"<(?:\w[\w.-]*:)?(\w[\w.-]*)[\s>/]")
ROOTS: Mapping[bytes, Read] = {b"alto": alto.read, b"PcGts": page.read}


def _page_or_hocr(data: bytes, options: ReadingOptions) -> SegmentedDocument:
    return hocr.read(data, options) if hocr.is_hocr(data) else html.read(data, options)


def _by_root(data: bytes, options: ReadingOptions) -> SegmentedDocument:
    """XML of a kind that its first element tells. Raises UnknownDocumentError."""
    match = ROOT.search(data)
    root = match[1] if match else b""
    if root not in ROOTS:
        raise UnknownDocumentError(
            f"its first element is {root.decode(errors='replace') or 'none'}; of XML, ALTO and PAGE are known"
        )
    return ROOTS[root](data, options)


FORMATS = {
    "text": DocumentFormat(text.read, (".txt", ".text")),
    "markdown": DocumentFormat(markdown.read, (".md", ".markdown")),
    "html": DocumentFormat(_page_or_hocr, (".html", ".htm", ".xhtml")),
    "hocr": DocumentFormat(hocr.read, (".hocr",)),
    "xml": DocumentFormat(_by_root, (".xml",)),
    "jsonl": DocumentFormat(jsonl.read, (".jsonl", ".ndjson")),
    "csv": DocumentFormat(csv.read, (".csv",)),
    "tsv": DocumentFormat(csv.read_tabs, (".tsv", ".tab")),
    "parquet": DocumentFormat(parquet.read, (".parquet",)),
    "docx": DocumentFormat(docx.read, (".docx",)),
}
BY_SUFFIX = {suffix: name for name, document_format in FORMATS.items() for suffix in document_format.suffixes}


def format_of(path: PurePath) -> str | None:
    """The name of the format that a file's name tells; None where it tells none."""
    return BY_SUFFIX.get(path.suffix.lower())


def reader(name: str) -> Read:
    """Raises InputError where there is no such format."""
    if name not in FORMATS:
        raise InputError(f"--format {name}: choose one of {', '.join(FORMATS)}")
    return FORMATS[name].read
