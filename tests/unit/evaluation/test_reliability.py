"""Reliability: a change is right when it alone removes errors; confidence is set beside the share of right ones."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mendel.evaluation import reliability
from mendel.evaluation.scores import Changes, Output, Sample
from mendel.restorers.restorer import Span, spans


def span(start: int, end: int, replacement: str, confidence: float) -> Span:
    return Span(start=start, end=end, replacement=replacement, confidence=confidence)


@pytest.fixture
def sample() -> Sample:
    return Sample(
        ids=["a", "b"], clean=["the cat", "a dog"], noisy=["teh cat", "a dig"], edits=[[], []], untouched=["clean"] * 4
    )


@pytest.fixture
def output() -> Output:
    """Two right changes, sure and unsure; one wrong one, rather sure."""
    changes = Changes(
        noisy=[[span(1, 3, "he", 0.99), span(4, 7, "hat", 0.85)], [span(3, 4, "o", 0.55)]],
        untouched=[[span(0, 1, "g", 0.85)], [], [], []],
        foreign=[[span(0, 1, "x", 0.3)], [span(0, 1, "x", 0.96)]],
    )
    return Output(restored=["the hat", "a dog"], changes=changes)


def test_a_change_is_right_when_it_alone_brings_the_text_nearer(sample: Sample, output: Output) -> None:
    found = reliability.measured(sample, output)

    filled = {part.low: (part.changes, part.confidence, part.right) for part in found.bins if part.changes}
    assert filled == {0.5: (1, 0.55, 1.0), 0.8: (1, 0.85, 0.0), 0.9: (1, 0.99, 1.0)}
    assert found.changes == 3
    assert found.right == pytest.approx(2 / 3)


def test_the_calibration_error_weighs_each_bin_by_its_changes(sample: Sample, output: Output) -> None:
    found = reliability.measured(sample, output)
    assert found.calibration_error == pytest.approx((0.45 + 0.85 + 0.01) / 3)


def test_a_threshold_leaves_out_what_is_less_sure(sample: Sample, output: Output) -> None:
    curve = {point.threshold: point for point in reliability.measured(sample, output).curve}

    assert curve[0.0].removed == pytest.approx(1 - 1 / 3), "of three errors, the wrong change leaves one"
    assert curve[0.9].removed == pytest.approx(1 - 1 / 3), "without the wrong change, and without the unsure one"
    assert curve[0.6].removed == pytest.approx(1 - 2 / 3), "with the wrong one alone beside the sure one"
    assert [curve[at].clean_altered for at in (0.0, 0.8, 0.9)] == [0.25, 0.25, 0.0]
    assert [curve[at].foreign_altered for at in (0.0, 0.5, 0.98)] == [1.0, 0.5, 0.0]
    assert curve[0.9999].removed == 0


def test_without_changes_and_foreign_text_there_is_nothing_to_say(sample: Sample) -> None:
    none: list[list[Span]] = [[], []]
    found = reliability.measured(sample, Output(list(sample.noisy), changes=Changes(none, none, [])))

    assert (found.changes, found.right, found.calibration_error) == (0, None, None)
    assert {point.foreign_altered for point in found.curve} == {None}


TEXT = st.text("abc ", max_size=20)


@given(TEXT, TEXT)
def test_all_changes_applied_give_the_restored_text(before: str, after: str) -> None:
    assert reliability.applied(before, spans(before, after)) == after
