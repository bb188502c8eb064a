"""The beam search of the decoder, compiled: from one noisy text to a lattice of clean ones, and its best paths.

Hypotheses are pooled by how much of the input they explain. One is a node of the lattice: a context of the n-gram model
and a mode (between events, or inside a substitution or an insertion). The moves out of a pool are the operations undone:

    copy          the next input character is right
    insertion     drop input characters, one by one
    substitution  drop an input character and invent one, one by one
    deletion      invent up to `max_deletion` characters, then copy
    duplication   drop the second of two equal segments of up to `max_jump` characters
    reversal      turn a segment of up to `max_jump` characters round

Nodes with the same context and mode are one node: of the ways to reach it the best counts, and the others are kept, since
their texts are candidates too. A way whose text equals that of a better one is dropped (texts are compared by hash).

A text comes out as codes: a symbol of the vocabulary that was invented, or -(i + 1) for character i of the input.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from mendel.restoration.ngram import (
    BACKOFF,
    FIRST,
    LAST,
    LOGP,
    NEXT,
    ROOT,
    SUFFIX,
    SYMBOL,
    Doubles,
    Ints,
    Trie,
    advance,
    advance_within,
    find,
)
from mendel.restoration.vocabulary import BEGIN, END, FIRST_CHARACTER, UNKNOWN

NORMAL, SUBSTITUTING, INSERTING, DELETING = range(4)
"""Modes of a node. DELETING ones lie between pools: they have yet to copy the next character."""
COPY, INVENT, DROP, DUPLICATE, REVERSE, CLOSE, FINISH = range(7)
"""Moves of an arc. Its `detail` is the symbol invented, or the length of a segment."""

LONGEST_JUMP = 15
RING = 32
"""Pools open at a time: a duplication reaches 2 * LONGEST_JUMP ahead."""
SEAM = 1.0
"""Nats that the language model is assumed to charge at least for the character after a deletion."""
ROOM = 1 << 14
"""Arcs and nodes that one pool may add; further ones are dropped, which only a huge beam and threshold meet."""
PATHS = 4096
"""Paths put off for the sake of one list of candidates."""
BASE = np.uint64(0x9E3779B97F4A7C15)


class Costs(NamedTuple):
    """The channel by symbol, in nats."""

    copy: float
    start: Doubles
    """[operation], in the order of OPERATIONS"""
    extend: float
    end: float
    noise: Doubles
    """[symbol]: of the symbol as a noise character"""
    likely: Doubles
    """[symbol]: the same, or of the likeliest confusion with it where that is more"""
    confused: Ints
    """[symbol]: row of a clean symbol in `confusion`, or -1"""
    confusion: Doubles
    """[row, symbol]: of the noisy symbol, where the clean one was substituted"""


class Limits(NamedTuple):
    """What the search may try."""

    beam: int
    threshold: float
    lm_weight: float
    max_jump: int
    max_deletion: int
    surprise: float


class Lattice(NamedTuple):
    """All hypotheses of one text. Arcs of a node are a linked list, the best first."""

    state: Ints
    mode: npt.NDArray[np.int8]
    score: Doubles
    hash: npt.NDArray[np.uint64]
    position: Ints
    arcs: Ints
    """First arc into the node, or -1."""
    source: Ints
    """Arc: the node it comes from."""
    arc_score: Doubles
    arc_hash: npt.NDArray[np.uint64]
    move: npt.NDArray[np.int8]
    detail: Ints
    following: Ints
    """Arc: the next one into the same node, or -1."""
    used: npt.NDArray[np.int64]
    """[nodes, arcs]"""


class Pools(NamedTuple):
    """The nodes by input position, for the positions from the current one to RING - 1 ahead."""

    node: Ints
    """[slot, place]"""
    size: Ints
    best: Doubles
    floor: Doubles
    """What a node must score: not worse than the best one by more than the threshold, and among the beam's best so far."""
    table: Ints
    """[slot, hash of state and mode]: node or -1"""


