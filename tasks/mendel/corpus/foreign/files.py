"""Foreign texts that are taken from the files of this machine: from Python, the packages installed beside it, manuals.

Each kind says which files it reads, and how a file becomes blocks: paragraphs of a text, pieces of code.
"""

from __future__ import annotations

import ast
import gzip
import os
import random
import re
import sys
import sysconfig
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from glob import glob
from importlib.metadata import distributions
from pathlib import Path
from typing import NamedTuple

from mendel.corpus.foreign import roff
from mendel.corpus.foreign.parts import Part, part_of

STDLIB = sysconfig.get_path("stdlib")
MANUALS = {f"{prefix}/share/man" for prefix in (sys.prefix, "/usr", "/usr/local")}
OTHERS = {"site-packages", "test", "tests", "idle_test", "__pycache__", "lib2to3", "encodings"}
"""Folders of the standard library that hold other people's text, tests, or tables of numbers."""
PER_FILE = 6
"""Blocks: more of one file would say little more."""
FAMILY = re.compile(r"[-_.]")
"""Ends the part of a file's name that programs of one family have in common."""
LONGEST_BLOCK = 600
"""Characters; of a longer block, only a line can be taken."""


class File(NamedTuple):
    root: str
    name: str
    """Its path below the root: it decides the part."""

    def read(self) -> str:
        """Its text, with U+FFFD for what is no UTF-8; none where the file is damaged or closed to this user."""
        try:
            content = Path(self.root, self.name).read_bytes()
            if self.name.endswith(".gz"):
                content = gzip.decompress(content)
        except (OSError, EOFError, zlib.error):
            return ""
        return content.decode(errors="replace").replace("\r\n", "\n")


def texts(part: Part, kind: str, chance: random.Random) -> Iterator[str]:
    """The part's texts of a kind, until its files are read: whole blocks, or one of a block's lines."""
    sources = files_of(part, kind)
    for file in _spread(chance.sample(sources, k=len(sources))):
        blocks = [block for block in KINDS[kind].blocks(file.read()) if part_of(block) == part]
        for block in chance.sample(blocks, k=min(PER_FILE, len(blocks))):
            if len(block) <= LONGEST_BLOCK and chance.random() < 0.5:
                yield block
            else:
                yield chance.choice(block.split("\n"))


def files_of(part: Part, kind: str) -> list[File]:
    return [file for file in _files(kind) if part_of(file.name) == part]


@cache
def _files(kind: str) -> tuple[File, ...]:
    return tuple(sorted(KINDS[kind].files(), key=lambda file: (file.name, file.root)))


def _spread(files: Iterable[File]) -> list[File]:
    """First one file of each family, then the second ones: a program with a thousand manual pages is one program."""
    ranks: Counter[str] = Counter()
    ranked = []
    for file in files:
        family = FAMILY.split(file.name.rpartition("/")[2], maxsplit=1)[0]
        ranked.append((ranks[family], file))
        ranks[family] += 1
    return [file for _, file in sorted(ranked, key=lambda item: item[0])]


def _python() -> Iterator[File]:
    for folder, folders, names in os.walk(STDLIB):
        folders[:] = set(folders) - OTHERS
        for name in names:
            if name.endswith(".py"):
                yield File(STDLIB, os.path.relpath(os.path.join(folder, name), STDLIB))


def _installed(name: str) -> Iterator[File]:
    """Files of such a name in the installed packages' records, `*.dist-info`."""
    for root in {str(distribution.locate_file("")) for distribution in distributions()}:
        yield from _matching(root, f"*.dist-info/{name}")


def _matching(root: str, pattern: str) -> Iterator[File]:
    # strings, since tens of thousands of paths take seconds
    for name in glob(pattern, root_dir=root):  # noqa: PTH207
        if os.path.isfile(os.path.join(root, name)):  # noqa: PTH113
            yield File(root, name)


def _licences() -> Iterator[File]:
    yield from _matching(STDLIB, "LICENSE.txt")
    for folder in ("", "licenses/"):
        for name in ("LICEN*", "COPYING*", "NOTICE*"):
            yield from _installed(folder + name)


def _metadata() -> Iterator[File]:
    return _installed("METADATA")


def _manuals() -> Iterator[File]:
    for root in MANUALS:
        yield from _matching(root, "man[1-8]/*")


def _paragraphs(text: str) -> list[str]:
    return [block.strip("\n") for block in re.split(r"\n\s*\n", text) if block.strip()]


def _code(text: str) -> list[str]:
    """What is left of a module without docstrings and comments."""
    lines = text.split("\n")
    for node in _documented(text):
        lines[node.lineno - 1 : node.end_lineno] = [""] * (int(node.end_lineno or node.lineno) - node.lineno + 1)
    return _paragraphs("\n".join("" if line.lstrip().startswith("#") else line for line in lines))


def _comments(text: str) -> list[str]:
    """Comments that have their lines to themselves."""
    lines = (line if line.lstrip().startswith("# ") else "" for line in text.split("\n"))
    return _paragraphs("\n".join(lines))


def _docstrings(text: str) -> list[str]:
    return [block for node in _documented(text) for block in _paragraphs(str(node.value))]


def _documented(text: str) -> Iterator[ast.Constant]:
    """The docstrings of a module; none where this Python cannot read it."""
    try:
        yield from _below(ast.parse(text))
    except (SyntaxError, ValueError):
        return


def _below(node: ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[ast.Constant]:
    match node.body:
        case [ast.Expr(value=ast.Constant(value=str()) as docstring), *_]:
            yield docstring
    for child in node.body:
        if isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _below(child)


def _headers(text: str) -> list[str]:
    """Names, versions, classifiers, requirements: a line each."""
    return text.split("\n\n", 1)[0].split("\n")


def _description(text: str) -> list[str]:
    """The README that metadata hold behind their headers."""
    _, _, description = text.partition("\n\n")
    return _paragraphs(description)


class FileKind(NamedTuple):
    files: Callable[[], Iterable[File]]
    blocks: Callable[[str], list[str]]


KINDS = {
    "python_code": FileKind(_python, _code),
    "python_comments": FileKind(_python, _comments),
    "docstrings": FileKind(_python, _docstrings),
    "licences": FileKind(_licences, _paragraphs),
    "metadata": FileKind(_metadata, _headers),
    "readmes": FileKind(_metadata, _description),
    "manuals": FileKind(_manuals, lambda text: _paragraphs(roff.plain(text))),
}
