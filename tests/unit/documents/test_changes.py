"""Changes of words: made, left out and shown as one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mendel.documents.changes import applied, by_word, sure, without_end
from mendel.restorers.restorer import Restoration, Span, spans

short = st.text("abc .", max_size=16)


@given(before=short, after=short)
def test_by_word_the_text_is_the_same(before: str, after: str) -> None:
    words = by_word(before, spans(before, after))
    assert applied(before, words) == after
    for word in words:
        assert word.start == 0 or before[word.start - 1].isspace(), "it begins inside a word"
        assert word.end == len(before) or before[word.end].isspace(), "it ends inside a word"


def test_a_word_is_as_sure_as_the_least_of_its_changes() -> None:
    # given two changes of a word, one of another
    text = "teh kign"
    edits = (
        Span(start=1, end=1, replacement="h", confidence=0.9),
        Span(start=2, end=3, replacement="", confidence=0.6),
        Span(start=6, end=8, replacement="ng", confidence=0.95),
    )
    restored = Restoration(text="the king", confidence=0.5, edits=edits, fallback=False)
    # then
    assert [(each.replacement, each.confidence) for each in by_word(text, edits)] == [("the", 0.6), ("king", 0.95)]
    assert sure(text, restored, None).text == "the king"
    assert sure(text, restored, 0.8).text == "teh king", "half a word is not restored"
    nothing = sure(text, restored, 1.0)
    assert (nothing.text, nothing.edits, nothing.fallback) == (text, (), True)


@pytest.mark.parametrize(
    ("text", "after", "expected"),
    [
        ("Teh end", "The end.", "The end"),
        ("The ned", "The end.", "The end"),
        ("The end", "The end?", "The end"),
        ("Teh end.", "The end.", "The end."),
        ("Teh end,", "The end.", "The end"),
    ],
)
def test_what_may_be_a_heading_gets_no_full_stop(text: str, after: str, expected: str) -> None:
    assert applied(text, without_end(text, by_word(text, spans(text, after)))) == expected