@numba.njit(cache=True, nogil=True)
def _lattice(nodes: int, arcs: int) -> Lattice:
    return Lattice(
        np.empty(nodes, np.int32),
        np.empty(nodes, np.int8),
        np.empty(nodes, np.float64),
        np.empty(nodes, np.uint64),
        np.empty(nodes, np.int32),
        np.empty(nodes, np.int32),
        np.empty(arcs, np.int32),
        np.empty(arcs, np.float64),
        np.empty(arcs, np.uint64),
        np.empty(arcs, np.int8),
        np.empty(arcs, np.int32),
        np.empty(arcs, np.int32),
        np.zeros(2, np.int64),
    )


@numba.njit(cache=True, nogil=True)
def _with_room(old: Lattice) -> Lattice:
    """The lattice, or a larger copy, with room for one more pool."""
    nodes, arcs = old.used
    if nodes + ROOM <= len(old.state) and arcs + ROOM <= len(old.source):
        return old
    new = _lattice(2 * len(old.state), 2 * len(old.source))
    new.state[:nodes] = old.state[:nodes]
    new.mode[:nodes] = old.mode[:nodes]
    new.score[:nodes] = old.score[:nodes]
    new.hash[:nodes] = old.hash[:nodes]
    new.position[:nodes] = old.position[:nodes]
    new.arcs[:nodes] = old.arcs[:nodes]
    new.source[:arcs] = old.source[:arcs]
    new.arc_score[:arcs] = old.arc_score[:arcs]
    new.arc_hash[:arcs] = old.arc_hash[:arcs]
    new.move[:arcs] = old.move[:arcs]
    new.detail[:arcs] = old.detail[:arcs]
    new.following[:arcs] = old.following[:arcs]
    new.used[:] = old.used
    return new


@numba.njit(cache=True, nogil=True, inline="always")
def _new_node(lattice: Lattice, state: int, mode: int, score: float, text: np.uint64, position: int) -> int:
    node = lattice.used[0]
    lattice.used[0] += 1
    lattice.state[node] = state
    lattice.mode[node] = mode
    lattice.score[node] = score
    lattice.hash[node] = text
    lattice.position[node] = position
    lattice.arcs[node] = -1
    return node


@numba.njit(cache=True, nogil=True, inline="always")
def _new_arc(
    lattice: Lattice, source: int, score: float, text: np.uint64, move: int, detail: int, following: int
) -> int:
    arc = lattice.used[1]
    lattice.used[1] += 1
    lattice.source[arc] = source
    lattice.arc_score[arc] = score
    lattice.arc_hash[arc] = text
    lattice.move[arc] = move
    lattice.detail[arc] = detail
    lattice.following[arc] = following
    return arc


@numba.njit(cache=True, nogil=True)
def _join(lattice: Lattice, node: int, source: int, score: float, text: np.uint64, move: int, detail: int) -> None:
    """One more way to reach a node, unless a better one makes the same text."""
    head = lattice.arcs[node]
    before = -1
    arc = head
    while arc >= 0 and lattice.arc_hash[arc] != text:
        before = arc
        arc = lattice.following[arc]
    if arc >= 0:
        if score <= lattice.arc_score[arc]:
            return
        if before < 0:
            head = lattice.following[arc]
        else:
            lattice.following[before] = lattice.following[arc]
    if head < 0 or score > lattice.arc_score[head]:
        lattice.arcs[node] = _new_arc(lattice, source, score, text, move, detail, head)
        lattice.score[node] = score
        lattice.hash[node] = text
    else:
        lattice.arcs[node] = head
        lattice.following[head] = _new_arc(lattice, source, score, text, move, detail, lattice.following[head])


