"""The two parts of foreign text, which share nothing: what a restorer is fitted to, and what it is judged by."""

from __future__ import annotations

import hashlib
from typing import Literal, get_args

Part = Literal["fit", "judge"]
PARTS: tuple[Part, ...] = get_args(Part)


def part_of(key: str) -> Part:
    """The part of a text or of a file, by the hash of what it says; white space and case make no other text."""
    plain = " ".join(key.split()).casefold()
    return PARTS[hashlib.sha256(plain.encode()).digest()[0] % len(PARTS)]
