"""The search, seen through the decoder: it finds the maximum, and each operation is undone at its price."""

from __future__ import annotations

import itertools
import math
from functools import cache

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mendel.channel.costs import DELETION, DUPLICATION, INSERTION, REVERSAL, SUBSTITUTION, Channel
from mendel.channel.decoder import Decoder
from mendel.models.ngram import CharNgram
from mendel.noise.profile import OPERATIONS, NoiseProfile, Operation, Rates, ResolvedProfile
from mendel.recipes.decoder import DecoderConfig

CLEAN = "The state of the union is strong."
PATIENT = DecoderConfig(threshold=30, surprise=6)
TRAIN = [CLEAN, "Our people work together.", "Congress must act now.", "Every child has a future."] * 5


def channel(alphabet: str, rate: float) -> Channel:
    rates = Rates(**dict.fromkeys(OPERATIONS, rate))
    characters = "".join(sorted(set(alphabet)))
    weights = (1 / len(characters),) * len(characters)
    return Channel.from_profile(
        ResolvedProfile(
            profile=NoiseProfile(name="test", rates=rates), rates=rates, alphabet=characters, weights=weights
        )
    )


def likeliest(channel: Channel, clean: str, noisy: str, max_jump: int, max_deletion: int) -> float:
    """log P of the likeliest event sequence, by trying all of them; a deletion stands before a copy or the end."""

    def event(operation: int, length: int) -> float:
        return channel.start[operation] + (length - 1) * channel.extend + channel.end

    def noise(characters: str) -> float:
        return sum(channel.noise[character] for character in characters)

    @cache
    def best(i: int, j: int, must_copy: bool) -> float:
        a, b = clean[i:], noisy[j:]
        ways = [0.0] if not a and not b else [-math.inf]
        if a and b and a[0] == b[0]:
            ways.append(channel.copy_ + best(i + 1, j + 1, False))
        if must_copy:
            return max(ways)
        for n in range(1, max(len(a), len(b)) + 1):
            if n <= min(len(a), max_deletion):
                ways.append(event(DELETION, n) + best(i + n, j, True))
            if n <= len(b):
                ways.append(event(INSERTION, n) + noise(b[:n]) + best(i, j + n, False))
            if n <= min(len(a), len(b)) and all(x != y for x, y in zip(a[:n], b[:n], strict=True)):
                ways.append(event(SUBSTITUTION, n) + noise(b[:n]) + best(i + n, j + n, False))
            if n <= min(len(a), max_jump) and b[: 2 * n] == a[:n] * 2:
                ways.append(event(DUPLICATION, n) + best(i + n, j + 2 * n, False))
            if 2 <= n <= min(len(a), max_jump) and b[:n] == a[:n][::-1]:
                ways.append(event(REVERSAL, n) + best(i + n, j + n, False))
        return max(ways)

    return best(0, 0, False)


@pytest.fixture(scope="module")
def tiny() -> Decoder:
    """Two characters, frequent events, and a search that gives nothing up."""
    ngram: CharNgram = CharNgram.fit(["ab", "abb", "aab", "babab", "b", "abba"] * 3, order=3)
    exhaustive = DecoderConfig(beam=2000, threshold=200, surprise=0, max_jump=2, max_deletion=1, margin=30)
    return Decoder(channel("ab", 0.06), ngram, exhaustive)


@settings(max_examples=25)
@given(noisy=st.text("ab", min_size=1, max_size=3))
@example(noisy="bba")
@example(noisy="aaa")
def test_an_exhaustive_search_finds_the_maximum_over_all_texts(tiny: Decoder, noisy: str) -> None:
    # given every text that can lead to the noisy one: each character copied after at most one deletion, and one at the end
    texts = ["".join(each) for n in range(2 * len(noisy) + 2) for each in itertools.product("ab", repeat=n)]
    channels = {text: likeliest(tiny.channel, text, noisy, max_jump=2, max_deletion=1) for text in texts}
    weight = tiny.config.lm_weight
    scores = {text: channels[text] + weight * tiny.ngram.log_probability(text) for text in texts}
    # when
    (found,) = tiny.decode([noisy])
    # then
    assert scores[found[0].text] == pytest.approx(max(scores.values())), f"a better text than {found[0]} exists"
    assert found[0].channel == pytest.approx(channels[found[0].text], abs=1e-4)
    for candidate in found:
        assert candidate.channel <= channels[candidate.text] + 1e-4, f"{candidate} is told too likely"


@pytest.fixture(scope="module")
def decoder() -> Decoder:
    ngram: CharNgram = CharNgram.fit(TRAIN, order=8)
    return Decoder(channel("".join(TRAIN), 0.004), ngram, PATIENT)


def price(channel: Channel, operation: Operation, length: int, copied: int, noise: int = 0) -> float:
    """log P of copies, one event, and so many noise characters."""
    start = channel.start[OPERATIONS.index(operation)]
    event = start + (length - 1) * channel.extend + channel.end
    return event + copied * channel.copy_ + noise * channel.noise["g"]


@pytest.mark.parametrize(
    ("operation", "noisy", "length", "copied", "noise"),
    [
        ("deletion", "The state ofnion is strong.", 6, 27, 0),
        ("deletion", "The state of the union is str", 4, 29, 0),
        ("substitution", "The sgwge of the union is strong.", 3, 30, 3),
        ("insertion", "The stgwgate of the union is strong.", 3, 33, 3),
        ("duplication", "The state of the union is strostrong.", 4, 29, 0),
        ("reversal", "The state of eht union is strong.", 3, 30, 0),
    ],
)
def test_each_operation_is_undone_at_its_price(
    decoder: Decoder, operation: Operation, noisy: str, length: int, copied: int, noise: int
) -> None:
    (found,) = decoder.decode([noisy])
    assert found[0].text == CLEAN, f"{operation} is not undone"
    assert found[0].channel == pytest.approx(price(decoder.channel, operation, length, copied, noise), abs=1e-4)
    assert found[0].lm == pytest.approx(decoder.ngram.log_probability(CLEAN), abs=1e-4)


def test_a_segment_longer_than_the_limits_stays(decoder: Decoder) -> None:
    # given a duplication of four characters, and a decoder that looks at three
    noisy = "The state of the the union is strong."
    short = Decoder(decoder.channel, decoder.ngram, PATIENT.model_copy(update={"max_jump": 3}))
    # when
    (long_found,), (short_found,) = decoder.decode([noisy]), short.decode([noisy])
    # then
    undone = price(decoder.channel, "duplication", 4, 29)
    assert {c.text: c.channel for c in long_found}[CLEAN] == pytest.approx(undone, abs=1e-4)
    assert all(c.channel < undone - 1 for c in short_found if c.text == CLEAN), "the long jump was taken all the same"
