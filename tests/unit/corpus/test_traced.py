"""Text and its source: what changes in the one changes in the other."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mendel.corpus.normalise import normalised
from mendel.corpus.traced import Rewriting, Seam, Splice, TracedText, spliced, within

texts = st.text("ab cd.’—…ａﬁ&amp;\u00a0\u00ad", min_size=1, max_size=30)


@given(text=texts, ends=st.tuples(st.integers(0, 30), st.integers(0, 30)), new=st.text("xyz", max_size=4))
def test_a_change_of_the_text_is_that_change_in_the_source(text: str, ends: tuple[int, int], new: str) -> None:
    # given
    plain = normalised(TracedText.of(text))
    start, end = sorted(min(each, len(plain.text)) for each in ends)
    wanted = plain.text[:start] + new + plain.text[end:]
    if not plain.text:
        return
    # when
    [splices] = plain.splices([(start, end, new)])
    # then
    after = normalised(TracedText.of(spliced(text, splices))).text
    assert " ".join(after.split()) == " ".join(normalised(TracedText.of(wanted)).text.split())


@given(
    text=st.text("ab ", min_size=2, max_size=12),
    cut=st.integers(1, 11),
    new=st.text("ab ", max_size=12),
    data=st.data(),
)
def test_what_must_stay_stays_whatever_changes(text: str, cut: int, new: str, data: st.DataObject) -> None:
    # given a text with something in it that is no text
    cut = min(cut, len(text) - 1)
    source = f"{text[:cut]}<tag>{text[cut:]}"
    seam = data.draw(st.sampled_from([Seam.TAG, Seam.HYPHEN]))
    traced = TracedText.of(source).rewritten([Rewriting(cut, cut + 5, "", seam)])
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    # when
    [splices] = traced.splices([(start, end, new)])
    # then
    after = spliced(source, splices)
    assert after.count("<tag>") == 1
    changed = text[:start] + new + text[end:]
    assert after.replace("<tag>", "") == (changed if splices else text)
    assert seam is Seam.HYPHEN or splices or changed == text, "beside a tag everything can change"


@given(
    words=st.lists(st.text("ab", min_size=1, max_size=4), min_size=2, max_size=5),
    new=st.text("ab ", max_size=8),
    data=st.data(),
)
def test_boxes_stay_apart(words: list[str], new: str, data: st.DataObject) -> None:
    # given words with places of their own
    source = "|".join(words)
    traced = TracedText.of(source).rewritten(
        Rewriting(at, at + 1, " ", Seam.BOX) for at, character in enumerate(source) if character == "|"
    )
    start = data.draw(st.integers(0, len(source)))
    end = data.draw(st.integers(start, len(source)))
    # when
    [splices] = traced.splices([(start, end, new)])
    # then there are as many, and they say what was meant or what they said
    after = spliced(source, splices)
    assert after.count("|") == source.count("|")
    meant = traced.text[:start] + new + traced.text[end:] if splices else traced.text
    assert after.replace("|", " ").split() == meant.split()


def test_changes_that_meet_in_one_character_are_left_out() -> None:
    traced = TracedText.of("a—b").rewritten([Rewriting(1, 2, "--")])
    assert traced.splices([(1, 2, "x"), (2, 3, "y")]) == [[], []]
    assert traced.splices([(1, 2, "x")]) == [[Splice(1, 2, "x-")]]


@pytest.mark.parametrize(("part", "expected"), [((0, 3), [0, 1]), ((3, 5), [1, 2]), ((4, 9), [2]), ((6, 9), [])])
def test_splices_within_a_part_are_found(part: tuple[int, int], expected: list[int]) -> None:
    splices = [Splice(1, 2, "a"), Splice(3, 3, "b"), Splice(4, 5, "c")]
    assert within(splices, *part) == [splices[number] for number in expected]