@numba.njit(cache=True, nogil=True)
def _arrive(
    lattice: Lattice,
    pools: Pools,
    threshold: float,
    position: int,
    state: int,
    mode: int,
    score: float,
    text: np.uint64,
    source: int,
    move: int,
    detail: int,
) -> None:
    """Reach (state, mode) at an input position, if the score is within the threshold of the best one there."""
    slot = position % RING
    if score < pools.floor[slot]:
        return
    if lattice.used[1] >= len(lattice.source) or lattice.used[0] >= len(lattice.state):
        return
    if score > pools.best[slot]:
        pools.best[slot] = score
        pools.floor[slot] = max(pools.floor[slot], score - threshold)
    mask = pools.table.shape[1] - 1
    place = ((state * 4 + mode) * 0x9E3779B1 >> 7) & mask
    while True:
        node = pools.table[slot, place]
        if node < 0:
            break
        if lattice.state[node] == state and lattice.mode[node] == mode:
            _join(lattice, node, source, score, text, move, detail)
            return
        place = (place + 1) & mask
    if pools.size[slot] == pools.node.shape[1]:
        _shrink(lattice, pools, slot)
        if score < pools.floor[slot]:
            return
        place = ((state * 4 + mode) * 0x9E3779B1 >> 7) & mask
        while pools.table[slot, place] >= 0:
            place = (place + 1) & mask
    node = _new_node(lattice, state, mode, score, text, position)
    lattice.arcs[node] = _new_arc(lattice, source, score, text, move, detail, -1)
    pools.table[slot, place] = node
    pools.node[slot, pools.size[slot]] = node
    pools.size[slot] += 1


