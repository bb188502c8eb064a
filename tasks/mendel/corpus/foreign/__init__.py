"""Clean text unlike the corpus, which a restorer is to leave as it is. It is on every machine that has this package.

    texts("fit", count_per_kind=100)    # to fit a threshold to
    texts("judge", count_per_kind=100)  # to judge by

Taken from the files of the machine: `python_code`, `python_comments`, `docstrings` (of Python's standard library),
`licences`, `metadata` (names, versions, classifiers) and `readmes` of the installed packages, `manuals` (manual pages,
where there are any).

Composed of templates: `addresses` (URLs, e-mail, post), `changelogs`, `chat`, `code` (Python, C, JavaScript, SQL, shell, YAML),
`commands`, `data` (JSON, TOML, INI, XML), `emoji`, `headlines`, `html`, `identifiers` (hashes, ISBNs, telephone numbers),
`languages` (not English), `logs`, `markdown`, `names` (people from many countries), `quantities` (prices, units, ordinals),
`tables` (aligned, of Markdown, CSV), `times`.

The two parts share no file, no text, no word of a list, and no template but the three layouts of tables; white space and
case make no other text. They share the forms of fields (what a price or a hash looks like), and what files of different
packages have in common (a licence is a licence).
"""

from __future__ import annotations

import random
import unicodedata
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from mendel.corpus.foreign import compositions, files
from mendel.corpus.foreign.parts import Part, part_of

KINDS = (*files.KINDS, *compositions.KINDS)
LONGEST = 600
"""Characters."""
TRIES = 50
"""Texts that are drawn for each one that is asked for; some are drawn twice, or belong to the other part."""
RUBBISH = {"Cc", "Cn", "Co", "Cs"}
"""Categories of characters that no text has: controls, unassigned ones, private ones, halves of pairs."""


class ForeignText(NamedTuple):
    kind: str
    text: str
    """A line or a paragraph, with the white space that it begins with."""


def texts(part: Part, count_per_kind: int, seed: int = 0) -> list[ForeignText]:
    """So many different texts of each kind, or as many as the machine has; the same ones on the same machine."""
    return [
        ForeignText(kind, text)
        for kind in KINDS
        for text in islice(_usable(part, kind, seed, count_per_kind), count_per_kind)
    ]


def _usable(part: Part, kind: str, seed: int, count: int) -> Iterator[str]:
    chance = random.Random(f"{seed}:{part}:{kind}")  # noqa: S311 (an order, not a secret)
    source = files.texts if kind in files.KINDS else compositions.texts
    seen = set()
    for candidate in islice(source(part, kind, chance), TRIES * count):
        text = candidate.rstrip()
        if text not in seen and part_of(text) == part and is_usable(text):
            seen.add(text)
            yield text


def is_usable(text: str) -> bool:
    """Whether a text has a letter or a digit, nothing that cannot be shown, and a length that fits."""
    return (
        len(text) <= LONGEST
        and any(character.isalnum() for character in text)
        and not any(
            unicodedata.category(character) in RUBBISH for character in text.replace("\n", "").replace("\t", "")
        )
        and "\N{REPLACEMENT CHARACTER}" not in text
    )
