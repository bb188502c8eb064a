"""What probably happened between clean and noisy texts: expected counts of events, by forward-backward.

All ways in which a noise profile can turn the one text into the other are summed over a lattice of (clean, noisy)
prefixes, so that an error that could have come about in several ways counts for each by its probability [Baum, Petrie,
Soules, Weiss: A Maximization Technique…, 1970; for edit operations: Ristad, Yianilos: Learning String-Edit Distance, 1998].
The lattice is that of the kernel, so a text has no events behind its last character. Two kinds are left out, since no text
shows them: reversals of one character inside a text, and what lies beyond LONGEST characters.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from mendel.noise.changes import changes
from mendel.noise.profile import OPERATIONS

Doubles = NDArray[np.float64]
Ints = NDArray[np.int32]
Offsets = NDArray[np.int64]

DELETION, SUBSTITUTION, INSERTION, DUPLICATION, REVERSAL = range(len(OPERATIONS))
LONGEST = 32
"""Characters of the longest duplication or reversal looked for."""
MARGIN = 4
"""Characters around a difference, besides its own size, in which other explanations of it are looked for."""
NORMAL, DELETING, SUBSTITUTING, INSERTING = range(4)
"""States of a lattice cell: between events, or inside one."""


class NoiseModel(NamedTuple):
    """Probabilities of what can happen at a clean character."""

    events: Doubles
    """[operation]: an event starts; for reversals, one of two characters or more"""
    extend: float
    """the segment goes on for one character more"""
    noise: Doubles
    """[symbol]: inserted"""
    replaced: Doubles
    """[clean symbol, noisy symbol]: stands for it in a substitution"""


class Aligned(NamedTuple):
    """Pairs side by side, with the part of each lattice that is worth a look. Symbol 0 is never noise."""

    clean: Ints
    clean_symbols: Ints
    clean_starts: Offsets
    """[pair + 1]"""
    noisy: Ints
    noisy_symbols: Ints
    noisy_starts: Offsets
    low: Offsets
    """[clean character + pair]: the first noisy prefix of a clean prefix"""
    high: Offsets
    """the last one"""


class Counts(NamedTuple):
    """Expected counts over all pairs."""

    events: Doubles
    """[operation]"""
    copies: Doubles
    """[1]: clean characters at which no event started, though one could have"""
    lengths: Doubles
    """[2]: times a segment went on; times it ended, not by the end of the text"""
    noise: Doubles
    """[symbol]: inserted characters"""
    replaced: Doubles
    """[clean symbol, noisy symbol]"""
    by_pair: Doubles
    """[pair]: events of the pair, all operations"""
    log_likelihood: Doubles
    """[pair]: log P(noisy | clean), nats; minus infinity where the band has no way through"""


def align(clean: Sequence[str], noisy: Sequence[str], symbols: str) -> Aligned:
    """Pairs as arrays. `symbols` are the characters that may be noise, numbered from 1.

    The band follows a shortest edit script: where it copies, only copying is considered; around each difference, cells
    within its own size and MARGIN of it.
    """
    numbers = {character: number for number, character in enumerate(symbols, start=1)}
    low, high = [], []
    for one, other in zip(clean, noisy, strict=True):
        spots = np.array(changes(one, other), np.int64).reshape(-1, 4)
        first, last = _band(len(one), len(other), spots)
        low.append(first)
        high.append(last)
    return Aligned(*_side(clean, numbers), *_side(noisy, numbers), np.concatenate(low), np.concatenate(high))


def expect(aligned: Aligned, model: NoiseModel) -> Counts:
    """The expected counts of all pairs under a model."""
    pairs, symbols = len(aligned.clean_starts) - 1, len(model.noise)
    counts = Counts(
        np.zeros(len(OPERATIONS)),
        np.zeros(1),
        np.zeros(2),
        np.zeros(symbols),
        np.zeros((symbols, symbols)),
        np.zeros(pairs),
        np.zeros(pairs),
    )
    _expect(aligned, model, counts)
    return counts


def _side(texts: Sequence[str], numbers: dict[str, int]) -> tuple[Ints, Ints, Offsets]:
    text = "".join(texts)
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.int32)
    known, places = np.unique(codes, return_inverse=True)
    symbols = np.array([numbers.get(chr(code), 0) for code in known], np.int32)[places]
    return codes, symbols, np.cumsum([0, *map(len, texts)], dtype=np.int64)


@njit(cache=True)
def _band(m: int, n: int, spots: Offsets) -> tuple[Offsets, Offsets]:
    """First and last noisy prefix for each clean prefix, 0 to m."""
    low, high = np.full(m + 1, n), np.zeros(m + 1, np.int64)
    a = b = 0
    for spot in range(len(spots) + 1):
        stop = spots[spot, 0] if spot < len(spots) else m
        for i in range(a, stop + 1):  # copied
            low[i], high[i] = min(low[i], b + i - a), max(high[i], b + i - a)
        if spot < len(spots):
            a, b = spots[spot, 1], spots[spot, 3]
    spot = 0
    while spot < len(spots):
        last = spot
        while last + 1 < len(spots) and spots[last + 1, 0] - spots[last, 1] <= MARGIN:
            last += 1
        a, a_end, b, b_end = spots[spot, 0], spots[last, 1], spots[spot, 2], spots[last, 3]
        reach = MARGIN + max(a_end - a, b_end - b)
        for i in range(max(a - reach, 0), min(a_end + reach, m) + 1):
            low[i], high[i] = min(low[i], max(b - reach, 0)), max(high[i], min(b_end + reach, n))
        spot = last + 1
    return low, high


@njit(cache=True)
def _expect(aligned: Aligned, model: NoiseModel, counts: Counts) -> None:
    row = 0
    for pair in range(len(aligned.clean_starts) - 1):
        i, i_end = aligned.clean_starts[pair], aligned.clean_starts[pair + 1]
        j, j_end = aligned.noisy_starts[pair], aligned.noisy_starts[pair + 1]
        rows = i_end - i + 1
        _expect_pair(
            aligned.clean[i:i_end],
            aligned.clean_symbols[i:i_end],
            aligned.noisy[j:j_end],
            aligned.noisy_symbols[j:j_end],
            aligned.low[row : row + rows],
            aligned.high[row : row + rows],
            model,
            counts,
            pair,
        )
        row += rows


class PairCells(NamedTuple):
    """The cells of one pair: cell (i, j) stands for i clean and j noisy characters, at `base[i] + j`."""

    low: Offsets
    """[m + 1] lowest j of each row;"""
    high: Offsets
    """[m + 1] and highest."""
    base: Offsets
    """[m + 1]"""
    forward: Doubles
    """[state, cell] Probability of what led there. Each row is scaled to a maximum of 1."""
    scale: Doubles
    """[m + 1] Logarithm of what a row was divided by, with those before it."""
    same: Ints
    """[cell] How many characters before it are equal on both sides."""


@njit(cache=True)
def _expect_pair(
    x: Ints, xs: Ints, y: Ints, ys: Ints, low: Offsets, high: Offsets, model: NoiseModel, counts: Counts, pair: int
) -> None:
    """Add one pair's expected counts; a pair that the model cannot explain within its band has a likelihood of 0."""
    lattice = _lattice(low, high)
    counts.log_likelihood[pair] = _look_forward(x, xs, y, ys, model, lattice)
    if counts.log_likelihood[pair] > -np.inf:
        counts.by_pair[pair] = _count_backward(x, xs, y, ys, model, lattice, counts)