@numba.njit(cache=True, nogil=True)
def _shrink(lattice: Lattice, pools: Pools, slot: int) -> None:
    """Keep the better half of a full pool, which is the beam."""
    size = pools.size[slot]
    cut = _nth_best(lattice, pools.node[slot, :size], size // 2 - 1)
    pools.floor[slot] = max(pools.floor[slot], cut)
    mask = pools.table.shape[1] - 1
    pools.table[slot, :] = -1
    kept = 0
    for i in range(size):
        node = pools.node[slot, i]
        if lattice.score[node] >= cut and kept < size // 2:
            pools.node[slot, kept] = node
            kept += 1
            place = ((lattice.state[node] * 4 + lattice.mode[node]) * 0x9E3779B1 >> 7) & mask
            while pools.table[slot, place] >= 0:
                place = (place + 1) & mask
            pools.table[slot, place] = node
    pools.size[slot] = kept


@numba.njit(cache=True, nogil=True)
def _nth_best(lattice: Lattice, nodes: Ints, n: int) -> float:
    """The score that exactly n nodes beat, but for ties."""
    scores = np.empty(len(nodes), np.float64)
    for i in range(len(nodes)):
        scores[i] = lattice.score[nodes[i]]
    low, high = 0, len(scores) - 1
    while low < high:
        pivot = scores[(low + high) // 2]
        i, j = low, high
        while i <= j:
            while scores[i] > pivot:
                i += 1
            while scores[j] < pivot:
                j -= 1
            if i <= j:
                scores[i], scores[j] = scores[j], scores[i]
                i += 1
                j -= 1
        if n <= j:
            high = j
        elif n >= i:
            low = i
        else:
            break
    return scores[n]


@numba.njit(cache=True, nogil=True)
def _open(pools: Pools, slot: int) -> None:
    """An empty pool."""
    pools.size[slot] = 0
    pools.best[slot] = -np.inf
    pools.floor[slot] = -np.inf
    pools.table[slot, :] = -1


@numba.njit(cache=True, nogil=True, inline="always")
def _extended(text: np.uint64, symbol: int) -> np.uint64:
    return (text + np.uint64(symbol) + np.uint64(1)) * BASE


@numba.njit(cache=True, nogil=True)
def search(trie: Trie, costs: Costs, limits: Limits, x: Ints) -> tuple[Lattice, int]:
    """The lattice of a noisy text (symbols), and its final node."""
    n = len(x)
    cells = 64
    while cells < 4 * limits.beam:
        cells *= 2
    pools = Pools(
        np.empty((RING, 2 * limits.beam), np.int32),
        np.zeros(RING, np.int32),
        np.full(RING, -np.inf),
        np.full(RING, -np.inf),
        np.full((RING, cells), -1, np.int32),
    )
    lattice = _lattice(2 * ROOM, 2 * ROOM)
    threshold = limits.threshold
    weight = limits.lm_weight
    seen = np.zeros(trie.dense.shape[1], np.int64)
    stamp = 0
    frontier = np.empty(ROOM, np.int32)
    bounds = np.empty(RING)
    ahead = np.empty(RING, np.int32)

    start = trie.entries[find(trie, ROOT, BEGIN), NEXT]
    node = _new_node(lattice, start, NORMAL, 0.0, np.uint64(0), 0)
    pools.node[0, 0] = node
    pools.size[0] = 1
    pools.best[0] = 0.0

    for j in range(n + 1):
        slot = j % RING
        lattice = _with_room(lattice)
        # An event that could go on may also end here.
        for i in range(pools.size[slot]):
            node = pools.node[slot, i]
            if lattice.mode[node] != NORMAL:
                _arrive(
                    lattice, pools, threshold, j, lattice.state[node], NORMAL, lattice.score[node] + costs.end,
                    lattice.hash[node], node, CLOSE, 0,
                )  # fmt: skip
        size = pools.size[slot]
        cut = pools.floor[slot]
        if size > limits.beam:
            cut = max(cut, _nth_best(lattice, pools.node[slot, :size], limits.beam - 1))
        alive = 0
        for i in range(size):
            node = pools.node[slot, i]
            if lattice.score[node] >= cut and alive < limits.beam:
                pools.node[slot, alive] = node
                alive += 1
        nodes = pools.node[slot, :alive]
        if j == n:
            break
        here = x[j]

        best = 0
        for i in range(1, alive):
            if lattice.score[nodes[i]] > lattice.score[nodes[best]]:
                best = i
        nodes[0], nodes[best] = nodes[best], nodes[0]
        leader = nodes[0]
        after = (j + 1) % RING
        for node in nodes:
            if lattice.mode[node] == NORMAL:
                least = (pools.floor[after] - lattice.score[node] - costs.copy) / weight
                logp, following = advance_within(trie, lattice.state[node], here, least)
                _arrive(
                    lattice, pools, threshold, j + 1, following, NORMAL, lattice.score[node] + costs.copy + weight * logp,
                    _extended(lattice.hash[node], here), node, COPY, 0,
                )  # fmt: skip
        # Only where the next characters surprise a hypothesis can an event that starts here explain more than it costs.
        opened = 0
        for i in range(alive):
            node = nodes[i]
            if lattice.mode[node] != NORMAL or _surprised(trie, lattice.state[node], x, j, limits.surprise):
                nodes[i], nodes[opened] = nodes[opened], nodes[i]
                opened += 1
        everyone = nodes
        nodes = nodes[:opened]
        if here != UNKNOWN:
            for node in nodes:
                mode = lattice.mode[node]
                if mode == NORMAL or mode == INSERTING:
                    score = (
                        lattice.score[node] + (costs.start[2] if mode == NORMAL else costs.extend) + costs.noise[here]
                    )
                    _arrive(
                        lattice, pools, threshold, j + 1, lattice.state[node], INSERTING, score, lattice.hash[node], node,
                        DROP, 0,
                    )  # fmt: skip
                if mode == NORMAL or mode == SUBSTITUTING:
                    base = lattice.score[node] + (costs.start[1] if mode == NORMAL else costs.extend)
                    stamp += 1
                    _substitute(lattice, pools, trie, costs, limits, node, base, j + 1, here, seen, stamp)
            _jump(lattice, pools, trie, costs, limits, everyone, opened, leader, x, j, bounds, ahead)
        stamp = _delete(lattice, pools, trie, costs, limits, nodes, j, here, seen, stamp, frontier)
        _open(pools, slot)

    nodes = pools.node[n % RING, : pools.size[n % RING]]
    final = _new_node(lattice, 0, NORMAL, -np.inf, np.uint64(0), n)
    for node in nodes:
        if lattice.mode[node] == NORMAL:
            logp, _ = advance(trie, lattice.state[node], END)
            _join(lattice, final, node, lattice.score[node] + weight * logp, lattice.hash[node], FINISH, 0)
    return lattice, final


@numba.njit(cache=True, nogil=True)
def _surprised(trie: Trie, context: int, x: Ints, j: int, surprise: float) -> bool:
    """Whether the next three characters cost the language model this many nats; a text's end always may surprise."""
    if surprise <= 0:
        return True
    for i in range(j, j + 3):
        symbol = x[i] if i < len(x) else END
        logp, context = advance_within(trie, context, symbol, -surprise)
        surprise += logp
        if surprise <= 0:
            return True
        if symbol == END:
            return False
    return False


@numba.njit(cache=True, nogil=True)
def _substitute(
    lattice: Lattice,
    pools: Pools,
    trie: Trie,
    costs: Costs,
    limits: Limits,
    node: int,
    base: float,
    position: int,
    here: int,
    seen: npt.NDArray[np.int64],
    stamp: int,
) -> None:
    """Every symbol that could stand where `here` stands, most probable first in each context down to the root."""
    context = lattice.state[node]
    weight = limits.lm_weight
    while True:
        bound = pools.floor[position % RING]
        for entry in range(trie.contexts[context, FIRST], trie.contexts[context, LAST]):
            logp = base + weight * trie.entry_floats[entry, LOGP]
            if logp + costs.likely[here] < bound:
                break
            symbol = trie.entries[entry, SYMBOL]
            if symbol < FIRST_CHARACTER or seen[symbol] == stamp:
                continue
            seen[symbol] = stamp
            if symbol == here:
                continue
            row = costs.confused[symbol]
            score = logp + (costs.noise[here] if row < 0 else costs.confusion[row, here])
            if score >= bound:
                _arrive(
                    lattice, pools, limits.threshold, position, trie.entries[entry, NEXT], SUBSTITUTING, score,
                    _extended(lattice.hash[node], symbol), node, INVENT, symbol,
                )  # fmt: skip
        base += weight * trie.context_floats[context, BACKOFF]
        if context == ROOT or base + costs.likely[here] < bound:
            return
        context = trie.contexts[context, SUFFIX]


@numba.njit(cache=True, nogil=True)
def _delete(
    lattice: Lattice,
    pools: Pools,
    trie: Trie,
    costs: Costs,
    limits: Limits,
    nodes: Ints,
    j: int,
    here: int,
    seen: npt.NDArray[np.int64],
    stamp: int,
    frontier: Ints,
) -> int:
    """Invent characters before input character j, then copy it. Gives the last stamp used."""
    weight = limits.lm_weight
    threshold = limits.threshold
    slot = (j + 1) % RING
    narrow = (limits.beam + 1) // 2
    first = 0
    last = 0
    for node in nodes:
        if lattice.mode[node] == NORMAL:
            frontier[last] = node
            last += 1
    for depth in range(limits.max_deletion):
        event = costs.start[0] if depth == 0 else costs.extend
        end = last
        least = -np.inf
        if end - first > narrow:
            least = _nth_best(lattice, frontier[first:end], narrow - 1)
        for i in range(first, end):
            node = frontier[i]
            if lattice.score[node] < least:
                continue
            base = lattice.score[node] + event
            context = lattice.state[node]
            stamp += 1
            while True:
                bound = pools.floor[slot] - costs.end - costs.copy + SEAM * weight
                if base < bound:
                    break
                for entry in range(trie.contexts[context, FIRST], trie.contexts[context, LAST]):
                    score = base + weight * trie.entry_floats[entry, LOGP]
                    if score < bound:
                        break
                    symbol = trie.entries[entry, SYMBOL]
                    if symbol < FIRST_CHARACTER or seen[symbol] == stamp:
                        continue
                    seen[symbol] = stamp
                    if (
                        last == len(frontier)
                        or lattice.used[0] + 1 >= len(lattice.state)
                        or lattice.used[1] + 1 >= len(lattice.source)
                    ):
                        return stamp
                    text = _extended(lattice.hash[node], symbol)
                    made = _new_node(lattice, trie.entries[entry, NEXT], DELETING, score, text, j)
                    lattice.arcs[made] = _new_arc(lattice, node, score, text, INVENT, symbol, -1)
                    frontier[last] = made
                    last += 1
                    logp, following = advance_within(trie, trie.entries[entry, NEXT], here, (bound - score) / weight)
                    _arrive(
                        lattice, pools, threshold, j + 1, following, NORMAL,
                        score + costs.end + costs.copy + weight * logp, _extended(text, here), made, COPY, 0,
                    )  # fmt: skip
                base += weight * trie.context_floats[context, BACKOFF]
                if context == ROOT:
                    break
                context = trie.contexts[context, SUFFIX]
        first = end
    return stamp


@numba.njit(cache=True, nogil=True)
def _jump(
    lattice: Lattice,
    pools: Pools,
    trie: Trie,
    costs: Costs,
    limits: Limits,
    nodes: Ints,
    opened: int,
    leader: int,
    x: Ints,
    j: int,
    bounds: Doubles,
    ahead: Ints,
) -> None:
    """Undo duplications and, for the first `opened` nodes, reversals that start at input character j."""
    known = 0
    while known < 2 * limits.max_jump and j + known < len(x) and x[j + known] != UNKNOWN:
        known += 1
    # What the best hypothesis reaches by copying alone bounds what is worth reaching otherwise.
    reached = 0
    ahead[0] = lattice.state[leader]
    bounds[0] = lattice.score[leader] - limits.threshold
    for length in range(1, min(limits.max_jump, known) + 1):
        event = costs.end + (length - 1) * costs.extend
        if 2 * length <= known and _repeats(x, j, length):
            reached = _copy_on(trie, costs, limits, x, j, reached, 2 * length, bounds, ahead)
            bound = max(bounds[2 * length], pools.floor[(j + 2 * length) % RING])
            for node in nodes:
                if lattice.mode[node] == NORMAL:
                    cost = event + costs.start[3]
                    _walk(lattice, pools, trie, limits, node, cost, x, j, 1, length, 2 * length, bound)
        if length > 1 and opened:
            reached = _copy_on(trie, costs, limits, x, j, reached, length, bounds, ahead)
            bound = max(bounds[length], pools.floor[(j + length) % RING])
            for node in nodes[:opened]:
                if lattice.mode[node] == NORMAL:
                    cost = event + costs.start[4]
                    _walk(lattice, pools, trie, limits, node, cost, x, j + length - 1, -1, length, length, bound)


@numba.njit(cache=True, nogil=True)
def _repeats(x: Ints, j: int, length: int) -> bool:
    for i in range(j, j + length):  # noqa: SIM110 (numba compiles no generator)
        if x[i] != x[i + length]:
            return False
    return True


@numba.njit(cache=True, nogil=True)
def _copy_on(
    trie: Trie,
    costs: Costs,
    limits: Limits,
    x: Ints,
    j: int,
    reached: int,
    length: int,
    bounds: Doubles,
    ahead: Ints,
) -> int:
    """Bring `bounds`, the scores of copying on, and `ahead`, the contexts then, from `reached` to `length` characters."""
    for i in range(reached, length):
        logp, ahead[i + 1] = advance(trie, ahead[i], x[j + i])
        bounds[i + 1] = bounds[i] + costs.copy + limits.lm_weight * logp
    return max(reached, length)


@numba.njit(cache=True, nogil=True)
def _walk(
    lattice: Lattice,
    pools: Pools,
    trie: Trie,
    limits: Limits,
    node: int,
    event: float,
    x: Ints,
    at: int,
    step: int,
    length: int,
    taken: int,
    bound: float,
) -> None:
    """Say `length` input characters from `at` on, forwards or backwards, and arrive where `taken` are explained."""
    score = lattice.score[node] + event
    context = lattice.state[node]
    text = lattice.hash[node]
    for _ in range(length):
        if score < bound:
            return
        logp, context = advance_within(trie, context, x[at], (bound - score) / limits.lm_weight)
        score += limits.lm_weight * logp
        text = _extended(text, x[at])
        at += step
    if score >= bound:
        move = DUPLICATE if step > 0 else REVERSE
        _arrive(
            lattice,
            pools,
            limits.threshold,
            lattice.position[node] + taken,
            context,
            NORMAL,
            score,
            text,
            node,
            move,
            length,
        )


# --- Best paths -----------------------------------------------------------------------------------------------------


@numba.njit(cache=True, nogil=True)
def best_texts(lattice: Lattice, final: int, x: Ints, most: int, margin: float) -> Any:
    """Up to `most` distinct texts that end in a node, best first, none worse than the best by more than `margin` nats.

    Gives their scores, the ends of their codes, and the codes, one text after another. A path is the best one but for its
    deviations: at each node where it leaves the best arc it is put off, with the score it will have, until its turn.
    """
    loss = np.empty(PATHS)  # of each path: how far it is from the best one,
    parent = np.empty(PATHS, np.int32)  # the path that it deviates from, or -1,
    where = np.empty(PATHS, np.int32)  # the node at which it does,
    arc_of = np.empty(PATHS, np.int32)  # and by which arc
    heap = np.empty(PATHS, np.int32)
    deviations = np.empty(PATHS, np.int32)
    loss[0] = 0.0
    parent[0] = where[0] = arc_of[0] = -1
    heap[0] = 0
    paths = waiting = 1

    scores = np.empty(most)
    ends = np.empty(most, np.int64)
    hashes = np.empty(most, np.uint64)
    codes = np.empty(2 * len(x) + 64, np.int32)
    line = np.empty(2 * len(x) + 64, np.int32)
    written = found = 0
    while waiting and found < most:
        path = heap[0]
        waiting -= 1
        heap[0] = heap[waiting]
        _sink(heap, waiting, loss)

        depth = 0
        ancestor = path
        while parent[ancestor] >= 0:
            deviations[depth] = ancestor
            depth += 1
            ancestor = parent[ancestor]
        node = final
        length = 0
        text = np.uint64(0)
        while lattice.arcs[node] >= 0:
            arc = lattice.arcs[node]
            if depth and where[deviations[depth - 1]] == node:
                depth -= 1
                arc = arc_of[deviations[depth]]
            elif depth == 0:
                other = lattice.following[arc]
                while other >= 0:
                    worse = loss[path] + lattice.score[node] - lattice.arc_score[other]
                    if worse <= margin and paths < PATHS:
                        loss[paths] = worse
                        parent[paths] = path
                        where[paths] = node
                        arc_of[paths] = other
                        heap[waiting] = paths
                        _swim(heap, waiting, loss)
                        paths += 1
                        waiting += 1
                    other = lattice.following[other]
            if length + LONGEST_JUMP >= len(line):
                line = np.concatenate((line, np.empty_like(line)))
            length = _say(lattice, arc, lattice.position[node], line, length)
            node = lattice.source[arc]
        for i in range(length):
            text = _extended(text, line[i] if line[i] >= 0 else x[-line[i] - 1])
        known = False
        for i in range(found):
            if hashes[i] == text:
                known = True
        if known:
            continue
        scores[found] = lattice.score[final] - loss[path]
        hashes[found] = text
        while written + length > len(codes):
            codes = np.concatenate((codes, np.empty_like(codes)))
        codes[written : written + length] = line[:length][::-1]
        written += length
        ends[found] = written
        found += 1
    return scores[:found], ends[:found], codes[:written]


@numba.njit(cache=True, nogil=True)
def _say(lattice: Lattice, arc: int, position: int, line: Ints, length: int) -> int:
    """Append the codes of an arc into a node at `position`, the last one first."""
    move = lattice.move[arc]
    detail = lattice.detail[arc]
    if move == COPY:
        line[length] = -position
        return length + 1
    if move == INVENT:
        line[length] = detail
        return length + 1
    if move == DUPLICATE:
        for i in range(detail):
            line[length + i] = -(position - i)
        return length + detail
    if move == REVERSE:
        for i in range(detail):
            line[length + i] = -(position - detail + 1 + i)
        return length + detail
    return length


@numba.njit(cache=True, nogil=True)
def _before(loss: Doubles, one: int, other: int) -> bool:
    return loss[one] < loss[other] or (loss[one] == loss[other] and one < other)


@numba.njit(cache=True, nogil=True)
def _swim(heap: Ints, place: int, loss: Doubles) -> None:
    while place and _before(loss, heap[place], heap[(place - 1) // 2]):
        above = (place - 1) // 2
        heap[place], heap[above] = heap[above], heap[place]
        place = above


@numba.njit(cache=True, nogil=True)
def _sink(heap: Ints, size: int, loss: Doubles) -> None:
    place = 0
    while 2 * place + 1 < size:
        below = 2 * place + 1
        if below + 1 < size and _before(loss, heap[below + 1], heap[below]):
            below += 1
        if not _before(loss, heap[below], heap[place]):
            return
        heap[place], heap[below] = heap[below], heap[place]
        place = below
