"""A plain form whose changes go back into the text as it was written."""

from __future__ import annotations

import pytest
from ftfy import fix_encoding
from hypothesis import assume, given
from hypothesis import strategies as st

from mendel.corpus.clean import clean
from mendel.corpus.normalise import normalised
from mendel.corpus.traced import TracedText, spliced

ODD = "’“”«»–—…\u00a0\u00ad\u200b\ufeff\u2003\u2028ﬁﬂ｢ａＡ！e\u0301o\u0308ㄱ\u1100\u1161\u11a8\u09c7\u09be½²&amp;&lt;\t\n é"
texts = st.text(st.one_of(st.characters(exclude_categories=["Cs"]), st.sampled_from(ODD), st.sampled_from("ab .'")))


def changed(text: str, edits: list[tuple[int, int, str]]) -> str:
    made = normalised(TracedText.of(text)).splices(edits)
    return spliced(text, (splice for each in made for splice in each))


@given(text=texts)
def test_without_changes_a_text_is_as_it_was(text: str) -> None:
    plain = normalised(TracedText.of(text))
    assert changed(text, []) == text
    assert changed(text, [(0, len(plain.text), plain.text)]) == text, "the same words are no change"


@given(before=texts, after=texts)
def test_a_word_changes_and_what_is_around_it_keeps_its_form(before: str, after: str) -> None:
    # given
    text = f"{before} zqxj {after}"
    at = normalised(TracedText.of(text)).text.index("zqxj")
    # when a change takes in what is around it
    assert changed(text, [(at, at + 4, "was")]) == f"{before} was {after}"
    plain = normalised(TracedText.of(text)).text
    assert changed(text, [(0, len(plain), plain.replace("zqxj", "uuuu"))]) == f"{before} uuuu {after}"


@given(
    text=st.text(
        st.one_of(st.sampled_from("’“”–—…\u00a0\u2003ﬁａéü ab.,ABe\u0301"), st.characters(categories=["Ll", "Lu"])),
        max_size=40,
    )
)
def test_the_form_is_that_of_cleaning(text: str) -> None:
    assume(fix_encoding(text) == text)  # cleaning repairs what was decoded wrongly, as a whole
    assert normalised(TracedText.of(text)).text.strip() == clean(text)


@pytest.mark.parametrize(
    "text", ["他说：“走吧……”——好！", "Ｄｅｂｉａｎの　ｶﾀｶﾅ｡", "안녕하세요！", "A “word” 你！ here…"]
)
def test_the_form_is_that_of_cleaning_in_chinese_japanese_and_korean(text: str) -> None:
    assert normalised(TracedText.of(text)).text == clean(text)


@given(text=texts)
def test_each_character_has_its_place_and_they_are_in_order(text: str) -> None:
    plain = normalised(TracedText.of(text))
    assert len(plain.text) == len(plain.starts) == len(plain.ends)
    places = list(zip(plain.starts, plain.ends, strict=True))
    assert places == sorted(places)


@pytest.mark.parametrize(
    ("text", "edit", "expected"),
    [
        ("“teh” end", ('"teh"', '"the"'), "“the” end"),
        ("the king’s—ah", ("king's--ah", "kings--oh"), "the kings—oh"),
        ("a—b", ("--", "-"), "a-b"),
        ("a…b", ("...", ".."), "a..b"),
        ("ｔｅｈ ｃａｔ", ("teh cat", "the cat"), "ｔhｅ ｃａｔ"),
        ("cafe\u0301 teh", ("café teh", "café the"), "cafe\u0301 the"),
        ("te\u00adh", ("teh", "the"), "the\u00ad"),
        ("a \u00a0 b", ("a b", "ab"), "ab"),
        ("AT&amp;T teh", ("AT&T teh", "AT&T the"), "AT&amp;T the"),
    ],
)
def test_what_a_change_leaves_keeps_its_form(text: str, edit: tuple[str, str], expected: str) -> None:
    at = normalised(TracedText.of(text)).text.index(edit[0])
    assert changed(text, [(at, at + len(edit[0]), edit[1])]) == expected
