"""What was changed in a document, as a unified diff."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from mendel.documents.document import UTF8
from mendel.documents.restoring import RestoredDocument


def unified(restored: RestoredDocument, name: str, encoding: str | None) -> str:
    """The diff of a document and its restored version; of one that is no text, that of its segments."""
    try:
        before, after = restored.original.decode(encoding or UTF8), restored.data.decode(encoding or UTF8)
    except UnicodeDecodeError:
        before, after = "", ""
    if not before or "\0" in before:
        numbers = range(len(restored.segments))
        before = "".join(f"{restored.segments[number].text}\n" for number in numbers)
        after = "".join(f"{restored.text(number)}\n" for number in numbers)
    lines = difflib.unified_diff(before.splitlines(True), after.splitlines(True), f"{name}", f"{name} (restored)")
    return "".join(_ended(lines))


def _ended(lines: Iterator[str]) -> Iterator[str]:
    for line in lines:
        yield line
        if not line.endswith("\n"):
            yield "\n\\ No newline at end of file\n"
