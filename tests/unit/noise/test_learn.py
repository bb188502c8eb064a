"""The sizes: 4,000 sentences of 60 characters, some 4,800 events, so that one rate has a standard error of about 3%."""

import math
import random
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mendel.core import config
from mendel.core.errors import InputError
from mendel.noise.calibrate import resolve
from mendel.noise.kernel import Kernel
from mendel.noise.learn import Learned, learn
from mendel.noise.learn_report import table, to_yaml
from mendel.noise.profile import OPERATIONS, NoiseProfile

WORDS = "union nation labor people through quarter justice beyond market growth taxes health forty peace zeal".split()  # noqa: SIM905
EQUAL = dict.fromkeys(OPERATIONS, 0.004)


def sentences(count: int) -> list[str]:
    generator = random.Random(7)
    return [" ".join(generator.choices(WORDS, k=10)) + "." for _ in range(count)]


def corrupted(profile: NoiseProfile, clean: list[str]) -> list[str]:
    ids = pa.array([str(number) for number in range(len(clean))])
    kernel = Kernel(resolve(profile, clean, seed=1), seed=1)
    noisy: list[str] = kernel.corrupt(ids, pa.array(np.zeros(len(clean), int)), pa.array(clean)).noisy.to_pylist()
    return noisy


def relearned(count: int = 4000, /, **settings: object) -> tuple[NoiseProfile, Learned]:
    profile = NoiseProfile.model_validate({"name": "known", "rates": EQUAL, "mean_length": 3} | settings)
    clean = sentences(count)
    return profile, learn(clean, corrupted(profile, clean), "learned")


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"mean_length": 1.5},
        {
            "rates": {
                "deletion": 0.001,
                "substitution": 0.01,
                "insertion": 0.002,
                "duplication": 0.004,
                "reversal": 0.003,
            }
        },
        {"characters": "set:xyz"},
    ],
    ids=["default", "short", "unequal", "few characters"],
)
def test_a_known_profile_is_recovered(settings: dict[str, object]) -> None:
    # given pairs that a known profile made
    profile, (found, evidence) = relearned(**settings)
    # then each rate is within three standard errors of it, and a tenth for what is ambiguous; the length within 6%
    for operation in OPERATIONS:
        true, estimate = getattr(profile.rates, operation), getattr(found.rates, operation)
        tolerance = 0.1 + 3 * evidence.standard_error(operation)
        assert estimate == pytest.approx(true, rel=tolerance), f"{operation}: {evidence}"
    assert found.mean_length == pytest.approx(profile.mean_length, rel=0.06)
    assert found.confusions == {}, "uniform noise was taken for confusions"
    assert found.intensities == (1.0,), "equally noisy texts were taken for unequal ones"


def test_the_characters_of_noise_are_recovered() -> None:
    _, (uniform, _) = relearned()
    assert uniform.characters == "uniform"
    _, (few, _) = relearned(characters="set:xyz")
    assert isinstance(few.characters, dict)
    assert sum(few.characters[character] for character in "xyz") > 95, f"percent: {few.characters}"


def test_confusions_are_recovered() -> None:
    # given letters that are taken for others, three times in four for the same
    table = {"e": {"c": 3, "o": 1}, "n": {"u": 3, "m": 1}, "t": {"l": 3, "f": 1}}
    rates = {"substitution": 0.02}
    _, (found, evidence) = relearned(rates=rates, mean_length=1, confusions=table)
    # then they are in the profile, in these proportions, and other operations are not
    for clean, row in table.items():
        likely, other = row
        learned = found.confusions[clean]
        assert learned[likely] / (learned[likely] + learned[other]) == pytest.approx(0.75, abs=0.08), learned
    assert sum(evidence.events[operation] for operation in OPERATIONS if operation != "substitution") < 100, evidence


def test_which_characters_go_wrong_is_recovered() -> None:
    # given a profile that spares all letters but one: they mostly stand for themselves
    spared = {letter: {letter: 99, "x": 1} for letter in "aoniuhrlyj"}
    profile, (found, _) = relearned(rates={"substitution": 0.05}, mean_length=1, confusions=spared)
    # when the learned profile corrupts
    clean = sentences(2000)
    was, now = (corrupted(each, clean) for each in (profile, found))
    # then an `e` goes wrong as often as before, and an `n` as seldom
    for letter in "en":
        before, after = (share_wrong(letter, clean, noisy) for noisy in (was, now))
        assert after == pytest.approx(before, rel=0.15, abs=0.002), f"{letter} goes wrong"


