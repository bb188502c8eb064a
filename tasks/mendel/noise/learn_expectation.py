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
    distinct_codes, places = np.unique(codes, return_inverse=True)
    symbols = np.array([numbers.get(chr(code), 0) for code in distinct_codes], np.int32)[places]
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
    logs = _logarithms(model)
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
            logs,
            counts,
            pair,
        )
        row += rows


class PairCells(NamedTuple):
    """The cells of one pair: cell (i, j) stands for i clean and j noisy characters, at `base[i] + j`.

    Probabilities are logarithms (nats): those of one row can lie further apart than a float's exponents reach.
    """

    low: Offsets
    """[m + 1] lowest j of each row;"""
    high: Offsets
    """[m + 1] and highest."""
    base: Offsets
    """[m + 1]"""
    forward: Doubles
    """[state, cell] Log-probability of what led there."""
    same: Ints
    """[cell] How many characters before it are equal on both sides."""


class LogModel(NamedTuple):
    """Logarithms of a noise model (nats), as the lattice adds them up."""

    events: Doubles
    """[operation]"""
    extend: float
    end: float
    noise: Doubles
    replaced: Doubles
    copy: float
    """no event starts"""
    copy_last: float
    """none that is seen: the reversal of a text's last character changes nothing"""
    turned: float
    """share of such reversals in it; no logarithm"""


@njit(cache=True)
def _logarithms(model: NoiseModel) -> LogModel:
    copy = max(1 - model.events.sum(), 0.0)
    copy_last = copy + model.events[REVERSAL]
    return LogModel(
        np.log(model.events),
        np.log(model.extend),
        np.log(1 - model.extend),
        np.log(model.noise),
        np.log(model.replaced),
        np.log(copy),
        np.log(copy_last),
        model.events[REVERSAL] / copy_last if copy_last else 0.0,
    )


