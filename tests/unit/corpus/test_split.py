"""Splits: no equal or near-equal text crosses, whatever the order, and whatever comes later."""

from __future__ import annotations

import random
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mendel.core.errors import InputError
from mendel.corpus.dedupe import shingles, similarity
from mendel.corpus.sources.base import HashSplit, Split
from mendel.corpus.split import Dropped, Sentence, require_all, separate

THRESHOLD = 0.8
SUBJECTS = ["Congress", "the Senate", "our Navy", "the Treasury", "every citizen"]
VERBS = ["will soon consider", "has at last approved", "ought to reject", "must never forget"]
OBJECTS = ["the treaty with Spain", "a tariff on imported wool", "the new postal routes", "this great public debt"]
ENDINGS = [".", "!", " today.", " in this very session."]
TEXTS = st.builds("{} {} {}{}".format, *map(st.sampled_from, (SUBJECTS, VERBS, OBJECTS, ENDINGS)))
SPLIT_OF: dict[str, Split] = {"a": "train", "b": "train", "c": "validation", "d": "test", "e": "test"}


@st.composite
def corpora(draw: st.DrawFn, documents: str = "abcde") -> list[Sentence]:
    """Documents of a few sentences from a small stock, so that equal and near-equal ones are common."""
    texts = draw(st.fixed_dictionaries({doc: st.lists(TEXTS, max_size=8) for doc in documents}))
    return [
        Sentence(doc, position, 1800 + position, SPLIT_OF[doc], text)
        for doc, sentences in texts.items()
        for position, text in enumerate(sentences)
    ]


def near(one: Sentence, other: Sentence) -> bool:
    # Right at the threshold LSH may miss one pair in thousands.
    return similarity(shingles(one.text), shingles(other.text)) >= THRESHOLD + 0.05


@settings(max_examples=50)
@given(corpora())
def test_no_two_sentences_that_are_kept_are_near_equal(corpus: list[Sentence]) -> None:
    kept, _ = separate(corpus, None, THRESHOLD)

    for one, other in combinations(kept, 2):
        assert not near(one, other), f"{one.split}: {one.text!r} and {other.split}: {other.text!r} are both kept"


@settings(max_examples=50)
@given(corpora())
def test_every_sentence_is_kept_or_dropped_with_a_reason(corpus: list[Sentence]) -> None:
    kept, dropped = separate(corpus, None, THRESHOLD)

    both: list[Sentence | Dropped] = [*kept, *dropped]
    places = [(item.doc, item.position, item.text) for item in both]
    assert sorted(places) == sorted((item.doc, item.position, item.text) for item in corpus)
    assert {item.reason for item in dropped} <= {"leak", "duplicate", "near_duplicate"}
    by_id = {item.id: item for item in kept}
    assert len(by_id) == len(kept), "two sentences have one id"
    for item in dropped:
        assert item.detail.split()[-1] in by_id, f"{item} names no sentence that is kept"


@settings(max_examples=50)
@given(corpora(), st.randoms(use_true_random=False))
def test_order_does_not_count(corpus: list[Sentence], chance: random.Random) -> None:
    assert separate(chance.sample(corpus, len(corpus)), None, THRESHOLD) == separate(corpus, None, THRESHOLD)


@settings(max_examples=50)
@given(corpora(), st.randoms(use_true_random=False))
def test_ingesting_again_with_the_pinned_test_set_changes_nothing(
    corpus: list[Sentence], chance: random.Random
) -> None:
    first, _ = separate(corpus, None, THRESHOLD)
    pinned = [sentence for sentence in first if sentence.split == "test"]

    again, dropped = separate(chance.sample(corpus, len(corpus)), pinned, THRESHOLD)

    assert again == first
    assert "not_pinned" not in {item.reason for item in dropped}


@settings(max_examples=50)
@given(corpora("ad"), corpora("bce"))
def test_the_test_set_stays_whatever_comes_later_and_no_text_crosses_into_it(
    early: list[Sentence], late: list[Sentence]
) -> None:
    pinned = [sentence for sentence in separate(early, None, THRESHOLD)[0] if sentence.split == "test"]

    kept, dropped = separate([*early, *late], pinned, THRESHOLD)

    assert [sentence for sentence in kept if sentence.split == "test"] == pinned, "the pinned test set changed"
    for sentence in kept:
        if sentence.split != "test":
            assert not any(near(sentence, tested) for tested in pinned), f"{sentence.text!r} crossed"
    assert all(item.doc in "de" for item in dropped if item.reason == "not_pinned")


