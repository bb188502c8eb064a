"""Changes of two texts: they lead from the one to the other, in order, and none is half of a word's."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mendel.restorers.changes import places, regions
from mendel.restorers.restorer import Span, applied, spans

texts = st.one_of(st.text(max_size=30), st.text("ab c\n", max_size=30))


@given(text=texts, better=texts)
def test_all_changes_together_lead_to_the_other_text(text: str, better: str) -> None:
    assert applied(text, regions(text, better)) == better
    assert applied(text, spans(text, better)) == better


@given(text=texts, better=texts)
def test_they_are_in_order_and_no_two_stand_in_one_word(text: str, better: str) -> None:
    changes = regions(text, better)
    assert bool(changes) == (text != better)
    for one, other in pairwise(changes):
        between = text[one.end : other.start]
        assert one.end < other.start, f"{one} and {other} overlap or touch"
        assert any(map(str.isspace, between)), f"{one} and {other} stand in one word, with {between!r} between them"


@given(text=texts, better=texts)
def test_places_are_where_the_replacements_stand_afterwards(text: str, better: str) -> None:
    changes = regions(text, better)
    assert [better[start:end] for start, end in places(changes)] == [change.replacement for change in changes]


@pytest.mark.parametrize(
    ("text", "better", "expected"),
    [
        ("teh people", "the people", [(1, 3, "he")]),
        ("a longword here", "a lXngworY here", [(3, 10, "XngworY")]),
        ("teh naiton", "the nation", [(1, 3, "he"), (6, 8, "ti")]),
        ("a b", "c d", [(0, 3, "c d")]),
        ("the same", "the same", []),
    ],
)
def test_what_is_one_change(text: str, better: str, expected: list[tuple[int, int, str]]) -> None:
    assert [(each.start, each.end, each.replacement) for each in regions(text, better)] == expected


def test_no_changes_leave_a_text_as_it_is() -> None:
    assert applied("text", []) == "text"
    assert applied("", [Span(start=0, end=0, replacement="new")]) == "new"