@njit(cache=True)
def _expect_pair(
    x: Ints, xs: Ints, y: Ints, ys: Ints, low: Offsets, high: Offsets, model: LogModel, counts: Counts, pair: int
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
    return PairCells(low, high, base, np.full((4, size), -np.inf), np.zeros(size, np.int32))


@njit(cache=True)
def _plus(one: float, other: float) -> float:
    """log(exp(one) + exp(other))"""
    if one < other:
        one, other = other, one
    return one if other == -np.inf else one + np.log1p(np.exp(other - one))


@njit(cache=True)
def _look_forward(x: Ints, xs: Ints, y: Ints, ys: Ints, model: LogModel, lattice: PairCells) -> float:
    """Fill `forward` and `same`; the pair's log-likelihood, nats."""
    low, high, base, forward, same = lattice
    m = len(x)
    forward[NORMAL, base[0]] = 0.0
    for i in range(m + 1):
        close = model.end if i < m else 0.0  # the end of the text cuts a segment
        copy = model.copy if i < m else model.copy_last
        for j in range(low[i], high[i] + 1):
            at = base[i] + j
            if i:
                above = base[i - 1] + j
                normal = forward[NORMAL, at]
                if low[i - 1] <= j <= high[i - 1]:
                    forward[DELETING, at] = _plus(
                        forward[NORMAL, above] + model.events[DELETION], forward[DELETING, above] + model.extend
                    )
                if low[i - 1] <= j - 1 <= high[i - 1]:
                    before = above - 1
                    forward[SUBSTITUTING, at] = model.replaced[xs[i - 1], ys[j - 1]] + _plus(
                        forward[NORMAL, before] + model.events[SUBSTITUTION],
                        forward[SUBSTITUTING, before] + model.extend,
                    )
                    if x[i - 1] == y[j - 1]:
                        same[at] = same[before] + 1
                        normal = _plus(forward[NORMAL, before] + copy, forward[INSERTING, before] + model.end)
                normal = _plus(normal, close + _plus(forward[DELETING, at], forward[SUBSTITUTING, at]))
                for length in range(1, min(LONGEST, same[at], j - low[i]) + 1):
                    if _doubled(same, at, length):
                        k = i - length
                        if low[k] <= j - 2 * length <= high[k]:
                            weight = model.events[DUPLICATION] + _longer(model, length - 1) + close
                            normal = _plus(normal, forward[NORMAL, base[k] + j - 2 * length] + weight)
                for length in range(2, min(LONGEST, i, j) + 1):
                    if _turned(x, i, y, j, length):
                        k = i - length
                        if low[k] <= j - length <= high[k]:
                            weight = model.events[REVERSAL] + _longer(model, length - 2) + close
                            normal = _plus(normal, forward[NORMAL, base[k] + j - length] + weight)
                forward[NORMAL, at] = normal
            if i < m and j > low[i]:
                forward[INSERTING, at] = model.noise[ys[j - 1]] + _plus(
                    forward[NORMAL, at - 1] + model.events[INSERTION], forward[INSERTING, at - 1] + model.extend
                )
    return float(forward[NORMAL, base[m] + len(y)])


@njit(cache=True)
def _longer(model: LogModel, times: int) -> float:
    """Log-probability that a segment goes on so many times."""
    return model.extend * times if times else 0.0  # no product of nothing and minus infinity


@njit(cache=True)
def _count_backward(x: Ints, xs: Ints, y: Ints, ys: Ints, model: LogModel, lattice: PairCells, counts: Counts) -> float:
    """Add to the counts what probably happened, but for the likelihood; the pair's expected number of events.

    `backward` has the likelihood taken off, so that forward + backward is the log-probability of the state.
    """
    low, high, base, forward, same = lattice
    m = len(x)
    backward = np.full(forward.shape, -np.inf)
    last = base[m] + len(y)
    backward[NORMAL, last] = -forward[NORMAL, last]
    total = 0.0
    for i in range(m, -1, -1):
        close = model.end if i < m else 0.0
        copy = model.copy if i < m else model.copy_last
        for j in range(high[i], low[i] - 1, -1):
            at = base[i] + j
            if _alive(forward, backward, INSERTING, at):
                weight = backward[INSERTING, at] + model.noise[ys[j - 1]]
                start = _back(forward, backward, NORMAL, at - 1, weight + model.events[INSERTION])
                more = _back(forward, backward, INSERTING, at - 1, weight + model.extend)
                counts.events[INSERTION] += start
                counts.lengths[0] += more
                counts.noise[ys[j - 1]] += start + more
                total += start
            if not i:
                continue
            normal = backward[NORMAL, at]
            above = base[i - 1] + j
            if _alive(forward, backward, NORMAL, at):
                for state in (DELETING, SUBSTITUTING):
                    ended = _back(forward, backward, state, at, normal + close)
                    counts.lengths[1] += ended if i < m else 0.0
                for length in range(1, min(LONGEST, same[at], j - low[i]) + 1):
                    if _doubled(same, at, length):
                        k = i - length
                        if low[k] <= j - 2 * length <= high[k]:
                            weight = model.events[DUPLICATION] + _longer(model, length - 1) + close
                            happened = _back(forward, backward, NORMAL, base[k] + j - 2 * length, normal + weight)
                            counts.events[DUPLICATION] += happened
                            counts.lengths[0] += (length - 1) * happened
                            counts.lengths[1] += happened if i < m else 0.0
                            total += happened
                for length in range(2, min(LONGEST, i, j) + 1):
                    if _turned(x, i, y, j, length):
                        k = i - length
                        if low[k] <= j - length <= high[k]:
                            weight = model.events[REVERSAL] + _longer(model, length - 2) + close
                            happened = _back(forward, backward, NORMAL, base[k] + j - length, normal + weight)
                            counts.events[REVERSAL] += happened
                            counts.lengths[0] += (length - 2) * happened
                            counts.lengths[1] += happened if i < m else 0.0
                            total += happened
                if same[at]:
                    copy_posterior = _back(forward, backward, NORMAL, above - 1, normal + copy)
                    turned = copy_posterior * model.turned if i == m else 0.0
                    counts.events[REVERSAL] += turned
                    total += turned
                    counts.copies[0] += copy_posterior - turned
                    counts.lengths[1] += _back(forward, backward, INSERTING, above - 1, normal + model.end)
            if _alive(forward, backward, DELETING, at):
                weight = backward[DELETING, at]
                start = _back(forward, backward, NORMAL, above, weight + model.events[DELETION])
                counts.events[DELETION] += start
                counts.lengths[0] += _back(forward, backward, DELETING, above, weight + model.extend)
                total += start
            if _alive(forward, backward, SUBSTITUTING, at):
                weight = backward[SUBSTITUTING, at] + model.replaced[xs[i - 1], ys[j - 1]]
                start = _back(forward, backward, NORMAL, above - 1, weight + model.events[SUBSTITUTION])
                more = _back(forward, backward, SUBSTITUTING, above - 1, weight + model.extend)
                counts.events[SUBSTITUTION] += start
                counts.lengths[0] += more
                counts.replaced[xs[i - 1], ys[j - 1]] += start + more
                total += start
    return total


@njit(cache=True)
def _alive(forward: Doubles, backward: Doubles, state: int, at: int) -> bool:
    """Some way from the start to the end leads through the state."""
    return bool(forward[state, at] > -np.inf and backward[state, at] > -np.inf)


@njit(cache=True)
def _back(forward: Doubles, backward: Doubles, state: int, at: int, weight: float) -> float:
    """Go back to a state by a step of this log-probability; how probably that step was taken."""
    if forward[state, at] == -np.inf or weight == -np.inf:
        return 0.0
    backward[state, at] = _plus(backward[state, at], weight)
    return float(np.exp(forward[state, at] + weight))


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
