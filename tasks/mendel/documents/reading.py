"""Which format a document has, by its name or by what is asked for, and the reader of each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import PurePath
from typing import NamedTuple

from mendel.core.errors import InputError
from mendel.documents.document import ReadingOptions, SegmentedDocument
from mendel.documents.formats import csv, markdown, text

Read = Callable[[bytes, ReadingOptions], SegmentedDocument]


class DocumentFormat(NamedTuple):
    """How a kind of document is read, and how files of it are called."""

    read: Read
    suffixes: tuple[str, ...]


FORMATS = {
    "text": DocumentFormat(text.read, (".txt", ".text")),
    "markdown": DocumentFormat(markdown.read, (".md", ".markdown")),
    "csv": DocumentFormat(csv.read, (".csv",)),
    "tsv": DocumentFormat(csv.read_tabs, (".tsv", ".tab")),
}
BY_SUFFIX = {suffix: name for name, each in FORMATS.items() for suffix in each.suffixes}


def format_of(path: PurePath) -> str | None:
    """The name of the format that a file's name tells; None where it tells none."""
    return BY_SUFFIX.get(path.suffix.lower())


def reader(name: str) -> Read:
    """Raises InputError where there is no such format."""
    if name not in FORMATS:
        raise InputError(f"--format {name}: choose one of {', '.join(FORMATS)}")
    return FORMATS[name].read
