"""A reading that grows says the same as one that was read at once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mendel.models.llm import CausalLm
from mendel.models.reading import Reading
from mendel.recipes.models import PretrainedModel

FIRST = [["We must act.", "We must cat."], ["A text that is longer than the others are."], ["x"]]
LATER = [["We must act now.", "Wemust act."], [], ["xy", "", "another one"]]
LAST = [[], ["A text."], ["xyz"]]


@pytest.fixture(scope="module")
def tiny(tiny_lm: Path) -> CausalLm:
    lm = CausalLm.load(PretrainedModel(id=str(tiny_lm)))
    lm.model.float()  # so that differences are those of the method, not of the number format
    return lm


def read(lm: CausalLm, readings: list[Reading]) -> None:
    for _ in lm.read(readings):
        pass


@pytest.mark.parametrize("prompt", [None, "We mst act."])
def test_texts_that_come_later_have_the_scores_of_those_that_come_at_once(tiny: CausalLm, prompt: str | None) -> None:
    # given
    readings = [tiny.begin(prompt) for _ in FIRST]
    texts: list[list[str]] = [[] for _ in FIRST]
    leaves: list[list[int]] = [[] for _ in FIRST]
    # when some texts are read, then others
    for groups in (FIRST, LATER, LAST):
        for row, group in enumerate(groups):
            texts[row] += group
            leaves[row] += tiny.add(readings[row], group)
        read(tiny, readings)
    # then
    expected = tiny.log_probabilities(texts, prompts=None if prompt is None else [prompt] * len(texts))
    for row, reading in enumerate(readings):
        assert [reading.score(leaf) for leaf in leaves[row]] == pytest.approx(expected[row], abs=1e-3), texts[row]
        assert reading.size == len(reading.tree)


def test_what_may_follow_can_be_asked_for_when_the_node_was_read_before(tiny: CausalLm) -> None:
    # given a text that was read
    reading = tiny.begin()
    (leaf,) = tiny.add(reading, ["We must act."])
    asked = reading.path(leaf)[[0, 4]]
    for _ in tiny.read([reading]):
        before = reading.next_tokens(asked)
    # when nothing is added, and two of its nodes are asked about
    reading.further_queries = asked.tolist()
    for _ in tiny.read([reading]):
        after = reading.next_tokens(asked)
    # then
    assert after == pytest.approx(before, abs=1e-4)
    assert np.exp(after).sum(axis=1) == pytest.approx([1, 1], abs=1e-3)


def test_a_branch_is_asked_where_it_ends(tiny: CausalLm) -> None:
    # given a text, and what may be said after its beginning
    reading, whole = tiny.begin(), tiny.begin()
    (leaf,) = tiny.add(reading, ["We must act."])
    read(tiny, [reading])
    (node,) = reading.path(leaf)[[3]]
    # when a token is added there, and its next ones are asked for
    (token,) = tiny.encode(["x"])[0]
    branch = reading.tree.add([token], int(node))
    reading.further_queries = [branch]
    for _ in tiny.read([reading]):
        (found,) = reading.next_tokens(np.array([branch]))
    # then they are those behind the same tokens by themselves
    end = whole.tree.add(tiny.encode(["We x"])[0], whole.trunk)
    whole.further_queries = [end]
    for _ in tiny.read([whole]):
        assert found == pytest.approx(whole.next_tokens(np.array([end]))[0], abs=1e-3)
