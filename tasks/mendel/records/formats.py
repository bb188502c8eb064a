"""Which files hold records, by their names."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import NamedTuple

from mendel.records.problems import UnreadableFileError

KINDS = {".txt": "txt", ".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet"}
COMPRESSIONS = (".gz", ".bz2", ".xz", ".zst")


class Format(NamedTuple):
    """What a file is (`txt`, `jsonl` or `parquet`), and the suffix of its compression."""

    kind: str
    compression: str | None


def format_of(name: str) -> Format:
    """The format that a file's name tells. Raises UnreadableFileError."""
    *others, last = ["", *(suffix.lower() for suffix in PurePosixPath(name).suffixes)]
    compression = last if last in COMPRESSIONS else None
    suffix = others[-1] if compression else last
    if suffix not in KINDS:
        suffixes = f"{', '.join(KINDS)}, alone or followed by {', '.join(COMPRESSIONS)}"
        raise UnreadableFileError(
            "unknown_format", f"the name ends in {last or 'no suffix'}; it must end in {suffixes}"
        )
    return Format(KINDS[suffix], compression)
