"""Ids, and the rules by which documents fall into splits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mendel.core.errors import InputError
from mendel.corpus.sources.base import HashSplit, Split
from mendel.corpus.split import Sentence, require_all


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
