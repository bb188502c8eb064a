import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mendel.models.ngram import CharNgram, advance
from mendel.models.vocabulary import BEGIN

TEXTS = ["the state of the union is strong.", "the people of the state", "union", "ünïted ☃ states", ""] * 3


@pytest.fixture(scope="module")
def model() -> CharNgram:
    return CharNgram.fit(TEXTS, order=5, weights=np.linspace(0.5, 4, len(TEXTS)).tolist(), prune_from=3)


@settings(max_examples=100, deadline=None)
@given(context=st.text("theunio stp☃?", max_size=8))
def test_what_can_follow_sums_to_one(model: CharNgram, context: str) -> None:
    # given
    state = 0
    for symbol in [BEGIN, *model.vocabulary.encode(context)]:
        _, state = advance(model.trie, state, symbol)
    # when
    following = [math.exp(advance(model.trie, state, symbol)[0]) for symbol in range(len(model.vocabulary))]
    # then
    assert sum(following) == pytest.approx(1, abs=1e-5), f"the probabilities after {context!r} do not sum to one"
    assert all(p > 0 for symbol, p in enumerate(following) if symbol != BEGIN), (
        f"something is impossible after {context!r}"
    )
