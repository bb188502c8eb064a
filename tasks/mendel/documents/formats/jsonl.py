"""JSON Lines: strings among what the lines hold, by the names that lead to them (`title`, `body.text`).

The json module says what a line holds and not where; so it checks the lines, and strings are found here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import partial
from typing import NamedTuple

from mendel.core.errors import InputError
from mendel.corpus.traced import Rewriting, TracedText
from mendel.documents.document import ReadingOptions, TextDocument, decoded
from mendel.documents.fields import chosen
from mendel.documents.prose import from_text
from mendel.documents.protected import OBJECT

TOKEN = re.compile(r'"((?:[^"\\]|\\.)*)"(\s*:)?|[\[\]{}]')
ESCAPE = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\.")


class JsonString(NamedTuple):
    """A string that is a value: its place without its quotes."""

    line: int
    name: str
    start: int
    end: int


def read(data: bytes, options: ReadingOptions) -> TextDocument:
    """The lines' strings. Raises InputError naming the line that is no JSON, or a field that is not there."""
    source, encoding = decoded(data, options.encoding)
    strings = list(_strings(source))
    names = list(dict.fromkeys(string.name for string in strings))
    values: dict[str, list[str]] = {name: [] for name in names}
    for string in strings:
        values[string.name].append(_text(source, string).text)
    fields = {names[number] for number in chosen(names, lambda number: values[names[number]], options.fields)}
    encode = partial(_escaped, ascii_only=source.isascii())
    segments = [
        segment
        for string in strings
        if string.name in fields
        for segment in from_text(_text(source, string), encode, f"line {string.line}, {string.name}")
    ]
    return TextDocument(source, encoding, segments, tuple(string.name for string in strings))


def _strings(source: str) -> Iterator[JsonString]:
    for number, line in enumerate(_lines(source), start=1):
        if not line[0].strip("\ufeff \t\r\n"):
            continue
        try:
            json.loads(line[0].lstrip("\ufeff") if number == 1 else line[0])
        except (ValueError, RecursionError) as error:
            raise InputError(f"line {number} is not JSON: {error}") from error
        yield from _values(line, number)


def _lines(source: str) -> Iterator[re.Match[str]]:
    return re.finditer(r"[^\n]*(?:\n|\Z)", source)


def _values(line: re.Match[str], number: int) -> Iterator[JsonString]:
    """Strings of a line that is JSON; what is in a list has the name of the list."""
    above: list[str] = []
    key = ""
    for token in TOKEN.finditer(line.string, line.start(), line.end()):
        if token[0] in ("{", "["):
            above.append(key)
            key = ""
        elif token[0] in ("}", "]"):
            above.pop()
            key = ""
        elif token[2]:
            key = json.loads(f'"{token[1]}"', strict=False)
        else:
            yield JsonString(number, ".".join(name for name in (*above, key) if name), *token.span(1))


def _text(source: str, string: JsonString) -> TracedText:
    text = TracedText.of(source, string.start, string.end)
    return text.rewritten(Rewriting(*escape.span(), _character(escape[0])) for escape in ESCAPE.finditer(text.text))


def _character(escape: str) -> str:
    """Half a surrogate pair is no character: it is left alone."""
    character = str(json.loads(f'"{escape}"'))
    return OBJECT if "\ud800" <= character <= "\udfff" else character


def _escaped(text: str, ascii_only: bool) -> str:
    return json.dumps(text, ensure_ascii=ascii_only)[1:-1]
