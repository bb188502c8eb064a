"""Changes as spans, and folders on other machines."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mendel.core.errors import InputError
from mendel.restorers.artifact import NAME
from mendel.restorers.restorer import Restorer, Span, spans

short = st.text("abc ", max_size=12)


@given(before=short, after=short)
def test_spans_lead_from_one_text_to_the_other(before: str, after: str) -> None:
    made, at = "", 0
    for span in spans(before, after):
        assert before[span.start : span.end] != span.replacement, "a span that changes nothing"
        made += before[at : span.start] + span.replacement
        at = span.end
    assert made + before[at:] == after


def test_neighbouring_changes_are_one_span() -> None:
    assert spans("abcdef", "abXYef") == (Span(start=2, end=4, replacement="XY"),)
    assert spans("same", "same") == ()


def test_a_folder_without_a_restorer_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"{tmp_path} holds no restorer: {NAME}"):
        Restorer.load(str(tmp_path))
