"""A noise profile from real pairs of noisy and clean texts, by expectation-maximisation.

Texts are cut into passages that belong together (`learn_passages`). Every step counts what probably happened under the
profile so far (`learn_expectation`), then fits the profile to the counts (`learn_tables` for the tables of characters),
until the passages become no likelier. Within a passage nothing has to be aligned.
"""

from __future__ import annotations

import math
import unicodedata
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mendel.core.errors import InputError
from mendel.core.log import log
from mendel.noise import learn_passages
from mendel.noise import learn_tables as tables
from mendel.noise.changes import changes
from mendel.noise.learn_expectation import LONGEST, REVERSAL, Aligned, Counts, NoiseModel, align, expect
from mendel.noise.learn_passages import Passages
from mendel.noise.profile import HIGHEST_TOTAL, OPERATIONS, NoiseProfile, Operation, Rates

Doubles = NDArray[np.float64]

MIN_EVENTS = 50
"""Errors below which rates would be guesses: with 50, ten of each kind, they are off by a third."""
ROUNDS = 40
CONVERGED = 1e-6
"""Nats a character by which a round must make the texts likelier to be followed by another."""
LEVELS = 8
"""Equally likely intensities where pairs differ in how noisy they are."""
HIGHEST_REVERSAL = 0.1
"""Rate of reversals, most of which no text shows where segments are short."""
MOST_SUSCEPTIBLE = 6.0
"""Multiple of the average at which characters that go wrong often are cut: all others would have to be spared."""
MOST_DAMAGED = 0.98 * HIGHEST_TOTAL
"""Events per character at which the rates of the texts that are damaged most are cut."""
MIN_COUNT = 0.5
"""Expected count from which on an operation or a confusion counts as seen."""
DIGITS = 4


class LearnedFrom(NamedTuple):
    """What a learned profile rests on."""

    pairs: int
    """As they were given."""
    passages: int
    """What they were cut into and learned from."""
    left_out: int
    """Passages that differ too much to belong together, or by characters that cannot be noise, such as line ends."""
    characters: int
    """Clean ones, of the passages."""
    clean_left_out: int
    """Characters of the pairs that are in none of the passages: clean,"""
    noisy_left_out: int
    """and noisy ones."""
    events: dict[Operation, float]
    """Expected number of events that left a trace."""
    nats_per_character: float
    """-log P(noisy | clean) per clean character: what the errors cost to tell."""

    def standard_error(self, operation: Operation) -> float:
        """Of the operation's rate, relative, if it was plain which events happened; infinite without an event."""
        events = self.events[operation]
        return 1 / math.sqrt(events) if events else math.inf


class Learned(NamedTuple):
    profile: NoiseProfile
    evidence: LearnedFrom


def learn(clean: Sequence[str], noisy: Sequence[str], name: str) -> Learned:
    """The noise profile that makes the noisy texts likeliest, given the clean ones.

    Raises InputError when the texts hold too few errors, or when most of them are no pairs.
    """
    if all(map(str.__eq__, clean, noisy)):
        raise InputError(f"all {len(clean)} pairs are identical: there are no errors to learn from")
    passages = learn_passages.cut(clean, noisy)
    used_clean, used_noisy = _explained(passages)
    characters = sum(map(len, used_clean))
    if 2 * characters < sum(map(len, clean)):
        raise InputError(
            f"of {sum(map(len, clean))} clean characters {characters} are in passages of which both sides belong together; "
            "these are no pairs of one text: check that the lines, or the files, belong together"
        )
    alphabet, symbols = _characters(used_clean, used_noisy)
    if not symbols:
        raise _too_few(0)
    aligned = align(used_clean, used_noisy, symbols)
    occurrences = Counter[str]()
    for text in used_clean:
        occurrences.update(text)
    fit = _Fit(alphabet, symbols, occurrences)
    counts = _maximise(aligned, fit)
    evidence = LearnedFrom(
        pairs=len(clean),
        passages=len(used_clean),
        left_out=passages.left_out + len(passages.clean) - len(used_clean),
        characters=characters,
        clean_left_out=sum(map(len, clean)) - characters,
        noisy_left_out=sum(map(len, noisy)) - sum(map(len, used_noisy)),
        events=dict(zip(OPERATIONS, map(float, counts.events), strict=True)),
        nats_per_character=-float(counts.log_likelihood.sum()) / characters,
    )
    return Learned(fit.profile(name, counts, np.diff(aligned.clean_starts).astype(float)), evidence)


