"""What a script is: its width, and whether a text is in it."""

from __future__ import annotations

import pytest

from mendel.corpus.scripts import columns, is_cjk


@pytest.mark.parametrize(
    ("text", "width"),
    [("", 0), ("word", 4), ("é", 1), ("слово", 5), ("你好，", 6), ("カナ", 4), ("한글", 4), ("ไทย", 3), ("a你", 3)],
)
def test_ideographs_kana_and_hangul_take_two_columns(text: str, width: int) -> None:
    assert columns(text) == width


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("他来了", True),
        ("Debian 系统是很好的", True),
        ("한글이다", True),
        ("The word 你好 is Chinese", False),
        ("слово", False),
        ("，！？", False),
        ("", False),
    ],
)
def test_a_text_is_cjk_by_the_share_of_its_letters(text: str, expected: bool) -> None:
    assert is_cjk(text) is expected
