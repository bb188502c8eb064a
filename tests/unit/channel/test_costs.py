"""The channel as the noise profile told backwards."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mendel.channel.costs import DELETION, FLOOR, SUBSTITUTION, Channel, Costs
from mendel.models.vocabulary import BEGIN, END, UNKNOWN, Vocabulary
from mendel.noise.profile import OPERATIONS, NoiseProfile, Rates, ResolvedProfile

rates = st.floats(0, 0.08)


def resolved(changes: dict[str, Any] | None = None, /, **rate: float) -> ResolvedProfile:
    rates = Rates(**(rate or dict.fromkeys(OPERATIONS, 0.01)))
    profile = NoiseProfile(name="test", rates=rates, **(changes or {}))
    return ResolvedProfile(profile=profile, rates=rates, alphabet="abc", weights=(0.5, 0.3, 0.2))


@given(st.tuples(rates, rates, rates, rates, rates).filter(any))
def test_a_clean_character_is_copied_or_starts_one_event(each: tuple[float, ...]) -> None:
    # given
    channel = Channel.from_profile(resolved(**dict(zip(OPERATIONS, each, strict=True))))
    # when
    total = math.exp(channel.copy_) + sum(math.exp(start) for start in channel.start)
    # then
    assert total == pytest.approx(1)
    assert [math.exp(start) for start in channel.start] == pytest.approx(list(each))
    assert math.exp(channel.extend) + math.exp(channel.end) == pytest.approx(1), "an event goes on or ends"


def test_the_rate_is_the_mean_of_the_intensities_times_a_factor() -> None:
    channel = Channel.from_profile(resolved({"intensities": (0, 1, 2, 3)}), rate_factor=2)
    assert math.exp(channel.start[DELETION]) == pytest.approx(0.01 * 1.5 * 2)


def test_segments_of_one_character_never_go_on() -> None:
    assert Channel.from_profile(resolved({"mean_length": 1})).extend == -math.inf


def test_costs_tell_noise_and_confusions_by_symbol() -> None:
    # given a channel that takes a for b or, three times as often, for c, and a vocabulary without b
    channel = Channel.from_profile(resolved({"confusions": {"a": {"b": 1, "c": 3}, "?": {"a": 1}}}))
    vocabulary = Vocabulary.of(["acz"])
    a, c, z = vocabulary.encode("acz")
    # when
    costs = Costs.of(channel, vocabulary)
    # then
    assert np.exp(costs.noise[[a, c, z]]) == pytest.approx([0.5, 0.2, FLOOR]), "z is not in the noise's alphabet"
    assert np.all(costs.noise[[BEGIN, END]] == -math.inf), "only characters are noise"
    assert -math.inf < costs.noise[UNKNOWN] < 0, "a character that the model never met may be noise"
    assert costs.confused[a] == 0
    assert costs.confused[c] == costs.confused[z] == -1, "only a has confusions, ? is unknown"
    assert np.exp(costs.confusion[0, [c, z]]) == pytest.approx([0.75, FLOOR])
    assert np.exp(costs.likely[[a, c]]) == pytest.approx([0.5, 0.75]), "the likelier of noise and confusion"
    assert np.exp(costs.start[SUBSTITUTION]) == pytest.approx(0.01)