class _Fit:
    """The parameters, from counts to counts."""

    def __init__(self, alphabet: str, symbols: str, occurrences: Counter[str]) -> None:
        self.alphabet = alphabet
        self.symbols = symbols
        self.occurrences = occurrences
        self.frequency = np.array([occurrences[character] + 1.0 for character in alphabet])
        self.frequency /= self.frequency.sum()
        self._place = np.array([alphabet.index(character) for character in symbols], int)
        self.kind = "uniform"
        self.prior = math.inf
        self.noise = np.full(len(alphabet), 1 / len(alphabet))
        self.rates = np.full(len(OPERATIONS), 0.002)
        self.extend = 0.5

    def model(self, counts: Counts | None) -> NoiseModel:
        noise = np.concatenate([[0.0], self.noise[self._place]])
        replaced = np.zeros((len(noise), len(noise))) if counts is None else counts.replaced
        return NoiseModel(self.rates, self.extend, noise, self._rows(replaced, noise))

    def _rows(self, replaced: Doubles, noise: Doubles) -> Doubles:
        rows = tables.substitutions(replaced, noise, self.prior)
        rows[:, 0] = 0.0  # symbol 0 is never noise
        return rows

    def update(self, counts: Counts) -> None:
        self.rates = counts.events / (counts.events.sum() + counts.copies[0])
        longer, ended = counts.lengths
        lowest = self.rates[REVERSAL] / HIGHEST_REVERSAL  # reversals of one character, unseen, must stay few
        ratio = longer / (longer + ended) if longer + ended else 0.0
        self.extend = min(max(ratio, lowest), 1 - 1 / LONGEST)
        replaced, noise = counts.replaced[1:, 1:], self.noise[self._place]
        self.prior = tables.confusion_prior(replaced, noise)
        draws = np.zeros(len(self.alphabet))
        draws[self._place] = counts.noise[1:] + tables.drawn_as_noise(replaced, noise, self.prior)
        self.kind, self.noise = tables.character_weights(draws, self.frequency)

    def profile(self, name: str, counts: Counts, lengths: Doubles) -> NoiseProfile:
        rates = dict(zip(OPERATIONS, self.rates, strict=True))
        rates["reversal"] = self.rates[REVERSAL] / self.extend if self.extend else 0.0
        for operation, events in zip(OPERATIONS, counts.events, strict=True):
            if events < MIN_COUNT:
                rates[operation] = 0.0
        replaced = counts.replaced[1:, 1:].copy()
        np.fill_diagonal(replaced, 0.0)
        errors = np.zeros(len(self.alphabet))
        errors[self._place] = replaced.sum(axis=1)
        exposure = np.array([float(self.occurrences[character]) for character in self.alphabet])
        expected = lengths * counts.by_pair.sum() / lengths.sum()
        intensities = tables.intensities(counts.by_pair, expected, LEVELS)
        most = rates["substitution"] * max(intensities)  # of the texts that are damaged most
        highest = min(MOST_SUSCEPTIBLE, max((HIGHEST_TOTAL / 2) / max(most, 1e-9), 1.0))
        factors = np.minimum(tables.susceptibility(errors, exposure), highest)
        rates["substitution"] *= float(factors.max())
        total = sum(rates.values())
        if total > MOST_DAMAGED:  # no profile goes further: of these texts nothing could be told
            rates = {operation: rate * MOST_DAMAGED / total for operation, rate in rates.items()}
        highest_intensity = MOST_DAMAGED / min(total, MOST_DAMAGED)
        intensities = tuple(_rounded(min(level, highest_intensity)) for level in intensities)
        prior = 1.0 if math.isinf(self.prior) else self.prior
        confusions = self._confusions(replaced, factors / factors.max(), prior)
        return NoiseProfile(
            name=name,
            rates=Rates(**{operation: _rounded(rate) for operation, rate in rates.items()}),
            mean_length=_rounded(1 / (1 - self.extend)),
            max_length=LONGEST,
            characters=self._noise_characters(),
            confusions=confusions,
            confusion_prior=_rounded(prior) if confusions else 0.0,
            intensities=intensities,
        )

    def _noise_characters(self) -> str | dict[str, float]:
        if self.kind != "weights":
            return self.kind
        weights = zip(self.alphabet, self.noise, strict=True)
        return {character: _rounded(100 * weight) for character, weight in weights}

    def _confusions(self, replaced: Doubles, factors: Doubles, prior: float) -> dict[str, dict[str, float]]:
        """Rows of what was seen. A character that goes wrong less often than others also stands for itself."""
        place = {character: at for at, character in enumerate(self.symbols)}
        rows = {}
        for at, clean in enumerate(self.alphabet):
            row = {}
            if clean in place and not math.isinf(self.prior):
                counts = replaced[place[clean]]
                row = {self.symbols[y]: _rounded(counts[y]) for y in np.argsort(-counts) if counts[y] >= MIN_COUNT}
            wrong = sum(row.values()) + prior * (1 - self.noise[at])
            spared = wrong / factors[at] - wrong - prior * self.noise[at]
            if spared > 0 and factors[at] < 1:
                row[clean] = _rounded(spared)
            if row:
                rows[clean] = row
        return rows


