"""One page that shows what was changed in which document, and how sure the restorer was. It needs nothing from elsewhere."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from html import escape
from pathlib import Path
from types import TracebackType
from typing import IO

from mendel.documents.files import replace
from mendel.documents.protected import OBJECT
from mendel.documents.restoring import RestoredDocument, SegmentChange

HEAD = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Restored documents</title>
<style>
:root { color-scheme: light dark; --muted: light-dark(#57606a, #9aa4ae); --line: light-dark(#d0d7de, #3a424a);
  --gone: light-dark(#ffe3e0, #5a1e1a); --new: light-dark(#d7f5dc, #17472a); }
body { font: 1rem/1.6 system-ui, sans-serif; max-width: 52rem; margin: 2rem auto; padding: 0 1rem; overflow-wrap: anywhere; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin: 2.5rem 0 0; border-top: 1px solid var(--line); padding-top: 1rem; }
p { margin: .6rem 0; } .place, .sum, small { color: var(--muted); font-size: .85rem; }
del { background: var(--gone); } ins { background: var(--new); text-decoration: none; }
del, ins { border-radius: .2rem; padding: .05rem .15rem; }
ul { padding-left: 1.2rem; }
</style></head><body><main>
<h1>Restored documents</h1>
<p class="sum">What was taken out is <del>so</del>, what was put in <ins>so</ins>; behind each how sure it is.</p>
"""
TAIL = "</main></body></html>\n"


class HtmlReport:
    """Written document by document, so that it needs no more memory than one; it is in its place when it is whole."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[str] = tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115 (closed at exit)

    def __enter__(self) -> HtmlReport:
        self._file.write(HEAD)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._file:
            if kind is None:
                self._file.write(TAIL)
                self._file.seek(0)
                self._path.parent.mkdir(parents=True, exist_ok=True)
                replace(self._path, self._file.read().encode())

    def add(self, name: str, restored: RestoredDocument) -> None:
        """A document with each segment that was changed."""
        self._file.writelines(_document(name, restored))

    def fail(self, message: str) -> None:
        """A document that could not be restored."""
        self._file.write(f"<h2>{escape(message)}</h2>\n")


def _document(name: str, restored: RestoredDocument) -> Iterator[str]:
    changes, left_out = restored.changes, restored.left_out
    yield f"<h2>{escape(name)}</h2>\n<p class='sum'>{_counted(len(changes), 'change')} in "
    yield f"{_counted(len(restored.segments), 'paragraph')}</p>\n"
    by_segment: dict[int, list[SegmentChange]] = {}
    for change in changes:
        by_segment.setdefault(change.segment, []).append(change)
    for number, of_segment in by_segment.items():
        segment = restored.segments[number]
        yield f"<p><span class='place'>{escape(segment.place or f'line {segment.line}')}</span><br>"
        yield f"{_marked(segment.text, of_segment)}</p>\n"
    if left_out:
        yield "<p class='sum'>Left out, since they would change more than words, such as a box or an address:</p>\n<ul>\n"
        yield from (f"<li>{_marked(change.before, [_from_start(change)]) or '…'}</li>\n" for change in left_out)
        yield "</ul>\n"


def _from_start(change: SegmentChange) -> SegmentChange:
    span = change.span.model_copy(update={"start": 0, "end": len(change.before)})
    return SegmentChange(change.segment, span, change.before)


def _marked(text: str, changes: Sequence[SegmentChange]) -> str:
    """A text with its changes, in HTML."""
    pieces, at = [], 0
    for change in changes:
        span = change.span
        pieces.append(_shown(text[at : span.start]))
        pieces.append(f"<del>{_shown(change.before)}</del>" if change.before else "")
        pieces.append(f"<ins>{_shown(span.replacement)}</ins>" if span.replacement else "")
        pieces.append(f"<small> {span.confidence:.0%}</small>")
        at = span.end
    return "".join([*pieces, _shown(text[at:])])


def _shown(text: str) -> str:
    return escape(text).replace(OBJECT, "<small>[…]</small>")


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