@njit(cache=True)
def _lattice(low: Offsets, high: Offsets) -> PairCells:
    base = np.empty(len(low), np.int64)
    size = 0
    for i in range(len(low)):
        base[i] = size - low[i]
        size += high[i] - low[i] + 1
    return PairCells(low, high, base, np.zeros((4, size)), np.zeros(len(low)), np.zeros(size, np.int32))


@njit(cache=True)
def _copying(model: NoiseModel, last: bool) -> tuple[float, float]:
    """Probability that a character is copied, and how much of it is a reversal of one: that of the last one changes nothing."""
    unturned = model.events[REVERSAL] if last else 0.0
    return 1 - model.events.sum() + unturned, unturned


@njit(cache=True)
def _look_forward(x: Ints, xs: Ints, y: Ints, ys: Ints, model: NoiseModel, lattice: PairCells) -> float:
    """Fill `forward`, `scale` and `same`; the pair's log-likelihood, nats."""
    low, high, base, forward, scale, same = lattice
    m = len(x)
    extend, end = model.extend, 1 - model.extend
    power = extend ** np.arange(LONGEST + 1)
    forward[NORMAL, base[0]] = 1.0
    for i in range(m + 1):
        close = end if i < m else 1.0  # the end of the text cuts a segment
        copy, _ = _copying(model, i == m)
        highest = 0.0
        for j in range(low[i], high[i] + 1):
            at = base[i] + j
            if i:
                above = base[i - 1] + j
                if low[i - 1] <= j <= high[i - 1]:
                    forward[DELETING, at] = (
                        forward[NORMAL, above] * model.events[DELETION] + forward[DELETING, above] * extend
                    )
                if low[i - 1] <= j - 1 <= high[i - 1]:
                    before = above - 1
                    forward[SUBSTITUTING, at] = model.replaced[xs[i - 1], ys[j - 1]] * (
                        forward[NORMAL, before] * model.events[SUBSTITUTION] + forward[SUBSTITUTING, before] * extend
                    )
                    if x[i - 1] == y[j - 1]:
                        same[at] = same[before] + 1
                        forward[NORMAL, at] += forward[NORMAL, before] * copy + forward[INSERTING, before] * end
                forward[NORMAL, at] += close * (forward[DELETING, at] + forward[SUBSTITUTING, at])
                for length in range(1, min(LONGEST, same[at], j - low[i]) + 1):
                    if _doubled(same, at, length):
                        k = i - length
                        if low[k] <= j - 2 * length <= high[k]:
                            weight = model.events[DUPLICATION] * power[length - 1] * close
                            source = forward[NORMAL, base[k] + j - 2 * length]
                            forward[NORMAL, at] += source * weight * np.exp(scale[k] - scale[i - 1])
                for length in range(2, min(LONGEST, i, j) + 1):
                    if _turned(x, i, y, j, length):
                        k = i - length
                        if low[k] <= j - length <= high[k]:
                            weight = model.events[REVERSAL] * power[length - 2] * close
                            source = forward[NORMAL, base[k] + j - length]
                            forward[NORMAL, at] += source * weight * np.exp(scale[k] - scale[i - 1])
            if i < m and j > low[i]:
                forward[INSERTING, at] = model.noise[ys[j - 1]] * (
                    forward[NORMAL, at - 1] * model.events[INSERTION] + forward[INSERTING, at - 1] * extend
                )
            for state in range(4):
                highest = max(highest, forward[state, at])
        if highest == 0.0:
            return -np.inf
        forward[:, base[i] + low[i] : base[i] + high[i] + 1] /= highest
        scale[i] = np.log(highest) + (scale[i - 1] if i else 0.0)
    last = base[m] + len(y)
    return np.log(forward[NORMAL, last]) + scale[m] if forward[NORMAL, last] > 0 else -np.inf


