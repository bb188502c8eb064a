"""The lattice: arcs that meet, and the best texts in order."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mendel.channel.lattice import (
    COPY,
    INSERTING,
    INVENT,
    NORMAL,
    NOTHING,
    Lattice,
    add_arc,
    add_node,
    best_texts,
    extended,
    grown,
    has_room,
    last_normal,
    new_lattice,
    nth_best,
)

Layers = list[list[tuple[int, float]]]
"""At each position the ways on: (symbol, cost)."""

symbol, cost = st.integers(3, 6), st.integers(0, 40).map(lambda tenths: tenths / 10)
layers = st.lists(st.lists(st.tuples(symbol, cost), min_size=1, max_size=4), min_size=1, max_size=5)
NO_INPUT = np.zeros(1, np.int32)


def chain(layers: Layers) -> tuple[Lattice, int]:
    """A lattice with one node at each position, and its last node."""
    lattice = new_lattice()
    text = np.uint64(0)
    node = add_node(lattice, NOTHING, NORMAL, 0, 0.0, text)
    for position, ways in enumerate(layers, start=1):
        before = lattice.nodes[node]
        node = add_node(lattice, NOTHING, NORMAL, position, -np.inf, text)
        for symbol, cost in ways:
            longer = np.uint64(extended(before["text"], symbol))
            add_arc(lattice, node, position - 1, before["score"] - cost, longer, INVENT, symbol)
    return lattice, node


def told(lattice: Lattice, end: int, most: int, margin: float) -> list[tuple[tuple[int, ...], float]]:
    scores, ends, codes = best_texts(lattice, end, NO_INPUT, most, margin)
    return [
        (tuple(text.tolist()), float(score)) for score, text in zip(scores, np.split(codes, ends[:-1]), strict=True)
    ]


@settings(max_examples=60)
@given(layers, st.integers(1, 30), st.floats(0.05, 12))
def test_the_best_texts_come_in_order_each_once_and_within_the_margin(layers: Layers, most: int, margin: float) -> None:
    # given all texts with their best scores
    scores: dict[tuple[int, ...], float] = {}
    for ways in itertools.product(*layers):
        text = tuple(symbol for symbol, _ in ways)
        scores[text] = max(scores.get(text, -np.inf), -sum(cost for _, cost in ways))
    best = max(scores.values())
    near = sorted((score for score in scores.values() if score >= best - margin - 1e-9), reverse=True)
    # when
    found = told(*chain(layers), most, margin)
    # then
    assert len({text for text, _ in found}) == len(found), "a text came twice"
    assert [score for _, score in found] == pytest.approx(near[: len(found)])
    strictly = [score for score in near if score > best - margin + 1e-9]
    assert len(found) >= min(most, len(strictly)), "a text within the margin is missing"
    for text, score in found:
        assert score == pytest.approx(scores[text]), f"{text} got another text's score"


@given(st.lists(st.floats(-50, 0), min_size=1, max_size=30), st.data())
def test_nth_best_is_the_score_at_that_rank(scores: list[float], data: st.DataObject) -> None:
    lattice = new_lattice()
    nodes = np.array([add_node(lattice, NOTHING, NORMAL, 0, score, np.uint64(0)) for score in scores], np.int32)
    n = data.draw(st.integers(0, len(scores) - 1))
    assert nth_best(lattice, nodes, n, np.empty(len(nodes))) == sorted(scores, reverse=True)[n]


def test_a_grown_lattice_holds_what_it_held_and_has_room() -> None:
    # given
    lattice, end = chain([[(3, 1.0), (4, 0.5)], [(5, 0.0)]])
    # when
    larger = grown(lattice)
    # then
    assert len(larger.nodes) == 2 * len(lattice.nodes)
    assert has_room(larger)
    assert told(larger, end, 5, 9.0) == told(lattice, end, 5, 9.0) == [((4, 5), -0.5), ((3, 5), -1.0)]


def test_last_normal_is_the_first_place_between_events_not_before_a_position() -> None:
    # given a path that is inside an event at position 2
    lattice = new_lattice()
    modes = [NORMAL, NORMAL, INSERTING, NORMAL, NORMAL]
    nodes = [add_node(lattice, NOTHING, mode, at, -at * 1.0, np.uint64(at)) for at, mode in enumerate(modes)]
    for at in range(1, len(nodes)):
        add_arc(lattice, nodes[at], nodes[at - 1], -at * 1.0, np.uint64(at), COPY, NOTHING)
    # then
    assert [last_normal(lattice, nodes[-1], position) for position in (1, 2, 3, 4)] == [1, 3, 3, 4]
