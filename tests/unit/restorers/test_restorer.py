"""Changes as spans, a restoration's surer changes alone, and folders on other machines."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mendel.core.errors import InputError
from mendel.restorers.artifact import NAME
from mendel.restorers.restorer import Restoration, Restorer, Span, applied, spans

short = st.text("abc ", max_size=12)
BEFORE, AFTER = "teh people of naiton", "the people of nation"


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


def restoration(*confidences: float) -> Restoration:
    changes = [Span(start=0, end=3, replacement="the"), Span(start=14, end=20, replacement="nation")]
    edits = tuple(
        change.model_copy(update={"confidence": value}) for change, value in zip(changes, confidences, strict=True)
    )
    return Restoration(text=AFTER, confidence=0.9, edits=edits, fallback=False)


@pytest.mark.parametrize(
    ("threshold", "text", "edits"),
    [(0.0, AFTER, 2), (0.6, AFTER, 2), (0.7, "the people of naiton", 1), (0.95, BEFORE, 0)],
)
def test_changes_below_the_threshold_are_not_made(threshold: float, text: str, edits: int) -> None:
    made = restoration(0.8, 0.6).surer(BEFORE, threshold)
    assert (made.text, len(made.edits)) == (text, edits)
    assert made.fallback == (edits == 0), "the input was kept since nothing was sure enough"
    assert made.confidence == 0.9


def test_what_was_not_changed_stays_what_it_is() -> None:
    for fallback in (True, False):
        kept = Restoration(text=BEFORE, confidence=0.3, edits=(), fallback=fallback)
        assert kept.surer(BEFORE, 1.0) == kept


@given(before=st.text(max_size=20), after=st.text(max_size=20), threshold=st.floats(0, 1), data=st.data())
def test_what_is_left_leads_to_its_text(before: str, after: str, threshold: float, data: st.DataObject) -> None:
    edits = tuple(edit.model_copy(update={"confidence": data.draw(st.floats(0, 1))}) for edit in spans(before, after))
    made = Restoration(text=after, confidence=1, edits=edits, fallback=False).surer(before, threshold)
    assert made.text == applied(before, made.edits)
    assert all(edit.confidence >= threshold for edit in made.edits)
