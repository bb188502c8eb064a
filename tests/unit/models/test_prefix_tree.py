"""Prefix trees of token sequences."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mendel.models.prefix_tree import PrefixTree

sequences = st.lists(st.lists(st.integers(0, 3), max_size=8).map(lambda rest: [7, *rest]), min_size=1, max_size=6)


@given(sequences)
def test_every_sequence_is_the_path_to_its_leaf(given_: list[list[int]]) -> None:
    tree = PrefixTree.of(given_)
    above = tree.ancestors()
    for sequence, leaf in zip(given_, tree.leaves, strict=True):
        path = np.flatnonzero(above[leaf])
        assert tree.tokens[path].tolist() == sequence
        assert tree.depths[path].tolist() == list(range(len(sequence)))
        assert tree.parents[path[1:]].tolist() == path[:-1].tolist()


@given(sequences)
def test_each_prefix_is_there_once(given_: list[list[int]]) -> None:
    prefixes = {tuple(sequence[:stop]) for sequence in given_ for stop in range(1, len(sequence) + 1)}
    assert len(PrefixTree.of(given_)) == len(prefixes)


def test_sequences_without_a_common_root_are_refused() -> None:
    with pytest.raises(ValueError, match="start with the same token"):
        PrefixTree.of([[1, 2], [2, 1]])