def _maximise(aligned: Aligned, fit: _Fit) -> Counts:
    """Rounds of expectation and maximisation until the texts become no likelier; the counts of the last round."""
    counts: Counts | None = None
    before = -math.inf
    for number in range(1, ROUNDS + 1):
        counts = expect(aligned, fit.model(counts))
        log_likelihood = float(counts.log_likelihood.mean())
        log.debug("learning", round=number, log_likelihood=log_likelihood, events=float(counts.events.sum()))
        events = float(counts.events.sum())
        if events < MIN_EVENTS:
            raise _too_few(events)
        fit.update(counts)
        if log_likelihood - before < CONVERGED * len(aligned.clean) / len(counts.by_pair):
            break
        before = log_likelihood
    assert counts is not None, "there is a first round"
    return counts


def _too_few(events: float) -> InputError:
    return InputError(f"the pairs hold {events:.0f} errors; a profile needs {MIN_EVENTS} at least: give more")


def _explained(passages: Passages) -> tuple[list[str], list[str]]:
    """The clean and the noisy side of the passages that a profile can make; nearly all, as they were cut for it."""
    clean, noisy = passages.clean, passages.noisy
    alphabet, symbols = _characters(clean, noisy)
    if not symbols:  # they are equal
        return clean, noisy
    counts = expect(align(clean, noisy, symbols), _Fit(alphabet, symbols, Counter()).model(None))
    numbers = [at for at, logp in enumerate(counts.log_likelihood) if logp > -math.inf]
    return [clean[at] for at in numbers], [noisy[at] for at in numbers]


def _characters(clean: Sequence[str], noisy: Sequence[str]) -> tuple[str, str]:
    """All characters of the texts, and those that take part in errors."""
    alphabet = _alphabet(clean, noisy)
    wrong = _characters_of_errors(clean, noisy)
    return alphabet, "".join(character for character in alphabet if character in wrong)


def _alphabet(clean: Sequence[str], noisy: Sequence[str]) -> str:
    characters = {character for texts in (clean, noisy) for text in texts for character in text}
    return "".join(sorted(character for character in characters if not unicodedata.category(character).startswith("C")))


def _characters_of_errors(clean: Sequence[str], noisy: Sequence[str]) -> set[str]:
    characters: set[str] = set()
    for one, other in zip(clean, noisy, strict=True):
        for a, a_end, b, b_end in changes(one, other):
            characters.update(one[a:a_end], other[b:b_end])
    return characters


def _rounded(value: float) -> float:
    return float(f"{value:.{DIGITS}g}")
