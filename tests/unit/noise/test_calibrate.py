import random

import pyarrow as pa
import pytest

from mendel.core.errors import InputError
from mendel.noise.calibrate import at_level, micro_cer, resolve
from mendel.noise.kernel import Kernel
from mendel.noise.profile import NoiseProfile, ResolvedProfile

RATES = dict.fromkeys(["deletion", "substitution", "insertion", "duplication", "reversal"], 0.004)


def profile(**settings: object) -> NoiseProfile:
    return NoiseProfile.model_validate({"name": "test", "rates": RATES} | settings)


def sentences(count: int, seed: int) -> list[str]:
    generator = random.Random(seed)
    words = "the state of our union is strong and café owners naïvely work for a better future 🧬".split()  # noqa: SIM905
    return [" ".join(generator.choices(words, k=generator.randint(5, 40))) + "." for _ in range(count)]


def measured(resolved: ResolvedProfile, texts: list[str], seed: int) -> float:
    ids = pa.array([f"unseen-{number}" for number in range(len(texts))])
    noisy = Kernel(resolved, seed).corrupt(ids, pa.array([0] * len(texts)), pa.array(texts)).noisy
    return micro_cer(texts, noisy.to_pylist())


@pytest.mark.parametrize("target", [0.02, 0.1, 0.3])
@pytest.mark.parametrize(
    "settings", [{}, {"intensities": [0, 0.5, 1, 2]}, {"characters": "frequency", "mean_length": 1}]
)
def test_target_is_met_on_unseen_text(target: float, settings: dict[str, object]) -> None:
    # given a profile calibrated on a small sample
    resolved = resolve(profile(target_cer=target, **settings), sentences(50, seed=1), seed=1)
    # when other text is corrupted with another seed
    cer = measured(resolved, sentences(8_000, seed=2), seed=2)
    # then its CER is within 5% of the target
    assert cer == pytest.approx(target, rel=0.05), f"rates {resolved.rates}"


def test_resolving_is_deterministic_and_keeps_the_proportions() -> None:
    wanted = profile(target_cer=0.08)
    first, second = (resolve(wanted, sentences(50, seed=1), seed=1) for _ in range(2))
    assert first == second
    assert len({getattr(first.rates, operation) for operation in RATES}) == 1


@pytest.mark.parametrize("level", [{}, {"target_cer": 0.04}, {"intensities": [0, 0.5, 2.5]}])
def test_kinds_of_one_profile_at_the_level_of_another(level: dict[str, object]) -> None:
    # given noise that is much heavier, swaps alone and the same for all texts, and a profile of the usual level
    kinds = profile(rates={"reversal": 0.3}, mean_length=2, confusions={"e": {"c": 1}})
    usual = profile(**level)
    # when the one is brought to the level of the other
    mixed = at_level(kinds, usual, sentences(50, seed=1), seed=1)
    # then unseen text has as many errors as by the other, of the kinds of the one
    unseen = sentences(8_000, seed=2)
    expected = measured(resolve(usual, sentences(50, seed=1), seed=1), unseen, seed=2)
    cer = measured(resolve(mixed, sentences(50, seed=1), seed=1), unseen, seed=2)
    assert cer == pytest.approx(expected, rel=0.1)
    assert mixed.rates.reversal == mixed.rates.total
    assert (mixed.name, mixed.mean_length, mixed.confusions) == (kinds.name, 2, kinds.confusions)
    assert mixed.intensities == usual.intensities


def test_without_a_target_the_rates_stay() -> None:
    wanted = profile()
    assert resolve(wanted, ["some text"], seed=1).rates == wanted.rates


def test_alphabet_is_what_is_printable_in_the_sample() -> None:
    resolved = resolve(profile(), ["b a\tb\n", "é\u200b\x00b🧬"], seed=1)
    assert resolved.alphabet == " abé🧬"
    assert resolved.weights == pytest.approx([0.2] * 5)


def test_characters_by_frequency() -> None:
    resolved = resolve(profile(characters="frequency"), ["aab", "b\na"], seed=1)
    assert resolved.alphabet == "ab"
    assert resolved.weights == pytest.approx((0.6, 0.4))


def test_characters_as_listed() -> None:
    resolved = resolve(profile(characters="set:~.~ "), ["aab"], seed=1)
    assert resolved.alphabet == " .~"
    assert resolved.weights == pytest.approx((1 / 3, 1 / 3, 1 / 3))


@pytest.mark.parametrize("texts", [[], [""], ["aaaa"], ["\n\t"]])
def test_a_sample_without_an_alphabet_is_refused(texts: list[str]) -> None:
    with pytest.raises(InputError, match="noise needs two"):
        resolve(profile(), texts, seed=1)


def test_a_sample_without_text_cannot_calibrate() -> None:
    with pytest.raises(InputError, match="every text of the sample is empty"):
        resolve(profile(characters="set:ab", target_cer=0.05), ["", ""], seed=1)


@pytest.mark.parametrize(
    "settings",
    [
        {
            "rates": {"reversal": 0.1},
            "mean_length": 1,
            "target_cer": 0.05,
        },  # a single character reversed stays the same
        {"rates": {"substitution": 0.1}, "mean_length": 1, "target_cer": 0.49},  # would need half an event a character
    ],
)
def test_a_target_out_of_reach_is_refused(settings: dict[str, object]) -> None:
    with pytest.raises(InputError, match="out of reach"):
        resolve(profile(**settings), sentences(50, seed=1), seed=1)


def test_micro_cer_weighs_by_length() -> None:
    assert micro_cer(["abcd", "ab"], ["abcd", "x"]) == pytest.approx(2 / 6)
