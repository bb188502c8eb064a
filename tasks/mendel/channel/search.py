"""The beam search of the decoder, compiled: from a noisy text to a lattice of clean ones.

Hypotheses are pooled by how much of the input they explain. The moves out of a pool are the operations undone:

    copy          the next input character is right
    insertion     drop input characters, one by one
    substitution  drop an input character and invent one, one by one
    deletion      invent up to `max_deletion` characters, then copy one
    duplication   say the first of two equal segments, of up to `max_jump` characters each
    reversal      say a segment of up to `max_jump` characters backwards

Three bounds keep this cheap. A pool's floor: the score that is `threshold` nats behind its best, or the last of a full
beam's. Surprise: only a hypothesis that expects little of the next three characters starts an event. And invented
characters come most probable first, so that the first one below the floor ends the list.
"""

from __future__ import annotations

from typing import NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from mendel.channel.costs import DELETION, DUPLICATION, INSERTION, REVERSAL, SUBSTITUTION, Costs
from mendel.channel.lattice import (
    CLOSE,
    COPY,
    DELETING,
    DROP,
    DUPLICATE,
    INSERTING,
    INVENT,
    NORMAL,
    NOTHING,
    REVERSE,
    ROOM,
    SUBSTITUTING,
    Lattice,
    add_arc,
    add_node,
    extended,
    grown,
    has_room,
    is_full,
    new_lattice,
    nth_best,
)
from mendel.models.compiled import kernel
from mendel.models.ngram import ROOT, Doubles, Ints, Trie, advance, advance_within
from mendel.models.vocabulary import END, FIRST_CHARACTER
from mendel.recipes.decoder import LONGEST_JUMP

SLOTS = 2 * LONGEST_JUMP + 2
"""Pools that are open at a time: a duplication reaches this far ahead."""
LOOK_AHEAD = 3
"""Characters that must surprise a hypothesis before it starts an event."""
SEAM = 1.0
"""Nats that the character after a deletion is assumed to cost at least, when deletions are cut short."""


class Limits(NamedTuple):
    """What the search may try; as in DecoderConfig."""

    beam: int
    threshold: float
    lm_weight: float
    max_jump: int
    max_deletion: int
    surprise: float


class Pools(NamedTuple):
    """The nodes by input position, for the current position and the SLOTS - 1 after it."""

    node: Ints
    """[slot, place]"""
    size: Ints
    floor: Doubles
    """[slot]: what a node must score"""
    table: Ints
    """[slot, hash of state and mode]: node or -1"""


class Scratch(NamedTuple):
    seen: npt.NDArray[np.int64]
    """[symbol]: the last enumeration that met it; the last cell counts enumerations"""
    frontier: Ints
    """Nodes to go through: those that may close, then those of the deletions under way"""
    scores: Doubles
    """For choosing the best of many"""
    pool: Ints
    """A copy of a pool's nodes"""
    bound: Doubles
    """[characters]: score of the best hypothesis after copying so many, less the threshold"""
    context: Ints
    """[characters]: its context then"""


class Work(NamedTuple):
    """All that the moves read and write."""

    trie: Trie
    costs: Costs
    limits: Limits
    x: Ints
    lattice: Lattice
    pools: Pools
    scratch: Scratch


@numba.njit(cache=True, nogil=True)
def search(trie: Trie, costs: Costs, limits: Limits, x: Ints, first: int, last: int, state: int) -> tuple[Lattice, int]:
    """The lattice of the input's symbols x[first:last], from a context on, and its best NORMAL node at the end."""
    cells = 64
    while cells < 4 * limits.beam:
        cells *= 2
    pools = Pools(
        np.empty((SLOTS, 2 * limits.beam), np.int32),
        np.zeros(SLOTS, np.int32),
        np.full(SLOTS, -np.inf),
        np.full((SLOTS, cells), -1, np.int32),
    )
    scratch = Scratch(
        np.zeros(trie.dense.shape[1] + 1, np.int64),
        np.empty(ROOM, np.int32),
        np.empty(max(ROOM, 2 * limits.beam)),
        np.empty(2 * limits.beam, np.int32),
        np.empty(2 * LONGEST_JUMP + 1),
        np.empty(2 * LONGEST_JUMP + 1, np.int32),
    )
    lattice = new_lattice()
    pools.node[first % SLOTS, 0] = add_node(lattice, np.int32(state), NORMAL, first, 0.0, np.uint64(0))
    pools.size[first % SLOTS] = 1
    j = _sweep(Work(trie, costs, limits, x, lattice, pools, scratch), first, last)
    while j < last:
        lattice = grown(lattice)
        j = _sweep(Work(trie, costs, limits, x, lattice, pools, scratch), j, last)
    return lattice, _end(Work(trie, costs, limits, x, lattice, pools, scratch), last)


