"""The plain text of a manual page's source, as far as that goes without a typesetter.

Source: groff_man(7), groff_char(7).
"""

from __future__ import annotations

import re

FONT = re.compile(r"\\f(\[\w*\]|\(..|.)|\\s[-+]?\d+")
FONTS = {".B", ".I", ".BR", ".BI", ".IR", ".RB", ".RI", ".IB", ".SM", ".SB"}
"""Macros whose arguments are text. Every other one ends a paragraph."""
CHARACTERS = {
    r"\-": "-",
    r"\&": "",
    r"\ ": " ",
    r"\~": " ",
    r"\(aq": "'",
    r"\(dq": '"',
    r"\|": "",
    r"\(bu": "*",
}
COMMENT = re.compile(r"\\\".*")


def plain(source: str) -> str:
    """Paragraphs with blank lines between them; those with an escape sequence that is not known here are left out."""
    lines = (_line(line) for line in source.split("\n"))
    paragraphs = "\n".join(lines).split("\n\n")
    return "\n\n".join(paragraph for paragraph in paragraphs if "\\" not in paragraph)


def _line(line: str) -> str:
    text = FONT.sub("", COMMENT.sub("", line))
    for escape, character in CHARACTERS.items():
        text = text.replace(escape, character)
    if not text.startswith((".", "'")):
        return text
    macro, _, arguments = text.partition(" ")
    if macro not in FONTS:
        return "\n"
    joined = "" if len(macro) == 3 and macro != ".SM" else " "
    return joined.join(one or other for one, other in re.findall(r'"([^"]*)"|(\S+)', arguments))
