"""All ways the search found to read a text, in one graph, and the best texts among them.

A node is a hypothesis: a context of the n-gram model and a mode, at a position of the input. An arc is a move that leads to
it. Where hypotheses meet, the best decides the node's score and the others stay as further arcs: their texts are candidates
too. Of arcs whose best texts are the same, only the best is kept (texts are compared by hash).

A text comes out as codes: a symbol that was invented, or -(i + 1) for character i of the input.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numba
import numpy as np
import numpy.typing as npt

from mendel.models.compiled import kernel
from mendel.models.ngram import Doubles, Ints
from mendel.recipes.decoder import LONGEST_JUMP

NORMAL, SUBSTITUTING, INSERTING, DELETING = np.arange(4, dtype=np.int32)
"""Modes: between events, or inside one. DELETING nodes have yet to copy the next character."""
COPY, INVENT, DROP, DUPLICATE, REVERSE, CLOSE = np.arange(6, dtype=np.int32)
"""Moves. An arc's `detail` is the symbol invented or the length of the segment."""
NOTHING = np.int32(0)
"""The detail of the other moves. Like modes and moves no literal: numba would compile the callers' callees for each one."""
Integer = int | np.int32

ROOM = 1 << 14
"""Arcs, and nodes, that one position may add; what comes later is dropped, which only a huge beam and threshold meet."""
PATHS = 4096
"""Paths looked at for one list of texts."""

NODE = np.dtype(
    [("score", "f8"), ("text", "u8"), ("state", "i4"), ("mode", "i4"), ("position", "i4"), ("arc", "i4")], align=True
)
"""`text`: hash of the best text so far. `arc`: the best arc into the node, or -1."""
ARC = np.dtype(
    [("score", "f8"), ("text", "u8"), ("source", "i4"), ("move", "i4"), ("detail", "i4"), ("next", "i4")], align=True
)
"""`score` and `text` are those of the node if this were its best arc. `next`: another arc into the same node, or -1."""


class Lattice(NamedTuple):
    nodes: Any
    arcs: Any
    used: npt.NDArray[np.int64]
    """How many nodes and how many arcs there are."""


@numba.njit(cache=True, nogil=True)
def new_lattice() -> Lattice:
    return Lattice(np.empty(2 * ROOM, NODE), np.empty(2 * ROOM, ARC), np.zeros(2, np.int64))


@kernel
def has_room(lattice: Lattice) -> bool:
    """Whether one more position fits."""
    return lattice.used[0] + ROOM <= len(lattice.nodes) and lattice.used[1] + ROOM <= len(lattice.arcs)


@numba.njit(cache=True, nogil=True)
def grown(lattice: Lattice) -> Lattice:
    """A copy twice as large."""
    nodes = np.empty(2 * len(lattice.nodes), NODE)
    arcs = np.empty(2 * len(lattice.arcs), ARC)
    nodes[: len(lattice.nodes)] = lattice.nodes
    arcs[: len(lattice.arcs)] = lattice.arcs
    return Lattice(nodes, arcs, lattice.used)


@kernel
def is_full(lattice: Lattice) -> bool:
    return lattice.used[0] >= len(lattice.nodes) or lattice.used[1] >= len(lattice.arcs)


@kernel
def add_node(lattice: Lattice, state: Integer, mode: Integer, position: int, score: float, text: np.uint64) -> int:
    node = np.int32(lattice.used[0])
    lattice.used[0] += 1
    new = lattice.nodes[node]
    new.score = score
    new.text = text
    new.state = state
    new.mode = mode
    new.position = position
    new.arc = -1
    return node


@kernel
def add_arc(
    lattice: Lattice, node: int, source: int, score: float, text: np.uint64, move: Integer, detail: Integer
) -> None:
    """One more way to reach a node, unless a better one makes the same text."""
    target = lattice.nodes[node]
    before = -1
    same = target.arc
    while same >= 0 and lattice.arcs[same].text != text:
        before = same
        same = lattice.arcs[same].next
    if same >= 0:
        if score <= lattice.arcs[same].score:
            return
        if before < 0:
            target.arc = lattice.arcs[same].next
        else:
            lattice.arcs[before].next = lattice.arcs[same].next

    arc = lattice.used[1]
    lattice.used[1] += 1
    new = lattice.arcs[arc]
    new.score = score
    new.text = text
    new.source = source
    new.move = move
    new.detail = detail
    best = target.arc
    if best < 0 or score > lattice.arcs[best].score:
        new.next = best
        target.arc = arc
        target.score = score
        target.text = text
    else:
        new.next = lattice.arcs[best].next
        lattice.arcs[best].next = arc