@kernel
def _sweep(work: Work, first: int, last: int) -> int:
    """Search from one input position on; gives the one that is reached, which is the last unless the lattice is full."""
    pools = work.pools
    for j in range(first, last):
        if not has_room(work.lattice):
            return j
        _close(work, j)
        nodes = pools.node[j % SLOTS, : _keep_best(work, j)]
        _copy(work, nodes, j)
        opened = _partition(work, nodes, j)
        if work.x[j] != END:
            for node in nodes[:opened]:
                _drop(work, node, j)
                _substitute(work, node, j)
            _jump(work, nodes, opened, j, last)
        if opened:
            _delete(work, nodes[:opened], j)
        _empty(pools, j)
    return last


@kernel
def _end(work: Work, last: int) -> int:
    """The best NORMAL node behind the last input character."""
    _close(work, last)
    end = np.int32(-1)
    for place in range(work.pools.size[last % SLOTS]):
        node = work.pools.node[last % SLOTS, place]
        one = work.lattice.nodes[node]
        if one.mode == NORMAL and (end < 0 or one.score > work.lattice.nodes[end].score):
            end = node
    return end


# --- Pools ----------------------------------------------------------------------------------------------------------


@kernel
def _arrive(
    work: Work,
    position: int,
    state: int,
    mode: int,
    score: float,
    text: np.uint64,
    source: int,
    move: int,
    detail: int,
) -> None:
    """Reach (state, mode) at an input position by a move, if the score is not below the floor there."""
    lattice, pools, threshold = work.lattice, work.pools, work.limits.threshold
    slot = position % SLOTS
    if not score >= pools.floor[slot] or is_full(lattice):
        return
    place = _place(pools, slot, state, mode)
    while pools.table[slot, place] >= 0:
        occupant = pools.table[slot, place]
        if lattice.nodes[occupant].state == state and lattice.nodes[occupant].mode == mode:
            add_arc(lattice, occupant, source, score, text, move, detail)
            pools.floor[slot] = max(pools.floor[slot], score - threshold)
            return
        place = (place + 1) & (pools.table.shape[1] - 1)
    if pools.size[slot] == pools.node.shape[1]:
        _halve(work, slot)
        if score < pools.floor[slot]:
            return
    node = add_node(lattice, state, mode, position, score, text)
    add_arc(lattice, node, source, score, text, move, detail)
    _put(lattice, pools, slot, node)
    pools.floor[slot] = max(pools.floor[slot], score - threshold)


@kernel
def _place(pools: Pools, slot: int, state: int, mode: int) -> int:
    return ((state * 4 + mode) * 0x9E3779B1 >> 7) & (pools.table.shape[1] - 1)


@kernel
def _put(lattice: Lattice, pools: Pools, slot: int, node: int) -> None:
    place = _place(pools, slot, lattice.nodes[node].state, lattice.nodes[node].mode)
    while pools.table[slot, place] >= 0:
        place = (place + 1) & (pools.table.shape[1] - 1)
    pools.table[slot, place] = node
    pools.node[slot, pools.size[slot]] = node
    pools.size[slot] += 1


@kernel
def _halve(work: Work, slot: int) -> None:
    """Keep the better half of a full pool, which is a full beam; what comes later has to beat its last."""
    lattice, pools, nodes = work.lattice, work.pools, work.scratch.pool
    for place in range(len(nodes)):
        nodes[place] = pools.node[slot, place]
    half = len(nodes) // 2
    cut = nth_best(lattice, nodes, half - 1, work.scratch.scores)
    pools.floor[slot] = max(pools.floor[slot], cut)
    pools.table[slot, :] = -1
    pools.size[slot] = 0
    for node in nodes:
        if lattice.nodes[node].score >= cut and pools.size[slot] < half:
            _put(lattice, pools, slot, node)


@kernel
def _empty(pools: Pools, position: int) -> None:
    slot = position % SLOTS
    pools.size[slot] = 0
    pools.floor[slot] = -np.inf
    pools.table[slot, :] = -1


@kernel
def _keep_best(work: Work, j: int) -> int:
    """Bring the pool's nodes that stay in the beam to its front, the best first; gives how many."""
    lattice, pools = work.lattice, work.pools
    slot = j % SLOTS
    nodes = pools.node[slot, : pools.size[slot]]
    cut = pools.floor[slot]
    if len(nodes) > work.limits.beam:
        cut = max(cut, nth_best(lattice, nodes, work.limits.beam - 1, work.scratch.scores))
    count = 0
    for node in nodes:
        if lattice.nodes[node].score >= cut and count < work.limits.beam:
            nodes[count] = node
            if lattice.nodes[node].score > lattice.nodes[nodes[0]].score:
                nodes[0], nodes[count] = nodes[count], nodes[0]
            count += 1
    return count


