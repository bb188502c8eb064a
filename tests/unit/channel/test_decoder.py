"""The decoder's promises, whatever the text."""

from __future__ import annotations

import random
from collections import Counter
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from rapidfuzz.distance import Levenshtein

import mendel.channel.decoder
from mendel.channel.costs import Channel
from mendel.channel.decoder import OVERLAP, WINDOW, Decoder
from mendel.channel.search import search
from mendel.models.ngram import CharNgram
from mendel.noise.profile import OPERATIONS, NoiseProfile, Rates, ResolvedProfile
from mendel.recipes.decoder import DecoderConfig

TRAIN = [
    "The state of the union is strong.",
    "Our people work together for the future.",
    "Congress must act now, and the nation will follow.",
    "Every child in every state deserves a good school.",
] * 5
STORY = " ".join(random.Random(5).choices(TRAIN, k=50))
ALPHABET = "".join(sorted(set("".join(TRAIN))))
UNSEEN = "ü☃\U0001f600\ud800"

texts = st.text(st.sampled_from(ALPHABET + UNSEEN), max_size=25) | st.sampled_from(TRAIN)


@pytest.fixture(scope="module")
def decoder() -> Decoder:
    rates = Rates(**dict.fromkeys(OPERATIONS, 0.004))
    weights = (1 / len(ALPHABET),) * len(ALPHABET)
    profile = ResolvedProfile(
        profile=NoiseProfile(name="test", rates=rates), rates=rates, alphabet=ALPHABET, weights=weights
    )
    ngram: CharNgram = CharNgram.fit([*TRAIN, STORY], order=7)
    return Decoder(Channel.from_profile(profile), ngram, DecoderConfig(beam=20, threshold=30, max_candidates=5))


@settings(max_examples=60)
@given(text=texts)
def test_candidates_are_distinct_best_first_with_the_input_among_them(decoder: Decoder, text: str) -> None:
    # when
    (found,) = decoder.decode([text])
    # then
    scores = [candidate.channel + decoder.config.lm_weight * candidate.lm for candidate in found]
    names = [candidate.text for candidate in found]
    assert text in names, "the input is no candidate"
    assert len(set(names)) == len(names) <= decoder.config.max_candidates
    assert scores == sorted(scores, reverse=True)
    for candidate in found:
        assert candidate.lm == pytest.approx(decoder.ngram.log_probability(candidate.text), abs=1e-3)
        assert candidate.channel < 1e-3, f"P(input | {candidate.text!r}) is above one"


@settings(max_examples=60)
@given(text=texts)
def test_characters_that_the_model_never_saw_are_never_invented(decoder: Decoder, text: str) -> None:
    for candidate in decoder.decode([text])[0]:
        unseen = [c for c in candidate.text if c in UNSEEN]
        assert not Counter(unseen) - Counter(text), f"{candidate.text!r} of {text!r}"


def test_noise_that_the_model_never_saw_is_undone(decoder: Decoder) -> None:
    clean = TRAIN[0]
    noisy = f"{clean[:6]}☃{clean[6:]}"
    assert decoder.decode([noisy])[0][0].text == clean


@settings(max_examples=20)
@given(batch=st.lists(texts, max_size=5), threads=st.integers(1, 4))
def test_a_text_s_candidates_depend_on_no_other_text_and_no_thread(
    decoder: Decoder, batch: list[str], threads: int
) -> None:
    assert decoder.decode(batch, threads=threads) == [decoder.decode([text])[0] for text in batch]


def test_the_input_is_kept_where_it_is_the_worst_candidate(decoder: Decoder) -> None:
    few = Decoder(decoder.channel, decoder.ngram, DecoderConfig(threshold=30, max_candidates=1))
    noisy = "The stgwgate of the union is strong."
    assert decoder.decode([noisy])[0][0].text == TRAIN[0]
    assert [candidate.text for candidate in few.decode([noisy])[0]] == [noisy]


def test_a_long_text_is_decoded_in_windows_as_a_short_one_is(decoder: Decoder, monkeypatch: pytest.MonkeyPatch) -> None:
    # given a note of what each search was asked for
    asked: list[tuple[int, int]] = []
    real = search

    def noted(*arguments: Any) -> Any:
        asked.append(arguments[4:6])
        return real(*arguments)

    noisy = "".join("gwg" + c if at % 100 == 50 else c for at, c in enumerate(STORY))
    (whole,) = decoder.decode([noisy])
    # when
    monkeypatch.setattr(mendel.channel.decoder, "search", noted)
    (found,) = decoder.decode([noisy])
    # then
    assert found == whole, "decoded twice, with two results"
    assert len(noisy) > 3 * WINDOW
    assert len(asked) > 2, "it was decoded in one go"
    assert max(last - first for first, last in asked) <= WINDOW + OVERLAP, "memory grows with the text"
    assert asked[0][0] == 0
    assert asked[-1][1] == len(noisy) + 1
    assert all(a[0] < b[0] <= a[1] for a, b in pairwise(asked)), "a stretch was left out"
    damage = Levenshtein.distance(noisy, STORY)
    left = Levenshtein.distance(found[0].text, STORY)
    assert left < damage / 4, f"of {damage} characters put in {left} are left"
    assert noisy in [candidate.text for candidate in found]
    assert len({candidate.text for candidate in found}) == len(found) > 1
    assert found[0].lm == pytest.approx(decoder.ngram.log_probability(found[0].text), abs=0.01)


@pytest.mark.parametrize("length", [WINDOW - 1, WINDOW + OVERLAP - 1, WINDOW + OVERLAP, WINDOW + OVERLAP + 1])
def test_no_length_falls_between_windows(decoder: Decoder, length: int) -> None:
    text = (TRAIN[1] * 20)[:length]
    assert text in [candidate.text for candidate in decoder.decode([text])[0]]


def test_an_empty_text_has_one_candidate(decoder: Decoder) -> None:
    assert [candidate.text for candidate in decoder.decode([""])[0]] == [""]


@pytest.mark.parametrize("setting", [{"beam": 0}, {"max_jump": 16}, {"max_candidates": 0}, {"treshold": 1}])
def test_a_wrong_setting_is_named(setting: dict[str, int]) -> None:
    with pytest.raises(ValidationError, match=next(iter(setting))):
        DecoderConfig.model_validate(setting)
