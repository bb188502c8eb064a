"""What stands in prose and is none: addresses, paths, names of code.

A restorer reads one character for it, which no model has learned: so it sees a whole sentence, and has nothing to say there.
"""

from __future__ import annotations

import re

from mendel.corpus.traced import Rewriting, Seam, TracedText

OBJECT = "\ufffc"
"""OBJECT REPLACEMENT CHARACTER: stands for what a format has protected, such as code in a sentence."""

NAME = r"[\w.+-]"
SUFFIXES = (
    "bz2|c|cc|cfg|conf|cpp|css|csv|docx?|gif|go|gz|h|html?|ini|ipynb|java|jpe?g|jsonl?|js|lock|log|md|ods|odt|parquet|"
    "pdf|png|pptx?|py|rb|rs|rst|sh|sql|svg|tar|tex|tiff?|toml|tsv|tsx?|txt|xhtml|xlsx?|xml|ya?ml|zip"
)
PROTECTED = re.compile(
    rf"""
      {OBJECT}
    | \b[a-z][a-z0-9+.-]{{1,20}}://[^\s<>"]*[^\s<>".,;:!?')\]}}]      # a URL
    | \b(?:mailto|tel|doi|urn|data):[^\s<>"]*[^\s<>".,;:!?')\]}}]
    | \bwww\.[^\s<>"]*[^\s<>".,;:!?')\]}}]
    | \b{NAME}+@{NAME}*\w                                             # an e-mail address
    | (?<!\w)@[A-Za-z_]\w+                                            # somebody's handle
    | \b(?:[a-z0-9-]+\.)+(?:com|org|net|edu|gov|io|dev|eu|uk|de|fr|ch|at)\b(?:/[^\s<>"]*[^\s<>".,;:!?')\]}}])?
    | (?<![\w/])(?:~|\.{{1,2}})?/(?:{NAME}+/)*{NAME}*\w/?               # a path
    | \b(?:{NAME}+/){{2,}}{NAME}*
    | \b[A-Za-z]:\\[^\s<>"|?*]*
    | (?<!\w){NAME}*\w\.(?:{SUFFIXES})\b                              # a file
    | \b[A-Za-z]\w*(?:::\w+)+(?:\(\))?
    | \b[A-Za-z][\w.]*\(\)                                            # a function
    | \b[A-Za-z0-9]+(?:_[A-Za-z0-9]+)+\b                              # an identifier
    | \{{\{{.*?\}}\}} | \{{%.*?%\}} | \$\{{[^{{}}]*\}}                      # a template's
    """,
    re.VERBOSE | re.IGNORECASE,
)


def protected(text: TracedText) -> TracedText:
    """The text with one character for each thing that is protected."""
    return text.rewritten(Rewriting(*match.span(), OBJECT, Seam.OBJECT) for match in PROTECTED.finditer(text.text))


def is_prose(text: str) -> bool:
    """Words: most of what is not white space is letters."""
    written = [character for character in text if not character.isspace() and character != OBJECT]
    letters = sum(character.isalpha() for character in written)
    return letters > 1 and 2 * letters >= len(written)
