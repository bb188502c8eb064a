import re

from hypothesis import given
from hypothesis import strategies as st

from mendel.evaluation.markdown import mark

TEXT = st.text("abc de", max_size=20)


def test_marks_show_what_is_gone_and_what_is_new() -> None:
    assert mark("the cat sat", "the cxt sa!") == "the c[-a-]{+x+}t sa[-t-]{+!+}"


@given(TEXT, TEXT)
def test_both_texts_can_be_read_from_the_marks(before: str, after: str) -> None:
    marked = mark(before, after)
    assert re.sub(r"\{\+(.*?)\+\}", "", re.sub(r"\[-(.*?)-\]", r"\1", marked)) == before, "without what is new"
    assert re.sub(r"\[-(.*?)-\]", "", re.sub(r"\{\+(.*?)\+\}", r"\1", marked)) == after, "without what is gone"
