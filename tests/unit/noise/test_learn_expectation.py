import math
import random
from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mendel.noise.changes import changes
from mendel.noise.kernel import Kernel
from mendel.noise.learn_expectation import (
    DELETION,
    DUPLICATION,
    INSERTION,
    REVERSAL,
    SUBSTITUTION,
    Counts,
    NoiseModel,
    align,
    expect,
)
from mendel.noise.profile import NoiseProfile, Rates, ResolvedProfile

ALPHABET = "ab cd"
TEXT = st.text(ALPHABET, max_size=30)


def model(*rates: float, extend: float = 0.5, symbols: int = len(ALPHABET)) -> NoiseModel:
    """Rates in the order of OPERATIONS, of reversals those of two characters or more; uniform noise."""
    noise = np.concatenate([[0.0], np.full(symbols, 1 / symbols)])
    return NoiseModel(np.array(rates), extend, noise, np.tile(noise, (symbols + 1, 1)))


SOME = model(0.02, 0.03, 0.02, 0.02, 0.01)


def counts(clean: str, noisy: str, under: NoiseModel = SOME) -> Counts:
    return expect(align([clean], [noisy], ALPHABET), under)


@pytest.mark.parametrize("clean", ["abca", "aab ", "abab"])
def test_the_likelihood_is_how_often_the_kernel_does_it(clean: str) -> None:
    # given a text that the kernel corrupts many times over
    rates = Rates(deletion=0.05, substitution=0.08, insertion=0.06, duplication=0.07, reversal=0.16)
    profile = NoiseProfile(name="test", rates=rates, mean_length=2)
    resolved = ResolvedProfile(profile=profile, rates=rates, alphabet="abcd", weights=(0.25,) * 4)
    many = 200_000
    ids = pa.array([str(number) for number in range(many)])
    noisy = Kernel(resolved, 1).corrupt(ids, pa.array(np.zeros(many, int)), pa.array([clean] * many)).noisy
    seen = Counter(noisy.to_pylist()).most_common(40)
    # when the model is the same: half of the reversals are of one character, and change nothing
    noise = np.array([0.0, *[0.25] * 4])
    same = NoiseModel(np.array([0.05, 0.08, 0.06, 0.07, 0.16 * 0.5]), 0.5, noise, np.tile(noise, (5, 1)))
    found = expect(align([clean] * len(seen), [text for text, _ in seen], "abcd"), same)
    # then each outcome's frequency is its probability, within five standard errors
    for (text, count), logp in zip(seen, found.log_likelihood, strict=True):
        probability = math.exp(logp)
        error = math.sqrt(probability * (1 - probability) / many)
        assert abs(count / many - probability) < 5 * error, f"{clean!r} to {text!r}: {count / many} and {probability}"


@pytest.mark.parametrize(
    ("noisy", "operation"),
    [
        ("ab d ab cd dcba", DELETION),
        ("ab cd cb cd dcba", SUBSTITUTION),
        ("ab cd acb cd dcba", INSERTION),
        ("ab cd abab cd dcba", DUPLICATION),
        ("ab cd ab cd dbca", REVERSAL),
    ],
)
def test_a_plain_error_is_counted_as_what_it_is(noisy: str, operation: int) -> None:
    events = counts("ab cd ab cd dcba", noisy).events
    assert events.argmax() == operation, f"expected counts {events}"
    assert events[operation] > 0.5, f"expected counts {events}"


def test_an_error_that_has_two_explanations_counts_for_both() -> None:
    # given a character that comes twice: doubled, or the same one inserted before it
    events = counts("cabd", "caabd", model(0.01, 0.01, 0.02, 0.01, 0.01)).events
    # then they share by their probabilities, 0.01 against 0.02/5 before either `a` or behind it
    assert events[DUPLICATION] == pytest.approx(0.01 / (0.01 + 2 * 0.02 / 5), rel=0.05)
    assert events.sum() == pytest.approx(1, rel=0.1)