@settings(max_examples=50)
@given(corpora())
def test_a_document_that_was_tested_never_trains_though_its_source_says_so(corpus: list[Sentence]) -> None:
    pinned = [sentence for sentence in separate(corpus, None, THRESHOLD)[0] if sentence.split == "test"]
    tested = {sentence.doc for sentence in pinned}
    everything_trains = [Sentence(item.doc, item.position, item.year, "train", item.text) for item in corpus]

    kept, _ = separate(everything_trains, pinned, THRESHOLD)

    assert not [item for item in kept if item.doc in tested and item.split != "test"]


def test_reasons_say_what_happened() -> None:
    held_out = Sentence("new", 0, 2012, "test", "We will not let them fail, my fellow Americans.")
    corpus = [
        held_out,
        Sentence("new", 1, 2012, "test", "We will not let them fail, my fellow Americans."),
        Sentence("mid", 0, 2008, "validation", "We will not let them fail, my fellow Americans!"),
        Sentence("old", 0, 1900, "train", "And we will not let them fail, my fellow Americans."),
        Sentence("old", 1, 1900, "train", "The Treasury holds a surplus of two million dollars."),
        Sentence("old", 2, 1900, "train", "The Treasury holds a surplus of two million dollars!"),
    ]

    kept, dropped = separate(corpus, None, THRESHOLD)

    surplus = corpus[4]
    assert kept == [held_out, surplus]
    assert [(item.doc, item.position, item.reason, item.detail) for item in dropped] == [
        ("new", 1, "duplicate", held_out.id),
        ("mid", 0, "leak", f"test {held_out.id}"),
        ("old", 0, "leak", f"test {held_out.id}"),
        ("old", 2, "near_duplicate", surplus.id),
    ]


def test_new_held_out_text_is_neither_tested_nor_trained_on() -> None:
    pinned = [Sentence("2012", 0, 2012, "test", "We will not let them fail, my fellow Americans.")]
    new = Sentence("2026", 3, 2026, "test", "The Treasury holds a surplus of two million dollars.")

    kept, dropped = separate([new], pinned, THRESHOLD)

    assert kept == pinned
    assert dropped == [Dropped("2026", 3, new.text, "not_pinned", "held out, and not in the pinned test set")]


def test_an_id_follows_from_the_text_alone() -> None:
    one = Sentence("a", 0, 1790, "train", "The Treasury holds a surplus.")
    moved = Sentence("b", 7, None, "test", "The Treasury holds a surplus.")
    other = Sentence("a", 0, 1790, "train", "The Treasury holds no surplus.")

    assert one.id == moved.id != other.id


def test_an_empty_split_is_an_error_that_says_what_to_change() -> None:
    with pytest.raises(InputError, match=r"test split has no sentence: 0 of 3 documents.*txt_documents"):
        require_all({"train", "validation"}, {"train": 2, "validation": 1})


@given(st.lists(st.text(min_size=1, max_size=12), min_size=1, max_size=20), st.text(max_size=12))
def test_hash_splits_do_not_depend_on_other_documents(documents: list[str], other: str) -> None:
    rule = HashSplit()

    before = [rule.of(document) for document in documents]
    rule.of(other)

    assert [rule.of(document) for document in reversed(documents)] == before[::-1]


def test_hash_splits_have_the_shares_asked_for() -> None:
    rule = HashSplit(validation=0.2, test=0.3)

    splits = [rule.of(f"news/{number}.txt") for number in range(5000)]

    shares: dict[Split, float] = {"train": 0.5, "validation": 0.2, "test": 0.3}
    for split, share in shares.items():
        assert splits.count(split) / 5000 == pytest.approx(share, abs=0.03), f"{split} is off its share"


def test_a_larger_test_share_keeps_what_was_held_out() -> None:
    documents = [f"news/{number}.txt" for number in range(500)]
    small = {name for name in documents if HashSplit(test=0.1).of(name) == "test"}
    large = {name for name in documents if HashSplit(test=0.2).of(name) == "test"}

    assert small
    assert small < large
