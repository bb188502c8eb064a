"""Near duplicates: equal ones are always found, others by their exact similarity."""

from __future__ import annotations

import string

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mendel.corpus.dedupe import Index, Sketcher, shingles, similarity

SENTENCE = (
    "Among the many interesting objects which will engage your attention, that of providing for the common defense "
    "will merit particular regard."
)
WORDS = st.lists(st.text(string.ascii_letters, min_size=1, max_size=9), min_size=1, max_size=25)


def match(seen: str, new: str, threshold: float = 0.8) -> str | None:
    index: Index[str] = Index(threshold)
    sketch = Sketcher(threshold)
    index.add(sketch(seen), "the first")
    return index.find(sketch(new))


@given(st.text(max_size=60))
def test_equal_text_is_always_found(text: str) -> None:
    assert match(text, text, threshold=1.0) == "the first"


@given(WORDS, st.sampled_from(["{}", "{}!", '"{}."', "--{},", "({})"]))
def test_case_punctuation_and_spaces_do_not_tell_sentences_apart(words: list[str], around: str) -> None:
    assert match(" ".join(words), around.format("  ".join(words).upper()), threshold=1.0) == "the first"


@pytest.mark.parametrize(
    "other",
    [
        SENTENCE.replace("which will", "that will"),
        SENTENCE.replace("regard", "notice"),
        SENTENCE.replace("Among the", "And among the"),
        SENTENCE[:-20],
    ],
)
def test_a_changed_word_makes_a_near_duplicate(other: str) -> None:
    assert match(SENTENCE, other) == "the first", f"similarity {similarity(shingles(SENTENCE), shingles(other)):.2f}"


@pytest.mark.parametrize(
    "other",
    [
        "To be prepared for war is one of the most effectual means of preserving peace.",
        " ".join(reversed(SENTENCE.split())),
        SENTENCE[:60],
        "",
    ],
)
def test_another_sentence_is_another_sentence(other: str) -> None:
    assert match(SENTENCE, other) is None


@given(WORDS, st.integers(0, 3), st.floats(0.5, 1.0))
def test_what_is_found_is_as_similar_as_asked(words: list[str], left_out: int, threshold: float) -> None:
    one, other = " ".join(words), " ".join(words[left_out:])

    found = match(one, other, threshold)

    likeness = similarity(shingles(one), shingles(other))
    assert found is None or likeness >= threshold, f"a pair of similarity {likeness:.2f} passed for {threshold:.2f}"


@settings(max_examples=20)
@given(st.lists(WORDS, min_size=20, max_size=20, unique_by=tuple), st.data())
def test_pairs_well_above_the_threshold_are_found(texts: list[list[str]], data: st.DataObject) -> None:
    index: Index[int] = Index(0.8)
    sketch = Sketcher(0.8)
    for number, words in enumerate(texts):
        index.add(sketch(" ".join(words)), number)
    chosen = data.draw(st.integers(0, len(texts) - 1))
    near = " ".join([*texts[chosen], data.draw(st.text(string.ascii_letters, max_size=3))])
    assume(similarity(shingles(near), shingles(" ".join(texts[chosen]))) >= 0.9)

    assert index.find(sketch(near)) is not None


def test_the_earliest_of_several_is_named() -> None:
    index: Index[str] = Index(0.8)
    sketch = Sketcher(0.8)
    for key in ("first", "second"):
        index.add(sketch(SENTENCE), key)

    assert index.find(sketch(SENTENCE)) == "first"


@given(st.text(max_size=80), st.text(max_size=80))
def test_similarity_is_a_share_and_symmetric(one: str, other: str) -> None:
    there, back = similarity(shingles(one), shingles(other)), similarity(shingles(other), shingles(one))

    assert 0 <= there == back <= 1
    assert similarity(shingles(one), shingles(one)) == 1
