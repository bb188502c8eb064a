"""hOCR: words in boxes are read as lines of a paragraph, and stay in their boxes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ..conftest import asked, restored


def page(*lines: str) -> str:
    words = (
        "".join(
            f"\n      <span class='ocrx_word' id='w' title='bbox 1 2 3 4; x_wconf 90'>{word}</span>"
            for word in line.split(" ")
        )
        for line in lines
    )
    body = "".join(f"\n    <span class='ocr_line' title='bbox 0 0 9 9'>{line}\n    </span>" for line in words)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<html><head><title></title></head>\n<body>\n'
        f"  <div class='ocr_page' title='image \"a.png\"'><p class='ocr_par' lang='eng'>{body}\n  </p></div></body></html>\n"
    )


PAGE = page("Teh <strong>king</strong> &amp; queen", "asked for resto-", "ration.")


def test_words_are_read_as_a_paragraph() -> None:
    assert asked(PAGE, "html") == asked(PAGE, "hocr") == ["Teh king & queen asked for restoration."]


def test_words_change_in_their_boxes() -> None:
    words = {"Teh king": "The kings", "restoration": "retsoration"}
    assert restored(PAGE, "html", words).data.decode() == (
        page("The <strong>kings</strong> &amp; queen", "asked for retso-", "ration.")
    )


def test_no_change_joins_two_boxes_or_empties_one() -> None:
    text = page("The ki ng", "of all")
    found = restored(text, "html", {"ki ng": "king"})
    assert found.data.decode() == text
    assert len(found.left_out) == 1


def test_a_box_may_hold_two_words() -> None:
    assert restored(page("Theking of"), "html", {"Theking": "The king"}).data.decode() == (
        page("The_king of").replace("The_king", "The king")
    )


@given(lines=st.lists(st.text("abz -.é“", min_size=1, max_size=20), max_size=4))
def test_what_is_not_changed_stays_byte_for_byte(lines: list[str]) -> None:
    assert restored(page(*lines), "hocr").data == page(*lines).encode()


@given(before=st.lists(st.text("abz -.é“", min_size=1, max_size=20), max_size=2))
def test_a_word_changes_and_nothing_else(before: list[str]) -> None:
    text = page(*before, "so the word zqxj stands here among others for all to see", *before)
    assert restored(text, "hocr", {"zqxj": "was"}).data.decode() == text.replace("zqxj", "was")


@pytest.mark.parametrize("text", ["teh line", "<span class='ocr_line'>teh line</span>"])
def test_lines_without_words_are_read_too(text: str) -> None:
    assert asked(f"<div class='ocr_page'>{text}</div>", "html") == ["teh line"]