def share_wrong(letter: str, clean: list[str], noisy: list[str]) -> float:
    same_length = [(a, b) for a, b in zip(clean, noisy, strict=True) if len(a) == len(b)]
    results = [y != x for a, b in same_length for x, y in zip(a, b, strict=True) if x == letter]
    return sum(results) / len(results)


def test_texts_that_differ_in_noise_are_told_apart() -> None:
    _, (found, _) = relearned(intensities=[0, 0, 0, 4])
    assert min(found.intensities) < 0.1, found.intensities
    assert max(found.intensities) == pytest.approx(4, rel=0.2), found.intensities
    assert np.mean(found.intensities) == pytest.approx(1, abs=0.01)


def test_the_profile_goes_through_its_file(tmp_path: Path) -> None:
    _, learned = relearned(800, confusions={"e": {"c": 3}}, rates={"substitution": 0.04}, mean_length=1)
    file = tmp_path / "learned.yaml"
    file.write_text(to_yaml(learned))
    assert NoiseProfile.model_validate(config.load(file.as_uri())) == learned.profile
    assert "e→c" in table(learned)


@pytest.mark.parametrize(
    ("clean", "noisy", "reason"),
    [
        (["the same"] * 3, ["the same"] * 3, "identical"),
        (["peace and justice"] * 9, ["a market of growth"] * 9, "no pairs"),
        (["peace and justice"] * 9, ["peace amd justice"] * 9, "needs 50"),
        (["\x1f"] * 9, ["\x1f0"] * 9, "needs 50"),
        ([""] * 9, ["peace"] * 9, "needs 50"),
    ],
)
def test_texts_that_teach_nothing_are_refused(clean: list[str], noisy: list[str], reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        learn(clean, noisy, "learned")


def test_texts_that_are_no_pairs_are_left_out() -> None:
    clean = sentences(400)
    noisy = [text.replace("e", "c", 1) for text in clean]
    noisy[0] = "something else altogether, from another page of the book that was scanned."
    assert learn(clean, noisy, "learned").evidence.left_out == 1


def test_texts_of_very_uneven_damage_give_a_profile() -> None:
    # Given texts in which one letter goes wrong, in a tenth of them nine times as often as in the others
    draw = random.Random(0)
    clean = [" ".join(draw.choices(["people", "freedom", "the", "between", "house"], k=20)) for _ in range(400)]
    rates = [0.9 if number % 10 == 0 else 0.1 for number in range(len(clean))]
    noisy = [
        "".join("c" if letter == "e" and draw.random() < rate else letter for letter in text)
        for text, rate in zip(clean, rates, strict=True)
    ]
    # When their noise is learned, then it stays a profile even for the texts that are damaged most
    profile = learn(clean, noisy, "uneven").profile
    assert max(profile.intensities) > 2, "the damage is uneven"
    assert profile.rates.substitution > 0
    assert set(profile.confusions["e"]) >= {"c"}


@given(st.lists(st.tuples(st.text(min_size=1, max_size=40), st.text(max_size=40)), min_size=1, max_size=5))
@settings(max_examples=50, deadline=None)
def test_any_pairs_give_a_profile_or_a_reason(pairs: list[tuple[str, str]]) -> None:
    # Given texts of any characters and any damage, often enough for a profile
    clean, noisy = zip(*pairs * 60, strict=True)
    # Then what is learned is a profile with finite values, and a refusal says why
    try:
        learned = learn(clean, noisy, "any")
    except InputError as error:
        reason = str(error)
        learned = None
    if learned is None:
        assert any(known in reason for known in ("identical", "no pairs", "needs 50")), reason
        return
    assert math.isfinite(learned.evidence.nats_per_character), learned.evidence
    assert all(math.isfinite(events) for events in learned.evidence.events.values()), learned.evidence


def test_half_of_the_characters_wrong_still_give_a_profile() -> None:
    # Given texts of which some have nearly half of their letters wrong
    draw = random.Random(3)
    clean = sentences(60)
    noisy = ["".join(draw.choice("xyzw") if draw.random() < 0.45 else c for c in text) for text in clean]
    learned = learn(clean, noisy, "heavy")
    # Then the profile is as noisy as a profile can be, and nearly as they are
    assert 0.3 < learned.profile.rates.total * np.mean(learned.profile.intensities) < 0.5
