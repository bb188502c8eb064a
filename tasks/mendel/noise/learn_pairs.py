"""Real pairs of noisy and clean texts, from a JSON Lines file."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from mendel.core import lake
from mendel.core.errors import InputError

KEYS = ("noisy", "clean")


class Pairs(NamedTuple):
    """Texts side by side."""

    clean: list[str]
    noisy: list[str]


def read(uri: str) -> Pairs:
    """The pairs of a file: one JSON object a line, with the strings `noisy` and `clean`; other keys are ignored.

    Raises InputError naming the line that is no such pair.
    """
    uri = lake.normalise(uri)
    try:
        text = lake.read_text(uri)
    except OSError as error:
        raise InputError(f"--pairs {uri} cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"--pairs {uri} is not UTF-8: {error}") from error
    pairs = Pairs([], [])
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            noisy, clean = _pair(line, f"{uri}, line {number}")
            pairs.noisy.append(noisy)
            pairs.clean.append(clean)
    if not pairs.clean:
        raise InputError(f'{uri} is empty; write one pair a line: {{"noisy": "teh cat", "clean": "the cat"}}')
    return pairs


def _pair(line: str, where: str) -> tuple[str, str]:
    try:
        data: Any = json.loads(line)
    except ValueError as error:
        raise InputError(f"{where}: not JSON: {error}") from error
    if not isinstance(data, dict):
        raise InputError(f'{where}: expected an object with "noisy" and "clean", found {type(data).__name__}')
    for key in KEYS:
        if key not in data:
            raise InputError(f"{where}: the key {key!r} is missing; found {', '.join(map(repr, data)) or 'no keys'}")
        if not isinstance(data[key], str):
            raise InputError(f"{where}: {key!r} must be a string, found {type(data[key]).__name__}")
        if not data[key].strip():
            raise InputError(f"{where}: {key!r} is empty; leave out pairs of which one side is missing")
    return data["noisy"], data["clean"]
