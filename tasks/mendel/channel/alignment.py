"""log P(noisy | clean) of the channel for any clean text, and for a clean text with one passage replaced.

The rows of an alignment are the prefixes of the clean text. A row's cells are prefixes of the noisy one, in each mode of
the channel: `forward` holds the score of the best way there (Viterbi), `backward` that of the best way on from there. A
passage is replaced by going on from one forward row with other characters (`step`) and meeting a later backward row
(`meeting`); only a duplication or a reversal across the seam is missed.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numba
import numpy as np

from mendel.channel.costs import DELETION, DUPLICATION, INSERTION, REVERSAL, SUBSTITUTION, Costs
from mendel.models.ngram import Ints
from mendel.models.vocabulary import FIRST_CHARACTER

NORMAL, SUBSTITUTING, INSERTING, DELETING = range(4)
MODES = 4
WIDTH = 64
"""Cells of a row."""
LONGEST = 12
"""Characters of the longest duplication or reversal."""
HOPELESS = 45.0
"""Nats behind its row's best at which a cell is given up."""


class Rows(NamedTuple):
    cells: Any
    """[row, mode, cell], nats"""
    first: Any
    """[row]: the noisy prefix of cell 0"""
    last: Any
    """[row]: the longest noisy prefix that was not given up"""


@numba.njit(cache=True, nogil=True)
def new_rows(count: int) -> Rows:
    return Rows(np.full((count, MODES, WIDTH), -np.inf), np.zeros(count, np.int64), np.zeros(count, np.int64))


@numba.njit(cache=True, nogil=True)
def forward(costs: Costs, x: Ints, text: Ints) -> Rows:
    """All prefixes of a clean text; `x` and `text` are symbols."""
    rows = new_rows(len(text) + 1)
    rows.cells[0, NORMAL, 0] = 0.0
    _insert(costs, x, rows, 0, min(len(x), WIDTH - 1))
    for row in range(1, len(text) + 1):
        step(costs, x, text, rows, row)
    return rows


@numba.njit(cache=True, nogil=True)
def explained(rows: Rows, length: int) -> float:
    """log P of all `length` noisy symbols given the whole clean text, from forward rows; -inf outside of the rows."""
    cell = length - rows.first[-1]
    return float(rows.cells[-1, NORMAL, cell]) if 0 <= cell < WIDTH else -np.inf


@numba.njit(cache=True, nogil=True)
def step(costs: Costs, x: Ints, text: Ints, rows: Rows, row: int) -> None:
    """Fill a row, whose character is text[row - 1], from the rows before it."""
    symbol = text[row - 1]
    before, above = rows.first[row - 1], rows.cells[row - 1]
    first = before
    while first < rows.last[row - 1] and live(above, first - before) == -np.inf:
        first += 1
    rows.first[row] = first
    cells = rows.cells[row]
    cells[:] = -np.inf
    last = min(len(x), first + WIDTH - 1, rows.last[row - 1] + LONGEST + 1)
    for j in range(first, last + 1):
        cell, over = j - first, j - before
        if over < WIDTH:
            event = max(above[NORMAL, over] + costs.start[DELETION], above[DELETING, over] + costs.extend)
            cells[DELETING, cell] = event
        best = cells[DELETING, cell] + costs.end
        if 0 < over <= WIDTH:
            here = x[j - 1]
            if here == symbol:
                best = max(best, above[NORMAL, over - 1] + costs.copy)
            else:
                start = above[NORMAL, over - 1] + costs.start[SUBSTITUTION]
                event = max(start, above[SUBSTITUTING, over - 1] + costs.extend)
                cells[SUBSTITUTING, cell] = event + replacing(costs, symbol, here)
                best = max(best, cells[SUBSTITUTING, cell] + costs.end)
        for length in range(1, min(LONGEST, row, j) + 1):
            source = row - length
            event = costs.end + (length - 1) * costs.extend
            at = j - 2 * length - rows.first[source]
            # The first comparison is made here, since a call takes longer.
            if 0 <= at < WIDTH and x[j - 1] == symbol and _twice(x, j - 2 * length, text, source, length):
                best = max(best, rows.cells[source, NORMAL, at] + event + costs.start[DUPLICATION])
            at += length
            if (
                length > 1
                and 0 <= at < WIDTH
                and x[j - length] == symbol
                and _turned(x, j - length, text, source, length)
            ):
                best = max(best, rows.cells[source, NORMAL, at] + event + costs.start[REVERSAL])
        cells[NORMAL, cell] = best
    _insert(costs, x, rows, row, last)


@numba.njit(cache=True, nogil=True)
def _insert(costs: Costs, x: Ints, rows: Rows, row: int, last: int) -> None:
    """Add the insertions of a row, which do not leave it, and give up what is hopeless."""
    cells, first = rows.cells[row], rows.first[row]
    # What a noisy character costs that is still to be explained: more than a copied one, less than an inserted one.
    to_come = -costs.noise.max() / 2
    best, leader = -np.inf, 0
    for cell in range(last - first + 1):
        if cell:
            event = max(cells[NORMAL, cell - 1] + costs.start[INSERTION], cells[INSERTING, cell - 1] + costs.extend)
            cells[INSERTING, cell] = event + costs.noise[x[first + cell - 1]]
            cells[NORMAL, cell] = max(cells[NORMAL, cell], cells[INSERTING, cell] + costs.end)
        if live(cells, cell) + to_come * cell > best:
            best, leader = live(cells, cell) + to_come * cell, cell
    rows.last[row] = first
    for cell in range(last - first + 1):
        if live(cells, cell) + to_come * cell < best - HOPELESS or cell < leader - (WIDTH - 2 * LONGEST):
            cells[:, cell] = -np.inf
        else:
            rows.last[row] = first + cell


