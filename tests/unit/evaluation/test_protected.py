"""What must never change: a small change of each is named, and a change beside it is not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mendel.evaluation.protected import PROTECTED, harmed


@pytest.mark.parametrize(
    ("before", "after", "what"),
    [
        ("in 1990 and later", "in 1900 and later", {"digits"}),
        ("room 4.17", "room 4 17", {"digits"}),
        ("$1,250.00", "$1.250.00", {"digits"}),
        ("the 3rd", "the 3th", {"identifiers"}),
        ("see https://x.example/teh now", "see https://x.example/the now", {"urls"}),
        ("write to teh@x.example", "write to the@x.example", {"emails"}),
        ("in /etc/hosts now", "in /etc/host now", {"paths"}),
        ("C:\\Users\\j", "C:\\User\\j", {"paths"}),
        ("src/mian.py", "src/main.py", {"paths"}),
        ("set max_conn here", "set max conn here", {"identifiers"}),
        ("call parseUrl here", "call parseurl here", {"identifiers"}),
        ("use --dry-run here", "use -dry-run here", {"identifiers"}),
        ("commit 2f9c1ab here", "commit 2f9c1b here", {"identifiers"}),
        ("    return x", "return x", {"white_space"}),
        ("a  b", "a b", {"white_space"}),
        ("one\ntwo", "one two", {"white_space"}),
        ("one\ttwo", "one two", {"white_space"}),
    ],
)
def test_a_change_of_something_protected_is_named(before: str, after: str, what: set[str]) -> None:
    assert what <= harmed(before, after), f"{before!r} became {after!r}: {harmed(before, after)}"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("teh 3 cats", "the 3 cats"),
        ("Mr Okonkwo-Szczur said", "Mr Okonkwo Szczur said"),
        ("    retrun x", "    return x"),
        ("he or she", "he orshe"),
        ("Teh page https://x.example/teh is gone", "The page https://x.example/teh is gone"),
        ("well-known", "wellknown"),
    ],
)
def test_a_change_of_ordinary_words_is_not(before: str, after: str) -> None:
    assert harmed(before, after) == frozenset(), f"{before!r} became {after!r}"


@given(st.text())
def test_a_text_that_stays_is_not_harmed(text: str) -> None:
    assert harmed(text, text) == frozenset()


@given(st.text("ab1 \n/@.", max_size=20), st.text("ab1 \n/@.", max_size=20))
def test_whoever_changes_one_text_into_the_other_does_the_same_harm(one: str, other: str) -> None:
    assert harmed(one, other) == harmed(other, one) <= set(PROTECTED)
