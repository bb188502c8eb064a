"""The channel's price of a clean text, against every sequence of events; and of a text with one passage replaced."""

from __future__ import annotations

import math
import random
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mendel.channel.alignment import backward, explained, forward, meeting, new_rows, step
from mendel.channel.costs import DELETION, DUPLICATION, INSERTION, REVERSAL, SUBSTITUTION, Channel, Costs
from mendel.models.vocabulary import Vocabulary

from .test_search import channel

VOCABULARY = Vocabulary.of(["abc"])
CHANNEL = channel("abc", 0.06)
COSTS = Costs.of(CHANNEL, VOCABULARY)
texts = st.text("abc", max_size=5)


def likeliest(channel: Channel, clean: str, noisy: str) -> float:
    """log P of the likeliest sequence of events, by trying all of them."""

    @cache
    def best(i: int, j: int) -> float:
        a, b = clean[i:], noisy[j:]
        ways = [0.0] if not a and not b else [-math.inf]
        if a and b and a[0] == b[0]:
            ways.append(channel.copy_ + best(i + 1, j + 1))
        for n in range(1, max(len(a), len(b)) + 1):
            event = (n - 1) * channel.extend + channel.end
            noise = sum(channel.noise[character] for character in b[:n])
            if n <= len(a):
                ways.append(channel.start[DELETION] + event + best(i + n, j))
            if n <= len(b):
                ways.append(channel.start[INSERTION] + event + noise + best(i, j + n))
            if n <= min(len(a), len(b)) and all(x != y for x, y in zip(a[:n], b[:n], strict=True)):
                ways.append(channel.start[SUBSTITUTION] + event + noise + best(i + n, j + n))
            if n <= len(a) and b[: 2 * n] == a[:n] * 2:
                ways.append(channel.start[DUPLICATION] + event + best(i + n, j + 2 * n))
            if 2 <= n <= len(a) and b[:n] == a[:n][::-1]:
                ways.append(channel.start[REVERSAL] + event + best(i + n, j + n))
        return max(ways)

    return best(0, 0)


def scored(clean: str, noisy: str) -> float:
    x = VOCABULARY.encode(noisy)
    return float(explained(forward(COSTS, x, VOCABULARY.encode(clean)), len(x)))


@settings(max_examples=300)
@given(clean=texts, noisy=texts)
def test_a_text_costs_its_likeliest_events(clean: str, noisy: str) -> None:
    assert scored(clean, noisy) == pytest.approx(likeliest(CHANNEL, clean, noisy), abs=1e-9)


def test_a_confusion_costs_what_its_table_says() -> None:
    confused = Costs.of(CHANNEL.model_copy(update={"confusions": {"a": {"b": math.log(0.9)}}}), VOCABULARY)
    x, clean = VOCABULARY.encode("cbc"), VOCABULARY.encode("cac")
    expected = 2 * CHANNEL.copy_ + CHANNEL.start[SUBSTITUTION] + CHANNEL.end + math.log(0.9)
    assert explained(forward(confused, x, clean), len(x)) == pytest.approx(expected)


@given(clean=texts, noisy=texts)
def test_ways_on_are_worth_the_same_as_ways_there(clean: str, noisy: str) -> None:
    # given
    x, text = VOCABULARY.encode(noisy), VOCABULARY.encode(clean)
    # when
    ahead = forward(COSTS, x, text)
    behind = backward(COSTS, x, text, ahead)
    # then whatever row they meet in, no meeting is worth more than the whole, and some are worth as much
    total = explained(ahead, len(x))
    met = [meeting(ahead, row, behind, row) for row in range(len(text) + 1)]
    assert max(met) == pytest.approx(total, abs=1e-9)
    assert met[0] == pytest.approx(total, abs=1e-9), "at the start all is yet to come"
    assert met[-1] == pytest.approx(total, abs=1e-9), "at the end nothing is"


@given(clean=texts, noisy=texts, said=st.text("abc", max_size=3), cut=st.tuples(st.integers(0, 5), st.integers(0, 5)))
def test_a_passage_is_replaced_at_its_price(clean: str, noisy: str, said: str, cut: tuple[int, int]) -> None:
    # given a text and a passage of it
    start, stop = sorted(min(place, len(clean)) for place in cut)
    x, text = VOCABULARY.encode(noisy), VOCABULARY.encode(clean)
    ahead = forward(COSTS, x, text)
    behind = backward(COSTS, x, text, ahead)
    # when other characters take its place
    changed = VOCABULARY.encode(clean[:start] + said)
    rows = new_rows(len(changed) + 1)
    for mine, theirs in zip(rows, ahead, strict=True):
        mine[: start + 1] = theirs[: start + 1]
    for row in range(start + 1, len(changed) + 1):
        step(COSTS, x, changed, rows, row)
    found = meeting(rows, len(changed), behind, stop)
    # then that is worth the changed text, if no jump crosses the seam
    whole = likeliest(CHANNEL, clean[:start] + said + clean[stop:], noisy)
    assert found <= whole + 1e-9
    jumps = [
        likeliest(CHANNEL, clean[:start] + said, noisy[:j]) + likeliest(CHANNEL, clean[stop:], noisy[j:])
        for j in range(len(noisy) + 1)
    ]
    assert found >= max(jumps) - 1e-9


def test_long_texts_stay_in_the_rows() -> None:
    # given a long text with damage of each kind
    letters = "abcdefghijklmnopqrstuvwxyz"
    clean = "".join(random.Random(0).choices(letters, k=400))
    noisy = (
        clean[:50] + clean[58:120] + "zyxzyxzyx" + clean[120:200] + clean[188:300] + clean[300:310][::-1] + clean[310:]
    )
    vocabulary, rare = Vocabulary.of([letters]), channel(letters, 0.003)
    x = vocabulary.encode(noisy)
    # when
    found = explained(forward(Costs.of(rare, vocabulary), x, vocabulary.encode(clean)), len(x))
    # then it is explained by a deletion, an insertion, a duplication and a reversal of that many characters
    events = [(DELETION, 8), (INSERTION, 9), (DUPLICATION, 12), (REVERSAL, 10)]
    price = sum(rare.start[kind] + (length - 1) * rare.extend + rare.end for kind, length in events)
    copied = len(clean) - 8 - 12 - 10
    assert found == pytest.approx(price + 9 * rare.noise["a"] + copied * rare.copy_)
