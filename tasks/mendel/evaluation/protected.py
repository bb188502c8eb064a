"""What a restorer must never change, whatever surrounds it: digits, addresses, paths, identifiers, the layout."""

from __future__ import annotations

import re

URL = r"(?:\w+://|www\.|mailto:)[^\s<>\"')\]]+"
EMAIL = r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+"
PROTECTED = {
    "digits": re.compile(r"\d+(?:[.,:/-]\d+)*"),
    "urls": re.compile(URL),
    "emails": re.compile(EMAIL),
    "paths": re.compile(r"(?:~|\.{1,2}|[A-Za-z]:)[/\\][\w.@~/\\+-]+|(?<!\S)/\w[\w./@+-]*|\w[\w.@+-]*/[\w./@+-]*\.\w+"),
    "identifiers": re.compile(
        r"\b\w*[^\W_]_\w+|\b[a-z]+[A-Z]\w*|\b[^\W\d]\w+(?:\.\w{2,})+|(?<!\S)--?\w[\w-]*|\b(?=\w*\d)(?=\w*[^\W\d])\w+"
    ),
    "white_space": re.compile(r"[^\S\n]{2,}|\s*\n\s*|\t|^\s+|\s+$"),
}
"""By name, what of a text it is about. Numbers are taken with the signs inside them: `1,250` is not `1.250`."""


def harmed(before: str, after: str) -> frozenset[str]:
    """What of PROTECTED is not in `after` as it was in `before`: changed, gone, new, or in another order."""
    return frozenset(name for name, form in PROTECTED.items() if form.findall(before) != form.findall(after))