# --- Moves ----------------------------------------------------------------------------------------------------------


@kernel
def _close(work: Work, j: int) -> None:
    """End the insertions and substitutions that may end before input character j."""
    lattice, pools = work.lattice, work.pools
    slot = j % SLOTS
    size = pools.size[slot]
    nodes = work.scratch.frontier
    for place in range(size):
        nodes[place] = pools.node[slot, place]
    for node in nodes[:size]:
        one = lattice.nodes[node]
        if one.mode != NORMAL:
            score = one.score + work.costs.end
            _arrive(work, j, one.state, NORMAL, score, one.text, node, CLOSE, NOTHING)


@kernel
def _copy(work: Work, nodes: Ints, j: int) -> None:
    """Take input character j as it is."""
    lattice, pools, limits = work.lattice, work.pools, work.limits
    here = work.x[j]
    cost = _copying(work.costs, here)
    for node in nodes:
        one = lattice.nodes[node]
        if one.mode == NORMAL:
            base = one.score + cost
            least = (pools.floor[(j + 1) % SLOTS] - base) / limits.lm_weight
            logp, state = advance_within(work.trie, one.state, here, least)
            score = base + limits.lm_weight * logp
            text = extended(one.text, here)
            _arrive(work, j + 1, state, NORMAL, score, text, node, COPY, NOTHING)


@kernel
def _copying(costs: Costs, symbol: int) -> float:
    """No event can start at the end of a text."""
    return costs.copy if symbol != END else 0.0


@kernel
def _partition(work: Work, nodes: Ints, j: int) -> int:
    """Bring the hypotheses that may start or continue an event at input character j to the front; gives how many."""
    opened = 0
    for i in range(len(nodes)):
        one = work.lattice.nodes[nodes[i]]
        if one.mode != NORMAL or _surprises(work.trie, one.state, work.x, j, work.limits.surprise):
            nodes[i], nodes[opened] = nodes[opened], nodes[i]
            opened += 1
    return opened


@kernel
def _surprises(trie: Trie, context: int, x: Ints, j: int, surprise: float) -> bool:
    """Whether the next characters cost the language model this many nats."""
    for i in range(j, min(j + LOOK_AHEAD, len(x))):
        logp, context = advance_within(trie, context, x[i], -surprise)
        surprise += logp
        if surprise <= 0:
            return True
    return surprise <= 0


@kernel
def _drop(work: Work, node: int, j: int) -> None:
    """Insertion: leave input character j out."""
    costs = work.costs
    one = work.lattice.nodes[node]
    if one.mode in (NORMAL, INSERTING):
        event = costs.start[INSERTION] if one.mode == NORMAL else costs.extend
        score = one.score + event + costs.noise[work.x[j]]
        _arrive(work, j + 1, one.state, INSERTING, score, one.text, node, DROP, NOTHING)


@kernel
def _substitute(work: Work, node: int, j: int) -> None:
    """Substitution: invent any other character for input character j."""
    trie, costs, limits, seen = work.trie, work.costs, work.limits, work.scratch.seen
    lattice, pools = work.lattice, work.pools
    one = lattice.nodes[node]
    if one.mode not in (NORMAL, SUBSTITUTING):
        return
    here = work.x[j]
    base = one.score + (costs.start[SUBSTITUTION] if one.mode == NORMAL else costs.extend)
    context = one.state
    seen[-1] += 1
    seen[here] = seen[-1]
    while base + costs.likely[here] >= pools.floor[(j + 1) % SLOTS]:
        for i in range(trie.contexts[context].first, trie.contexts[context].last):
            entry = trie.entries[i]
            score = base + limits.lm_weight * entry.logp
            if score + costs.likely[here] < pools.floor[(j + 1) % SLOTS]:
                break
            symbol = entry.symbol
            if symbol < FIRST_CHARACTER or seen[symbol] == seen[-1]:
                continue
            seen[symbol] = seen[-1]
            row = costs.confused[symbol]
            score += costs.noise[here] if row < 0 else costs.confusion[row, here]
            text = extended(one.text, symbol)
            _arrive(work, j + 1, entry.next, SUBSTITUTING, score, text, node, INVENT, symbol)
        if context == ROOT:
            return
        base += limits.lm_weight * trie.contexts[context].backoff
        context = trie.contexts[context].suffix