@kernel
def extended(text: np.uint64, symbol: int) -> np.uint64:
    """The hash of a text and one more symbol."""
    return (text + np.uint64(symbol) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)


@kernel
def nth_best(lattice: Lattice, nodes: Ints, n: int, scores: Doubles) -> float:
    """The score that n of the nodes beat, but for ties. `scores`: room for those of all nodes."""
    for i in range(len(nodes)):
        scores[i] = lattice.nodes[nodes[i]].score
    low, high = 0, len(nodes) - 1
    while low < high:  # quickselect [Hoare 1961]
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


@kernel
def last_normal(lattice: Lattice, end: int, position: int) -> int:
    """On the best path to a NORMAL node, the earliest NORMAL node that is not before an input position."""
    earliest = end
    node = end
    while lattice.nodes[node].position >= position and lattice.nodes[node].arc >= 0:
        if lattice.nodes[node].mode == NORMAL:
            earliest = node
        node = lattice.arcs[lattice.nodes[node].arc].source
    return earliest


@numba.njit(cache=True, nogil=True)
def best_texts(lattice: Lattice, end: int, x: Ints, most: int, margin: float) -> Any:
    """Up to `most` distinct texts that lead to a node, best first, none further than `margin` nats from the best.

    Gives their scores, where the codes of each end, and all codes in one array. A path is the best path but for its
    deviations. Each costs what its arc's score lacks to the node's, so paths come in the order of their losses from a heap,
    as in the lazy k-best search of Huang & Chiang 2005, "Better k-best parsing".
    """
    loss = np.empty(PATHS)
    parent = np.empty(PATHS, np.int32)  # the path that it deviates from, or -1,
    where = np.empty(PATHS, np.int32)  # the node at which it does,
    arc_of = np.empty(PATHS, np.int32)  # and the arc that it takes there
    heap = np.empty(PATHS, np.int32)
    deviations = np.empty(PATHS, np.int32)
    loss[0] = 0.0
    parent[0] = where[0] = arc_of[0] = -1
    heap[0] = 0
    paths = waiting = 1

    scores = np.empty(most)
    ends = np.empty(most, np.int64)
    texts = np.empty(most, np.uint64)
    codes = np.empty(2 * len(x) + 64, np.int32)
    line = np.empty(2 * len(x) + 64, np.int32)
    written = count = 0
    while waiting and count < most:
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
        length = 0
        node = end
        while lattice.nodes[node].arc >= 0:
            arc = lattice.nodes[node].arc
            if depth and where[deviations[depth - 1]] == node:
                depth -= 1
                arc = arc_of[deviations[depth]]
            elif depth == 0:
                other = lattice.arcs[arc].next
                while other >= 0:
                    worse = loss[path] + lattice.nodes[node].score - lattice.arcs[other].score
                    if worse <= margin and paths < PATHS:
                        loss[paths] = worse
                        parent[paths] = path
                        where[paths] = node
                        arc_of[paths] = other
                        heap[waiting] = paths
                        _swim(heap, waiting, loss)
                        paths += 1
                        waiting += 1
                    other = lattice.arcs[other].next
            if length + LONGEST_JUMP >= len(line):
                line = np.concatenate((line, np.empty_like(line)))
            length = _say(lattice, arc, lattice.nodes[node].position, line, length)
            node = lattice.arcs[arc].source

        text = np.uint64(0)
        for i in range(length):
            text = extended(text, line[i] if line[i] >= 0 else x[-line[i] - 1])
        is_duplicate = False
        for i in range(count):
            is_duplicate = is_duplicate or texts[i] == text
        if is_duplicate:
            continue
        while written + length > len(codes):
            codes = np.concatenate((codes, np.empty_like(codes)))
        codes[written : written + length] = line[:length][::-1]
        written += length
        scores[count] = lattice.nodes[end].score - loss[path]
        ends[count] = written
        texts[count] = text
        count += 1
    return scores[:count], ends[:count], codes[:written]


@kernel
def _say(lattice: Lattice, arc: int, position: int, line: Ints, length: int) -> int:
    """Append the codes of an arc into a node at `position`, the last one first; gives the new length."""
    move = lattice.arcs[arc].move
    detail = lattice.arcs[arc].detail
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


@kernel
def _before(loss: Doubles, one: int, other: int) -> bool:
    return loss[one] < loss[other] or (loss[one] == loss[other] and one < other)


@kernel
def _swim(heap: Ints, place: int, loss: Doubles) -> None:
    while place and _before(loss, heap[place], heap[(place - 1) // 2]):
        above = (place - 1) // 2
        heap[place], heap[above] = heap[above], heap[place]
        place = above


@kernel
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