@given(st.lists(st.tuples(TEXT.filter(bool), TEXT), min_size=1, max_size=4))
def test_counts_add_up(pairs: list[tuple[str, str]]) -> None:
    # given any texts, with the same end: nothing happens behind a text
    pairs = [(clean + ".", noisy + ".") for clean, noisy in pairs]
    clean, noisy = zip(*pairs, strict=True)
    found = expect(align(clean, noisy, ALPHABET), SOME)
    # then
    assert np.isfinite(found.log_likelihood).all(), "every text can become every other one"
    assert (found.log_likelihood <= 1e-9).all(), f"probabilities above one: {found.log_likelihood}"
    assert found.by_pair.sum() == pytest.approx(found.events.sum())
    assert found.noise.sum() >= found.events[INSERTION] - 1e-9, "an insertion inserts a character at least"
    assert found.replaced.sum() >= found.events[SUBSTITUTION] - 1e-9
    assert found.copies[0] <= sum(map(len, clean)) + 1e-9
    one_by_one = [expect(align([a], [b], ALPHABET), SOME) for a, b in pairs]
    assert found.events == pytest.approx(sum(each.events for each in one_by_one)), "a pair depends on its neighbours"


@given(TEXT.filter(bool), st.randoms(use_true_random=False))
def test_a_round_of_estimation_makes_texts_likelier(clean: str, chance: random.Random) -> None:
    # given a damaged text
    noisy = "".join(chance.choice([c, c, c, "", c + c, chance.choice(ALPHABET)]) for c in clean)
    aligned, before = align([clean] * 2, [noisy, clean], ALPHABET), SOME
    first = expect(aligned, before)
    # when rates and lengths are set to what was expected
    longer, ended = first.lengths
    extend = longer / (longer + ended) if longer + ended else before.extend
    after = before._replace(events=first.events / (first.events.sum() + first.copies[0]), extend=extend)
    # then the likelihood does not fall
    assert expect(aligned, after).log_likelihood.sum() >= first.log_likelihood.sum() - 1e-7


def test_long_texts_neither_underflow_nor_cost_their_square() -> None:
    clean = "ab cd" * 8000
    noisy = clean[:20_000] + "d" + clean[20_001:]
    replaced = SOME.replaced.copy()
    np.fill_diagonal(replaced, 0)  # a character that replaced itself would be everywhere
    found = counts(clean, noisy, SOME._replace(replaced=replaced))
    assert np.isfinite(found.log_likelihood).all()
    assert found.log_likelihood[0] < -700, "too short a text to underflow"
    assert found.replaced[1:, 1:].sum() == pytest.approx(1, rel=0.1)


RATE = st.floats(0, 0.19) | st.sampled_from([0.0, 1e-300, 1e-9])


@given(
    st.text(ALPHABET, max_size=400),
    st.text(ALPHABET, max_size=400),
    st.tuples(*[RATE] * 5),
    st.floats(0, 1 - 1 / 32),
    st.lists(st.sampled_from([1e-300, 1e-9, 0.1, 1.0]), min_size=len(ALPHABET), max_size=len(ALPHABET)),
)
def test_any_damage_under_any_model_has_probabilities(
    clean: str, noisy: str, rates: tuple[float, ...], extend: float, weights: list[float]
) -> None:
    noise = np.array([0.0, *weights]) / sum(weights)
    under = NoiseModel(np.array(rates), extend, noise, np.tile(noise, (len(noise), 1)))
    found = counts(clean, noisy, under)
    assert found.log_likelihood[0] <= 1e-9, f"log P = {found.log_likelihood[0]}"
    for name, values in found._asdict().items():
        if name != "log_likelihood":
            assert np.isfinite(values).all(), f"{name}: {values}"
            assert (values >= 0).all(), f"{name}: {values}"


@pytest.mark.parametrize(("length", "share"), [(1675, 0.45), (271, 0.45), (3000, 0.95)])
def test_a_long_text_of_heavy_damage_does_not_underflow(length: int, share: float) -> None:
    # Given a text of which about half of the characters are lost, doubled or replaced
    chance = random.Random(length)
    clean = "".join(chance.choices(ALPHABET, k=length))
    noisy = "".join(
        chance.choice(["", c + chance.choice(ALPHABET), chance.choice(ALPHABET)]) if chance.random() < share else c
        for c in clean
    )
    # Then its probability is small and known
    found = counts(clean + ".", noisy + ".")
    assert -8 * length < found.log_likelihood[0] < 0, f"log P = {found.log_likelihood[0]}"
    assert found.events.sum() == pytest.approx(found.by_pair[0])
    assert 0 < found.events.sum() < length


@given(TEXT, TEXT)
def test_differences_leave_equal_texts_between_them(clean: str, noisy: str) -> None:
    rest, other, a, b = [], [], 0, 0
    for a_start, a_stop, b_start, b_stop in changes(clean, noisy):
        rest.append(clean[a:a_start])
        other.append(noisy[b:b_start])
        a, b = a_stop, b_stop
    assert "".join([*rest, clean[a:]]) == "".join([*other, noisy[b:]])
