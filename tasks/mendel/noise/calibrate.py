"""From a profile and a sample of the corpus to explicit noise: the alphabet, and rates that give the wanted CER."""

from __future__ import annotations

import itertools
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
from rapidfuzz import process
from rapidfuzz.distance import Levenshtein

from mendel.core.errors import InputError
from mendel.noise.kernel import Kernel
from mendel.noise.profile import CHARACTER_SET, NoiseProfile, ResolvedProfile

CHARACTERS = 1_000_000
"""Corrupted in one measurement: at 5% CER some 17,000 events, a standard error of about 1%."""
TOLERANCE = 0.005
"""Relative distance from the target at which calibration stops."""
ROUNDS = 12


def resolve(profile: NoiseProfile, texts: Sequence[str], seed: int) -> ResolvedProfile:
    """Fit a profile to a sample of clean texts; equal arguments give an equal result.

    The alphabet comes from all of the sample: its code points without control, format and unassigned ones. With a
    target CER the rates are scaled by one common factor, found on the first million characters, or on several copies of
    a smaller sample.

    Raises InputError when the sample has fewer than two characters, and when no admissible rates reach the target.
    """
    alphabet, weights = _alphabet(profile, texts)
    resolved = ResolvedProfile(profile=profile, rates=profile.rates, alphabet=alphabet, weights=weights)
    return resolved if profile.target_cer is None else _calibrated(resolved, profile.target_cer, texts, seed)


def at_level(kinds: NoiseProfile, level: NoiseProfile, texts: Sequence[str], seed: int) -> NoiseProfile:
    """The kinds of noise of one profile, as much of it as another one makes of a sample of clean texts.

    Operations in relation to each other, lengths and characters are the first one's; the CER, and how texts differ in it,
    the second one's. Raises InputError as `resolve`, for the second one.
    """
    target = level.target_cer or _measured(resolve(level, texts, seed), _sample(texts), seed)
    return NoiseProfile(
        **dict(kinds)
        | {
            "rates": kinds.rates.scaled(level.rates.total / kinds.rates.total),
            "intensities": level.intensities,
            "target_cer": target,
        }
    )


def micro_cer(clean: Sequence[str], noisy: Sequence[str]) -> float:
    """Summed Levenshtein distance over summed clean length, both in code points."""
    return float(distance(clean, noisy)) / sum(map(len, clean))


def distance(clean: Sequence[str], noisy: Sequence[str]) -> int:
    """Summed Levenshtein distance, in code points."""
    return int(process.cpdist(clean, noisy, scorer=Levenshtein.distance, dtype=np.int64).sum())


def _alphabet(profile: NoiseProfile, texts: Sequence[str]) -> tuple[str, tuple[float, ...]]:
    counts: Mapping[str, float]
    if isinstance(profile.characters, dict):
        counts = profile.characters
    elif profile.characters.startswith(CHARACTER_SET):
        counts = dict.fromkeys(profile.characters.removeprefix(CHARACTER_SET), 1)
    else:
        counts = Counter[str]()
        for text in texts:
            counts.update(text)
    characters = sorted(character for character in counts if not unicodedata.category(character).startswith("C"))
    if len(characters) < 2:
        raise InputError(
            f"noise profile {profile.name}: {len(texts)} texts hold {len(characters)} printable characters, "
            f"noise needs two; give more text, or list the characters with 'characters: \"{CHARACTER_SET}…\"'"
        )
    weighted = profile.characters == "frequency" or isinstance(profile.characters, dict)
    weights = [counts[character] if weighted else 1 for character in characters]
    return "".join(characters), tuple(weight / sum(weights) for weight in weights)


def _calibrated(resolved: ResolvedProfile, target: float, texts: Sequence[str], seed: int) -> ResolvedProfile:
    """Scale by target / measured until it fits: CER is nearly proportional to the rates, so a few rounds are enough."""
    clean = _sample(texts)
    for _ in range(ROUNDS):
        measured = _measured(resolved, clean, seed)
        if abs(measured / target - 1) <= TOLERANCE:
            return resolved
        try:
            rates = resolved.rates.scaled(target / measured)
            resolved = ResolvedProfile(**dict(resolved) | {"rates": rates})
        except (ZeroDivisionError, ValueError) as error:
            raise _out_of_reach(resolved, target, measured) from error
    raise _out_of_reach(resolved, target, measured)


def _measured(resolved: ResolvedProfile, clean: Sequence[str], seed: int) -> float:
    """The CER that a profile makes of these texts."""
    ids = pa.array([str(number) for number in range(len(clean))])
    copies = pa.array(np.zeros(len(clean), dtype=np.int64))
    noisy = Kernel(resolved, seed).corrupt(ids, copies, pa.array(clean, pa.string())).noisy
    return micro_cer(clean, noisy.to_pylist())


def _sample(texts: Sequence[str]) -> list[str]:
    """The first texts up to CHARACTERS characters, repeated from the start while they are fewer."""
    if not any(texts):
        raise InputError("no text to calibrate on: every text of the sample is empty")
    sample: list[str] = []
    size = 0
    for text in itertools.cycle(texts):
        if size >= CHARACTERS:
            return sample
        sample.append(text)
        size += len(text)
    raise AssertionError("a cycle does not end")


def _out_of_reach(resolved: ResolvedProfile, target: float, measured: float) -> InputError:
    return InputError(
        f"noise profile {resolved.profile.name}: target_cer {target} is out of reach: "
        f"{resolved.rates.total:.3g} events per character give {measured:.3g}; "
        "set a nearer target_cer, longer segments (mean_length) or other rates"
    )
