"""What a restorer leaves as it is, whatever the models say."""

from __future__ import annotations

from typing import Literal, get_args

ProtectedKind = Literal[
    "url",
    "email",
    "path",
    "number",
    "identifier",
    "code",
    "spaces",
    "brackets",
    "foreign_letter",
    "emoji",
    "markup",
    "ending",
]
PROTECTED: tuple[ProtectedKind, ...] = get_args(ProtectedKind)
"""All of them: addresses, file names, numbers and dates, names of programs' things, code in marks, runs of white space,
pairs of brackets, letters that the corpus does not have, emoji, marks of headings and lists, and the end of what is no
sentence."""