@numba.njit(cache=True, nogil=True)
def backward(costs: Costs, x: Ints, text: Ints, ahead: Rows) -> Rows:
    """log P of the rest of the noisy text given the rest of the clean one, in the cells of its forward rows."""
    rows = Rows(np.full_like(ahead.cells, -np.inf), ahead.first, ahead.last)
    for row in range(len(text), -1, -1):
        first, cells = rows.first[row], rows.cells[row]
        for j in range(min(len(x), first + WIDTH - 1, rows.last[row] + LONGEST), first - 1, -1):
            cell = j - first
            best = 0.0 if row == len(text) and j == len(x) else -np.inf
            inserted = deleted = substituted = -np.inf
            if j < len(x) and cell + 1 < WIDTH:
                inserted = cells[INSERTING, cell + 1] + costs.noise[x[j]]
                best = max(best, inserted + costs.start[INSERTION])
            if row < len(text):
                under = j - rows.first[row + 1]
                if 0 <= under < WIDTH:
                    deleted = rows.cells[row + 1, DELETING, under]
                    best = max(best, deleted + costs.start[DELETION])
                if j < len(x) and 0 <= under + 1 < WIDTH:
                    if x[j] == text[row]:
                        best = max(best, rows.cells[row + 1, NORMAL, under + 1] + costs.copy)
                    else:
                        substituted = rows.cells[row + 1, SUBSTITUTING, under + 1] + replacing(costs, text[row], x[j])
                        best = max(best, substituted + costs.start[SUBSTITUTION])
            for length in range(1, min(LONGEST, len(text) - row, len(x) - j) + 1):
                event = costs.end + (length - 1) * costs.extend
                at = j + 2 * length - rows.first[row + length]
                if (
                    j + 2 * length <= len(x)
                    and 0 <= at < WIDTH
                    and x[j] == text[row]
                    and _twice(x, j, text, row, length)
                ):
                    best = max(best, rows.cells[row + length, NORMAL, at] + event + costs.start[DUPLICATION])
                at = j + length - rows.first[row + length]
                if (
                    length > 1
                    and 0 <= at < WIDTH
                    and x[j + length - 1] == text[row]
                    and _turned(x, j, text, row, length)
                ):
                    best = max(best, rows.cells[row + length, NORMAL, at] + event + costs.start[REVERSAL])
            cells[NORMAL, cell] = best
            cells[INSERTING, cell] = max(best + costs.end, inserted + costs.extend)
            cells[DELETING, cell] = max(best + costs.end, deleted + costs.extend)
            cells[SUBSTITUTING, cell] = max(best + costs.end, substituted + costs.extend)
    return rows


@numba.njit(cache=True, nogil=True)
def meeting(ahead: Rows, row: int, behind: Rows, other: int, first: int = 0, last: int = 2**31) -> float:
    """The best score of going to a forward row and on from a backward row, which may belong to another text.

    Of their cells those from `first` to `last` count.
    """
    best = -np.inf
    first = max(first, ahead.first[row], behind.first[other])
    last = min(last, ahead.last[row], behind.first[other] + WIDTH - 1)
    for j in range(first, last + 1):
        for mode in range(MODES):
            score = ahead.cells[row, mode, j - ahead.first[row]] + behind.cells[other, mode, j - behind.first[other]]
            best = max(best, score)
    return best


@numba.njit(cache=True, nogil=True, inline="always")
def replacing(costs: Costs, clean: int, noisy: int) -> float:
    """log P of a noisy character in the place of another clean one."""
    if clean < FIRST_CHARACTER:
        return -np.inf
    row = costs.confused[clean]
    return float(costs.noise[noisy] if row < 0 else costs.confusion[row, noisy])


@numba.njit(cache=True, nogil=True, inline="always")
def live(cells: Any, cell: int) -> float:
    """The best score of a cell in any mode."""
    best: float = max(
        max(cells[NORMAL, cell], cells[SUBSTITUTING, cell]), max(cells[INSERTING, cell], cells[DELETING, cell])
    )
    return best


@numba.njit(cache=True, nogil=True)
def _twice(x: Ints, j: int, text: Ints, i: int, length: int) -> bool:
    """Whether text[i:i + length] stands at x[j:] two times."""
    for k in range(length):  # noqa: SIM110 (numba compiles no generator)
        if j < 0 or x[j + k] != text[i + k] or x[j + length + k] != text[i + k]:
            return False
    return True


@numba.njit(cache=True, nogil=True)
def _turned(x: Ints, j: int, text: Ints, i: int, length: int) -> bool:
    """Whether text[i:i + length] stands at x[j:] backwards."""
    for k in range(length):  # noqa: SIM110 (numba compiles no generator)
        if x[j + k] != text[i + length - 1 - k]:
            return False
    return True
