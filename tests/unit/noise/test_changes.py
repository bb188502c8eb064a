from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from rapidfuzz.distance import Levenshtein

from mendel.noise.changes import TextChange, changes

TEXT = st.text("abc ", max_size=12)


@given(TEXT, TEXT)
def test_changes_lead_from_one_text_to_the_other(one: str, other: str) -> None:
    rewritten, at = "", 0
    for change in changes(one, other):
        rewritten += one[at : change.start] + other[change.other_start : change.other_end]
        at = change.end
    assert rewritten + one[at:] == other


@given(TEXT, TEXT)
def test_changes_are_a_shortest_edit_script(one: str, other: str) -> None:
    sizes = [max(end - start, other_end - other_start) for start, end, other_start, other_end in changes(one, other)]
    assert all(sizes), "a change of nothing into nothing"
    assert sum(sizes) == Levenshtein.distance(one, other), "not a shortest edit script"


@given(TEXT, TEXT)
def test_between_two_changes_something_stays(one: str, other: str) -> None:
    script = changes(one, other)
    for before, after in pairwise(script):
        assert before.end < after.start, f"{before} and {after} are one change"
        assert one[before.end : after.start] == other[before.other_end : after.other_start]


def test_neighbouring_steps_are_one_change() -> None:
    # a substitution beside a deletion
    assert changes("abcdef", "abXef") == [TextChange(2, 4, 2, 3)]
    assert changes("same", "same") == []