@kernel
def _delete(work: Work, nodes: Ints, j: int) -> None:
    """Deletion: invent characters, then copy input character j. Each length is cut to half a beam of its own."""
    trie, costs, limits, seen = work.trie, work.costs, work.limits, work.scratch.seen
    lattice, pools, frontier = work.lattice, work.pools, work.scratch.frontier
    here = work.x[j]
    ahead = (j + 1) % SLOTS
    narrow = (limits.beam + 1) // 2
    after = costs.end + _copying(costs, here)
    first = last = 0
    for node in nodes:
        if lattice.nodes[node].mode == NORMAL:
            frontier[last] = node
            last += 1
    for depth in range(limits.max_deletion):
        event = costs.start[DELETION] if depth == 0 else costs.extend
        end = last
        cut = (
            nth_best(lattice, frontier[first:end], narrow - 1, work.scratch.scores) if end - first > narrow else -np.inf
        )
        for node in frontier[first:end]:
            one = lattice.nodes[node]
            if one.score < cut:
                continue
            base = one.score + event
            context = one.state
            seen[-1] += 1
            while True:
                floor = pools.floor[ahead] - after + limits.lm_weight * SEAM
                if base < floor:
                    break
                for i in range(trie.contexts[context].first, trie.contexts[context].last):
                    entry = trie.entries[i]
                    score = base + limits.lm_weight * entry.logp
                    if score < floor:
                        break
                    symbol = entry.symbol
                    if symbol < FIRST_CHARACTER or seen[symbol] == seen[-1]:
                        continue
                    seen[symbol] = seen[-1]
                    if last == len(frontier) or is_full(lattice):
                        return
                    text = extended(one.text, symbol)
                    child = add_node(lattice, entry.next, DELETING, j, score, text)
                    add_arc(lattice, child, node, score, text, INVENT, symbol)
                    frontier[last] = child
                    last += 1
                    score += after
                    least = (pools.floor[ahead] - score) / limits.lm_weight
                    logp, state = advance_within(trie, entry.next, here, least)
                    score += limits.lm_weight * logp
                    text = extended(text, here)
                    _arrive(work, j + 1, state, NORMAL, score, text, child, COPY, NOTHING)
                if context == ROOT:
                    break
                base += limits.lm_weight * trie.contexts[context].backoff
                context = trie.contexts[context].suffix
        first = end


@kernel
def _jump(work: Work, nodes: Ints, opened: int, j: int, last: int) -> None:
    """Undo duplications that start at input character j, and reversals where the first `opened` nodes are surprised.

    Pools so far ahead have no floor yet: what copying on from the best node would score stands in for their best.
    """
    costs, limits, x, scratch = work.costs, work.limits, work.x, work.scratch
    leader = work.lattice.nodes[nodes[0]]
    for node in nodes:
        if work.lattice.nodes[node].score > leader.score:
            leader = work.lattice.nodes[node]
    scratch.bound[0] = leader.score - limits.threshold
    scratch.context[0] = leader.state
    reached = ahead = 0
    while ahead < 2 * limits.max_jump and j + ahead < last and x[j + ahead] >= FIRST_CHARACTER:
        ahead += 1
    for length in range(1, min(limits.max_jump, ahead) + 1):
        event = costs.end + (length - 1) * costs.extend
        if 2 * length <= ahead and _repeats(x, j, length):
            reached = _copy_on(work, j, reached, 2 * length)
            for node in nodes:
                _walk(work, node, j, length, DUPLICATE, event + costs.start[DUPLICATION])
        if length > 1 and opened:
            reached = _copy_on(work, j, reached, length)
            for node in nodes[:opened]:
                _walk(work, node, j, length, REVERSE, event + costs.start[REVERSAL])


@kernel
def _repeats(x: Ints, j: int, length: int) -> bool:
    for i in range(j, j + length):
        if x[i] != x[i + length]:
            return False
    return True


@kernel
def _copy_on(work: Work, j: int, reached: int, length: int) -> int:
    """Fill scratch.bound and scratch.context up to `length` characters from j; they are filled up to `reached`."""
    bound, context = work.scratch.bound, work.scratch.context
    for i in range(reached, length):
        logp, context[i + 1] = advance(work.trie, context[i], work.x[j + i])
        bound[i + 1] = bound[i] + work.costs.copy + work.limits.lm_weight * logp
    return max(reached, length)


@kernel
def _walk(work: Work, node: int, j: int, length: int, move: int, event: float) -> None:
    """Say `length` input characters from j on, forwards for a duplication, backwards for a reversal."""
    trie, pools, limits, x = work.trie, work.pools, work.limits, work.x
    one = work.lattice.nodes[node]
    if one.mode != NORMAL:
        return
    span = 2 * length if move == DUPLICATE else length
    bound = max(work.scratch.bound[span], pools.floor[(j + span) % SLOTS])
    score = one.score + event
    context = one.state
    text = one.text
    for i in range(length):
        if not score >= bound:
            return
        symbol = x[j + i] if move == DUPLICATE else x[j + length - 1 - i]
        logp, context = advance_within(trie, context, symbol, (bound - score) / limits.lm_weight)
        score += limits.lm_weight * logp
        text = extended(text, symbol)
    _arrive(work, j + span, context, NORMAL, score, text, node, move, np.int32(length))
