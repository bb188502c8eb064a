"""Noise to try the service with: of the champion's own characters, where it has them."""

from __future__ import annotations

from mendel.core.config import load
from mendel.noise.calibrate import resolve
from mendel.noise.profile import NoiseProfile, ResolvedProfile
from mendel.serving.noise import ALPHABET, Noises

from .conftest import REPO

FOLDER = str(REPO / "include" / "noise")
TEXT = "а" * 3000
CYRILLIC = "".join(map(chr, range(ord("а"), ord("я") + 1)))


def learned(profile: str, alphabet: str) -> ResolvedProfile:
    return resolve(NoiseProfile.model_validate(load(f"{FOLDER}/{profile}.yaml")), [alphabet], seed=0)


def test_noise_has_the_alphabet_of_the_champion() -> None:
    noisy, cer = Noises(FOLDER).corrupt(TEXT, "heavy", 1, learned("default", CYRILLIC))

    assert cer > 0
    assert {"а"} < set(noisy) <= set(CYRILLIC)


def test_the_profile_that_the_champion_was_fitted_to_is_the_fitted_one() -> None:
    # given a champion whose rates are ten times those of the file
    fitted = learned("default", CYRILLIC)
    strong = fitted.model_copy(update={"rates": fitted.rates.scaled(10)})

    # when
    cers = [Noises(FOLDER).corrupt(TEXT, "default", 1, each)[1] for each in (fitted, strong)]

    # then
    assert cers[1] > 4 * cers[0]


def test_before_there_is_a_champion_the_noise_is_ascii() -> None:
    noisy, _ = Noises(FOLDER).corrupt(TEXT, "heavy", 1, None)

    assert {"а"} < set(noisy) <= {"а", *ALPHABET}
