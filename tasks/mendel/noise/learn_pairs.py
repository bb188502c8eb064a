"""Real pairs of noisy and clean texts: lines of a JSON Lines file, or files of one or two folders."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from mendel.core import lake
from mendel.core.errors import InputError
from mendel.noise import learn_text

KEYS = ("noisy", "clean")
TRUTH = ".gt"
"""Before the suffix of a file with the clean text, as OCR tools name it beside their own output."""


class Pairs(NamedTuple):
    """Texts side by side."""

    clean: list[str]
    noisy: list[str]
    alone: tuple[str, ...] = ()
    """Files without a counterpart."""


def read(uri: str, clean: str = "") -> Pairs:
    """The pairs of a JSON Lines file, or of the files in a folder.

    A line of the file is an object with the strings `noisy` and `clean`; other keys are ignored. In a folder NAME.gt.txt
    is the clean text of NAME.txt, NAME.hocr, NAME.html or NAME.xml (ALTO, PAGE). With a second folder the clean files
    have the same names there, below the same folders, with or without `.gt`.

    Raises InputError naming the line or file that cannot be read, or when there are no pairs.
    """
    uri = lake.normalise(uri)
    if clean:
        clean = lake.normalise(clean)
        return _of_folders(_named(uri, _below(uri)), _named(clean, _below(clean)), f"{uri}, {clean}")
    if files := _below(uri):
        named = _named(uri, files)
        truths = {name.removesuffix(TRUTH): file for name, file in named.items() if name.endswith(TRUTH)}
        return _of_folders({name: file for name, file in named.items() if not name.endswith(TRUTH)}, truths, uri)
    return _of_lines(uri)


def _below(uri: str) -> list[str]:
    """The files of a folder; none where the URI is itself a file."""
    return [file for file in lake.list_files(uri) if file.rstrip("/") != uri]


def _named(folder: str, files: Sequence[str]) -> dict[str, str]:
    """The files that can be read, by their names below the folder without suffix."""
    files_by_name: dict[str, str] = {}
    for suffix in learn_text.SUFFIXES:
        for file in files:
            if file.endswith(suffix):
                files_by_name.setdefault(file.removeprefix(folder).removesuffix(suffix), file)
    return files_by_name


def _of_folders(noisy: Mapping[str, str], clean: Mapping[str, str], where: str) -> Pairs:
    truths = {name.removesuffix(TRUTH): file for name, file in clean.items()}
    both = sorted(noisy.keys() & truths.keys())
    if not both:
        raise InputError(
            f"{where}: {len(noisy)} noisy and {len(truths)} clean files, none of the same name; write NAME.txt "
            f"beside NAME{TRUTH}.txt in one folder, or the same names in two. Suffixes: {', '.join(learn_text.SUFFIXES)}"
        )
    alone = {**noisy, **truths}
    return Pairs(
        [_text(truths[name]) for name in both],
        [_text(noisy[name]) for name in both],
        tuple(sorted(alone[name] for name in noisy.keys() ^ truths.keys())),
    )


def _text(uri: str) -> str:
    try:
        return learn_text.read(lake.read_bytes(uri), uri)
    except OSError as error:
        raise InputError(f"{uri} cannot be read: {error.strerror or error}") from error


def _of_lines(uri: str) -> Pairs:
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
