"""What scripts differ in: how wide a character is, whether spaces part words, whether marks end sentences."""

from __future__ import annotations

import re

HAN = r"\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003fffd"
KANA = r"\u3041-\u309f\u30a0-\u30ff\u31f0-\u31ff\uff66-\uff9d"
HANGUL = r"\u1100-\u11ff\u3131-\u318e\ua960-\ua97c\uac00-\ud7fb"
CJK_MARKS = r"\u3001-\u3004\u3008-\u3020\u3030\uff01-\uff65"
"""Punctuation, and Latin letters and digits in the width of an ideograph."""
THAI_AND_LAO = r"\u0e01-\u0eff"
KHMER = r"\u1780-\u17ff"
MYANMAR = r"\u1000-\u109f"

WIDE = re.compile(rf"[{HAN}{KANA}{HANGUL}{CJK_MARKS}]")
CJK_LETTER = re.compile(rf"[{HAN}{KANA}{HANGUL}]")
LETTER = re.compile(r"[^\W\d_]")
CJK_SHARE = 0.3
"""Of the letters. A text in Chinese on computers has up to half of its letters in Latin names."""

UNSPACED = rf"[{HAN}“”‘’…—{KANA}{CJK_MARKS}{THAI_AND_LAO}{KHMER}{MYANMAR}]"
"""A character of a script that does not part words by spaces: a line's end between two of them is no space."""


def columns(text: str) -> int:
    """The width of a text in columns of a terminal: two for a character of Chinese, Japanese or Korean."""
    return len(text) if text.isascii() else len(text) + sum(1 for _ in WIDE.finditer(text))


def is_cjk(text: str) -> bool:
    """Whether a text is in Chinese, Japanese or Korean, by the share of its letters."""
    if text.isascii():
        return False
    letters = sum(1 for _ in CJK_LETTER.finditer(text))
    return letters > 0 and letters >= CJK_SHARE * sum(1 for _ in LETTER.finditer(text))
