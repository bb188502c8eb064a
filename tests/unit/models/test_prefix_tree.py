"""Prefix trees of token sequences."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mendel.models.prefix_tree import PrefixTree

ROOT_TOKEN = 7
sequences = st.lists(st.lists(st.integers(0, 3), max_size=8), min_size=1, max_size=6)


def grown(given_: list[list[int]]) -> tuple[PrefixTree, list[int]]:
    tree = PrefixTree(ROOT_TOKEN)
    return tree, [tree.add(sequence) for sequence in given_]


@given(sequences)
def test_every_sequence_is_the_path_to_its_leaf(given_: list[list[int]]) -> None:
    tree, leaves = grown(given_)
    above = tree.ancestors()
    for sequence, leaf in zip(given_, leaves, strict=True):
        path = tree.path(leaf)
        assert np.flatnonzero(above[leaf]).tolist() == path.tolist()
        assert tree.tokens()[path].tolist() == [ROOT_TOKEN, *sequence]
        assert tree.depths()[path].tolist() == list(range(len(path)))
        assert tree.parents()[path[1:]].tolist() == path[:-1].tolist()


@given(sequences)
def test_each_prefix_is_there_once(given_: list[list[int]]) -> None:
    prefixes = {tuple(sequence[:stop]) for sequence in given_ for stop in range(len(sequence) + 1)}
    assert len(grown(given_)[0]) == len(prefixes | {()})


@given(sequences, st.data())
def test_what_is_told_from_a_node_on_is_the_end_of_what_is_told_of_all(
    given_: list[list[int]], data: st.DataObject
) -> None:
    tree, _ = grown(given_)
    first = data.draw(st.integers(0, len(tree)))
    for name in ("tokens", "parents", "depths", "ancestors"):
        assert getattr(tree, name)(first).tolist() == getattr(tree, name)()[first:].tolist(), name


@given(sequences, st.data())
def test_a_sequence_goes_on_from_any_node(given_: list[list[int]], data: st.DataObject) -> None:
    tree, leaves = grown(given_)
    number = data.draw(st.integers(0, len(leaves) - 1))
    assert tree.add([2, 1], leaves[number]) == tree.add([*given_[number], 2, 1])