@njit(cache=True)
def _count_backward(
    x: Ints, xs: Ints, y: Ints, ys: Ints, model: NoiseModel, lattice: PairCells, counts: Counts
) -> float:
    """Add to the counts what probably happened, but for the likelihood; the pair's expected number of events.

    `backward` is scaled so that forward times backward is the probability of the state.
    """
    low, high, base, forward, scale, same = lattice
    m = len(x)
    extend, end = model.extend, 1 - model.extend
    power = extend ** np.arange(LONGEST + 1)
    backward = np.zeros(forward.shape)
    last = base[m] + len(y)
    backward[NORMAL, last] = 1 / forward[NORMAL, last]
    total = 0.0
    for i in range(m, -1, -1):
        close = end if i < m else 1.0
        copy, unturned = _copying(model, i == m)
        step = np.exp(scale[i - 1] - scale[i]) if i else 0.0
        for j in range(high[i], low[i] - 1, -1):
            at = base[i] + j
            if forward[INSERTING, at] > 0:
                inserted = backward[INSERTING, at]
                weight = inserted * model.noise[ys[j - 1]]
                start, more = weight * model.events[INSERTION], weight * extend
                backward[NORMAL, at - 1] += start
                backward[INSERTING, at - 1] += more
                start, more = start * forward[NORMAL, at - 1], more * forward[INSERTING, at - 1]
                counts.events[INSERTION] += start
                counts.lengths[0] += more
                counts.noise[ys[j - 1]] += start + more
                total += start
            if not i:
                continue
            normal = backward[NORMAL, at]
            above = base[i - 1] + j
            if forward[NORMAL, at] > 0:
                for state in (DELETING, SUBSTITUTING):
                    if forward[state, at] > 0:
                        backward[state, at] += close * normal
                        if i < m:
                            counts.lengths[1] += forward[state, at] * close * normal
                for length in range(1, min(LONGEST, same[at], j - low[i]) + 1):
                    if _doubled(same, at, length):
                        k = i - length
                        if low[k] <= j - 2 * length <= high[k]:
                            weight = model.events[DUPLICATION] * power[length - 1] * close
                            weight *= normal * np.exp(scale[k] - scale[i])
                            source = base[k] + j - 2 * length
                            backward[NORMAL, source] += weight
                            happened = weight * forward[NORMAL, source]
                            counts.events[DUPLICATION] += happened
                            counts.lengths[0] += (length - 1) * happened
                            counts.lengths[1] += happened if i < m else 0.0
                            total += happened
                for length in range(2, min(LONGEST, i, j) + 1):
                    if _turned(x, i, y, j, length):
                        k = i - length
                        if low[k] <= j - length <= high[k]:
                            weight = model.events[REVERSAL] * power[length - 2] * close
                            weight *= normal * np.exp(scale[k] - scale[i])
                            source = base[k] + j - length
                            backward[NORMAL, source] += weight
                            happened = weight * forward[NORMAL, source]
                            counts.events[REVERSAL] += happened
                            counts.lengths[0] += (length - 2) * happened
                            counts.lengths[1] += happened if i < m else 0.0
                            total += happened
                if same[at]:
                    weight = normal * step
                    backward[NORMAL, above - 1] += weight * copy
                    backward[INSERTING, above - 1] += weight * end
                    happened = weight * unturned * forward[NORMAL, above - 1]
                    counts.events[REVERSAL] += happened
                    total += happened
                    counts.copies[0] += weight * copy * forward[NORMAL, above - 1] - happened
                    counts.lengths[1] += weight * end * forward[INSERTING, above - 1]
            if forward[DELETING, at] > 0:
                weight = backward[DELETING, at] * step
                start, more = weight * model.events[DELETION], weight * extend
                backward[NORMAL, above] += start
                backward[DELETING, above] += more
                start, more = start * forward[NORMAL, above], more * forward[DELETING, above]
                counts.events[DELETION] += start
                counts.lengths[0] += more
                total += start
            if forward[SUBSTITUTING, at] > 0:
                weight = backward[SUBSTITUTING, at] * step * model.replaced[xs[i - 1], ys[j - 1]]
                start, more = weight * model.events[SUBSTITUTION], weight * extend
                backward[NORMAL, above - 1] += start
                backward[SUBSTITUTING, above - 1] += more
                start, more = start * forward[NORMAL, above - 1], more * forward[SUBSTITUTING, above - 1]
                counts.events[SUBSTITUTION] += start
                counts.lengths[0] += more
                counts.replaced[xs[i - 1], ys[j - 1]] += start + more
                total += start
    return total


@njit(cache=True)
def _doubled(same: Ints, at: int, length: int) -> bool:
    """The clean characters before the cell stand in the noisy text twice; the cell `length` before it is in the band."""
    return bool(same[at] >= length and same[at - length] >= length)


@njit(cache=True)
def _turned(x: Ints, i: int, y: Ints, j: int, length: int) -> bool:
    """The clean characters before the cell stand in the noisy text backwards."""
    for k in range(length):  # noqa: SIM110 (numba compiles no generator)
        if x[i - 1 - k] != y[j - length + k]:
            return False
    return True
