"""A character n-gram language model: interpolated Kneser-Ney in a trie of flat arrays.

The smoothing is modified Kneser-Ney (Chen & Goodman 1999, "An empirical study of smoothing techniques for language
modeling"), with one generalisation: every text may carry a weight. An n-gram then has a count n, which chooses its
discount D(n) as usual, and a weight W, the sum over its occurrences; the share D(n)/n of W is given to the back-off. With
equal weights this is the standard model, and the discounts, estimated from counts of counts, never see the weights.

The trie holds one record for each n-gram and for each context, which is an n-gram that has kept extensions, so that a
look-up touches few cache lines. A language-model state is one integer, the index of a context; 0 is the empty one.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any, NamedTuple

import numba
import numpy as np
import numpy.typing as npt
from safetensors.numpy import save_file

from mendel.core.errors import InputError
from mendel.models.compiled import kernel
from mendel.models.vocabulary import BEGIN, END, Vocabulary

Ints = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]

ROOT = np.int32(0)
"""The empty context; an int32 as all contexts in compiled code, since numba compiles a function anew for each literal."""
DENSE_CELLS = 1 << 20
"""Size of the dense table: 4 MB hold all contexts of up to two ASCII characters and stay in a CPU's cache."""
FORMAT = "mendel-ngram-1"


CONTEXT = np.dtype([("first", "<i4"), ("last", "<i4"), ("suffix", "<i4"), ("backoff", "<f4")])
"""`first` … `last` - 1: its entries, most probable first. `suffix`: the context without its oldest symbol; the root is its
own. `backoff`: log of the probability that it leaves to its suffix."""
ENTRY = np.dtype([("symbol", "<i4"), ("logp", "<f4"), ("next", "<i4")])
"""A symbol in a context, its interpolated log-probability in nats, and the context after it: the longest suffix of the
extended n-gram that is one."""
RECORDS = {"contexts": CONTEXT, "entries": ENTRY}


class Trie(NamedTuple):
    """An n-gram model as compiled code takes it."""

    contexts: Any
    """[context], CONTEXT records, short ones first"""
    entries: Any
    """[n-gram], ENTRY records"""
    dense: Ints
    """[context, symbol]: the entry, or -1, for the shortest contexts"""


@dataclass(frozen=True)
class CharNgram:
    """P(text) over code points, begin and end included. Immutable; safe to use from several threads."""

    order: int
    vocabulary: Vocabulary
    trie: Trie

    @classmethod
    def fit(
        cls,
        texts: Sequence[str],
        *,
        order: int = 11,
        weights: Sequence[float] | None = None,
        prune_from: int = 8,
        minimum_character_count: int = 1,
    ) -> CharNgram:
        """Fit to texts, each a sequence of its own.

        `weights`: how much each text counts, e.g. more for recent ones; only their ratios matter. `prune_from`: n-grams of
        this length on that occur once are left out. Characters rarer than `minimum_character_count` are unknown ones.
        Raises InputError without any text, and on a weight that is not positive.
        """
        if not any(texts):
            raise InputError("an n-gram model needs at least one text that is not empty")
        if not 1 <= order <= 32:
            raise InputError(f"the order of the n-gram model is {order}; choose 1 to 32")
        weight = np.ones(len(texts)) if weights is None else np.array(weights, np.float64)
        if len(weight) != len(texts) or not np.all(np.isfinite(weight)) or np.any(weight <= 0):
            raise InputError(f"the n-gram model needs one positive weight for each of the {len(texts)} texts")
        vocabulary = Vocabulary.of(texts, minimum_count=minimum_character_count)
        corpus = _Corpus.of(texts, weight / weight.mean(), vocabulary)
        return cls(order, vocabulary, _trie(_count(corpus, order, prune_from)))

    def log_probability(self, text: str) -> float:
        """log P(text) in nats, the end included; characters outside the vocabulary count as one unknown symbol."""
        return float(read(self.trie, begin(self.trie), np.append(self.vocabulary.encode(text), np.int32(END))))

    def log_probabilities(self, text: str) -> Doubles:
        """[character + 1]: log-probability of each character behind those before it, nats; the end's is the last."""
        return read_singly(self.trie, begin(self.trie), np.append(self.vocabulary.encode(text), np.int32(END)))

    def bits_per_character(self, texts: Sequence[str]) -> float:
        """Cross-entropy in bits, spread over the characters and the end of each text."""
        symbols = sum(len(text) + 1 for text in texts)
        if not symbols:
            raise InputError("bits per character of no text: give at least one")
        return -sum(map(self.log_probability, texts)) / symbols / math.log(2)

    def save(self, path: str | PathLike[str]) -> None:
        """Write one safetensors file."""
        trie = self.trie
        tensors = {name: getattr(trie, name).view(np.int32).reshape(-1, len(RECORDS[name])) for name in RECORDS}
        tensors |= {"dense": trie.dense, "code_points": self.vocabulary.code_points}
        # One entry: several are written in no fixed order, and digests would differ.
        save_file(tensors, path, {FORMAT: str(self.order)})

    @classmethod
    def load(cls, path: str | PathLike[str]) -> CharNgram:
        """Map a file of `save` into memory: pages are read when they are first used, and shared between processes."""
        tensors, metadata = _map(Path(path))
        if FORMAT not in metadata:
            raise InputError(f"{path}: found {metadata}, expected the format {FORMAT!r}: fit the n-gram model anew")
        records = {name: tensors[name].reshape(-1).view(dtype) for name, dtype in RECORDS.items()}
        trie = Trie(dense=tensors["dense"], **records)
        return cls(int(metadata[FORMAT]), Vocabulary(tensors["code_points"]), trie)


def _map(path: Path) -> tuple[dict[str, Any], dict[str, str]]:
    """The tensors of a safetensors file as copy-on-write views (its own reader copies), and its metadata."""
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            header = json.loads(file.read(length))
        data = np.memmap(path, np.uint8, mode="c", offset=8 + length)
        metadata = header.pop("__metadata__", {})
        tensors = {
            name: np.asarray(data[slice(*entry["data_offsets"])]).view(np.int32).reshape(entry["shape"])
            for name, entry in header.items()
        }
    except (ValueError, KeyError, OverflowError, MemoryError) as error:
        raise InputError(f"{path}: not a readable n-gram model: {error}") from error
    return tensors, metadata


# --- Counting: the n-grams of each length are found by sorting (n-gram one shorter, next symbol) --------------------


@dataclass(frozen=True)
class _Corpus:
    """All texts in one array, BEGIN and END around each."""

    symbols: Ints
    tail_length: Ints
    """At each position, the symbols from there to the end of its text."""
    weight: Doubles
    """At each position, the weight of its text."""
    size: int
    """Symbols in the vocabulary."""

    @classmethod
    def of(cls, texts: Sequence[str], weight: Doubles, vocabulary: Vocabulary) -> _Corpus:
        lengths = np.array([len(text) for text in texts], np.int64) + 2
        starts = np.concatenate(([0], np.cumsum(lengths)))
        if starts[-1] >= 1 << 31:
            raise InputError(
                f"{starts[-1]} characters of text; the n-gram model takes fewer than 2^31: use fewer texts"
            )
        symbols = np.empty(starts[-1], np.int32)
        inside = np.ones(starts[-1], np.bool_)
        inside[starts[:-1]] = inside[starts[1:] - 1] = False
        symbols[starts[:-1]] = BEGIN
        symbols[starts[1:] - 1] = END
        symbols[inside] = vocabulary.encode("".join(texts))
        tail_length = np.repeat(starts[1:], lengths) - np.arange(starts[-1])
        return cls(symbols, tail_length.astype(np.int32), np.repeat(weight, lengths), len(vocabulary))


class _Level(NamedTuple):
    """The kept n-grams of one length, ordered by (parent, symbol)."""

    parent: Ints
    """The n-gram without its last symbol, as an index into the level before."""
    suffix: Ints
    """The n-gram without its first symbol, likewise."""
    symbol: Ints
    n: Ints
    """Occurrences; for an n-gram that something precedes and that is not of the full length, how many symbols do."""
    weight: Doubles
    """The weight of those occurrences; likewise, the mean weight of each preceded n-gram, summed."""
    pruned_weight: Doubles
    """For each n-gram of the level before: the weight of its extensions that were pruned, each of count 1."""
    pruned: int
    """How many n-grams of this length were pruned, those with pruned parents included."""


def _count(corpus: _Corpus, order: int, prune_from: int) -> list[_Level]:
    positions = np.arange(len(corpus.symbols), dtype=np.int32)  # where a kept n-gram of the current length starts
    alone = np.empty(0, np.int32)  # where a pruned one does; it occurs nowhere else, and neither do its extensions
    node = corpus.symbols  # at each position, the kept n-gram that starts there, or -1
    everything = np.zeros(corpus.size, np.int32)
    levels = [
        _Level(
            everything,
            everything,
            np.arange(corpus.size, dtype=np.int32),
            np.bincount(node, minlength=corpus.size).astype(np.int32),
            np.bincount(node, corpus.weight, corpus.size).astype(np.float64),
            np.zeros(1),
            0,
        )
    ]
    for length in range(2, order + 1):
        before = levels[-1]
        positions = _sort(positions, node, len(before.symbol), corpus.symbols, corpus.tail_length, length, corpus.size)
        alone = alone[corpus.tail_length[alone] >= length]
        level, positions, pruned, extended = _group(
            positions, node, len(before.symbol), corpus.symbols, corpus.weight, length, length >= prune_from
        )
        alone = np.concatenate((alone, pruned))
        count, weight = _preceding(level[1], level[3], level[4], alone, node, corpus.weight, before.n, before.weight)
        levels[-1] = before._replace(n=count, weight=weight)
        levels.append(_Level(*level, pruned=len(alone)))
        node = extended
    return levels


@numba.njit(cache=True, nogil=True)
def _sort(positions: Ints, node: Ints, nodes: int, symbols: Ints, tail_length: Ints, length: int, size: int) -> Ints:
    """The positions where an n-gram of this length fits, by (n-gram one shorter, last symbol): two stable counting sorts."""
    by_symbol = np.zeros(size + 1, np.int64)
    by_node = np.zeros(nodes + 1, np.int64)
    fitting = 0
    for p in positions:
        if tail_length[p] >= length:
            by_symbol[symbols[p + length - 1] + 1] += 1
            by_node[node[p] + 1] += 1
            fitting += 1
    by_symbol = np.cumsum(by_symbol)
    by_node = np.cumsum(by_node)
    half = np.empty(fitting, np.int32)
    for p in positions:
        if tail_length[p] >= length:
            s = symbols[p + length - 1]
            half[by_symbol[s]] = p
            by_symbol[s] += 1
    whole = np.empty(fitting, np.int32)
    for p in half:
        whole[by_node[node[p]]] = p
        by_node[node[p]] += 1
    return whole


@numba.njit(cache=True, nogil=True)
def _group(positions: Ints, node: Ints, nodes: int, symbols: Ints, weights: Doubles, length: int, prune: bool) -> Any:
    """Make a node of each run of equal n-grams in the sorted positions.

    Returns the fields of a _Level up to pruned_weight, the positions of kept and of pruned n-grams, and the new `node`.
    """
    fitting = len(positions)
    starts = np.empty(fitting + 1, np.int32)
    runs = 0
    for i in range(fitting):
        p = positions[i]
        q = positions[i - 1] if i else -1
        if q < 0 or node[p] != node[q] or symbols[p + length - 1] != symbols[q + length - 1]:
            starts[runs] = i
            runs += 1
    starts[runs] = fitting
    size = 0
    for r in range(runs):
        size += not prune or starts[r + 1] - starts[r] > 1

    parent = np.empty(size, np.int32)
    suffix = np.empty(size, np.int32)
    symbol = np.empty(size, np.int32)
    count = np.empty(size, np.int32)
    weight = np.zeros(size, np.float64)
    pruned_weight = np.zeros(nodes, np.float64)
    kept_positions = np.empty(fitting, np.int32)
    pruned_positions = np.empty(fitting, np.int32)
    extended = np.full(len(node), -1, np.int32)
    ngram = 0
    here = 0
    pruned = 0
    for r in range(runs):
        p = positions[starts[r]]
        n = starts[r + 1] - starts[r]
        if prune and n == 1:
            pruned_weight[node[p]] += weights[p]
            pruned_positions[pruned] = p
            pruned += 1
            continue
        parent[ngram] = node[p]
        suffix[ngram] = node[p + 1]
        symbol[ngram] = symbols[p + length - 1]
        count[ngram] = n
        for i in range(starts[r], starts[r + 1]):
            q = positions[i]
            weight[ngram] += weights[q]
            extended[q] = ngram
            kept_positions[here] = q
            here += 1
        ngram += 1
    level = (parent, suffix, symbol, count, weight, pruned_weight)
    return level, kept_positions[:here].copy(), pruned_positions[:pruned].copy(), extended


@numba.njit(cache=True, nogil=True)
def _preceding(
    suffix: Ints,
    count: Ints,
    weight: Doubles,
    alone: Ints,
    node: Ints,
    weights: Doubles,
    old_count: Ints,
    old_weight: Doubles,
) -> Any:
    """Kneser-Ney's counts for the level before: by distinct preceding symbol, or as they were where nothing precedes."""
    new_count = np.zeros_like(old_count)
    new_weight = np.zeros_like(old_weight)
    for i in range(len(suffix)):
        new_count[suffix[i]] += 1
        new_weight[suffix[i]] += weight[i] / count[i]
    for p in alone:
        if node[p + 1] >= 0:
            new_count[node[p + 1]] += 1
            new_weight[node[p + 1]] += weights[p]
    for i in range(len(new_count)):
        if new_count[i] == 0:
            new_count[i] = old_count[i]
            new_weight[i] = old_weight[i]
    return new_count, new_weight


# --- Estimation: discounts, interpolation, and the flat arrays ------------------------------------------------------


def _discounts(count: Ints, pruned: int) -> Doubles:
    """D(n) for n = 0, 1, 2 and 3 or more, from the counts of counts; fixed values where a corpus is too small for that."""
    n1, n2, n3, n4 = (int(np.count_nonzero(count == n)) + (pruned if n == 1 else 0) for n in (1, 2, 3, 4))
    fallback = np.array([0.0, 0.5, 1.0, 1.5])
    if 0 in (n1, n2, n3, n4):
        return fallback
    y = n1 / (n1 + 2 * n2)
    discounts = np.array([0, 1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3])
    return discounts if np.all(discounts[1:] > 0) and np.all(discounts[1:] < (1, 2, 3)) else fallback


def _trie(levels: list[_Level]) -> Trie:
    size = len(levels[0].symbol)
    shorter = np.full(1, 1 / (size - 1))  # of each n-gram one shorter: its interpolated probability,
    after = np.zeros(1, np.int32)  # the context after it,
    context = np.zeros(1, np.int32)  # and the context that it is, or -1
    contexts = 1
    first: list[npt.NDArray[np.int64]] = []  # from here on, one array for each level
    backoff: list[Floats] = []
    suffix: list[Ints] = [context]
    symbol: list[Ints] = []
    logp: list[Floats] = []
    following: list[Ints] = []
    for length, level in enumerate(levels, start=1):
        count, weight = level.n, level.weight
        if length == 1:  # BEGIN is never predicted
            count, weight = count.copy(), weight.copy()
            count[BEGIN] = weight[BEGIN] = 0
        discounts = _discounts(count, level.pruned)
        discounted_weight = weight * (1 - discounts[np.minimum(count, 3)] / np.maximum(count, 1))
        total = np.bincount(level.parent, weight, len(shorter)) + level.pruned_weight
        backoff_weight = 1 - np.bincount(level.parent, discounted_weight, len(shorter)) / np.where(total > 0, total, 1)
        p = discounted_weight / total[level.parent] + backoff_weight[level.parent] * shorter[level.suffix]
        if length == 1:
            p[BEGIN] = 0
        children = np.bincount(level.parent, minlength=len(shorter))
        backoff.append(_log(backoff_weight[children > 0]))
        first.append(children[children > 0])

        extends = np.zeros(len(p), np.bool_)
        if length < len(levels):
            extends[levels[length].parent] = True
        ids = np.where(extends, contexts - 1 + np.cumsum(extends), -1).astype(np.int32)
        suffix.append(context[level.suffix[extends]])
        after = np.where(extends, ids, after[level.suffix]).astype(np.int32)
        contexts += int(np.count_nonzero(extends))
        context, shorter = ids, p

        best_first = _best_first(level.parent, p)
        symbol.append(level.symbol[best_first])
        logp.append(_log(p[best_first]))
        following.append(after[best_first])

    ends = np.concatenate(first).cumsum()
    context_records = np.empty(len(ends), CONTEXT)
    context_records["first"] = np.concatenate(([0], ends[:-1]))
    context_records["last"] = ends
    context_records["suffix"] = np.concatenate(suffix)
    context_records["backoff"] = np.concatenate(backoff)
    entries = np.empty(ends[-1], ENTRY)
    entries["symbol"] = np.concatenate(symbol)
    entries["logp"] = np.concatenate(logp)
    entries["next"] = np.concatenate(following)
    return Trie(context_records, entries, _dense(context_records, entries, size))


def _log(p: Doubles) -> Floats:
    with np.errstate(divide="ignore"):
        return np.log(p).astype(np.float32)


def _dense(contexts: Any, entries: Any, size: int) -> Ints:
    rows = max(1, min(len(contexts), DENSE_CELLS // size))
    dense = np.full((rows, size), -1, np.int32)
    lengths = contexts["last"][:rows] - contexts["first"][:rows]
    numbers = np.arange(lengths.sum())
    dense[np.repeat(np.arange(rows), lengths), entries["symbol"][numbers]] = numbers
    return dense


@numba.njit(cache=True, nogil=True)
def _best_first(parent: Ints, p: Doubles) -> Ints:
    """The entries with each parent's sorted by falling probability, equal ones in their order."""
    order = np.arange(len(parent)).astype(np.int32)
    begin = 0
    while begin < len(parent):
        end = begin + 1
        while end < len(parent) and parent[end] == parent[begin]:
            end += 1
        for i in range(begin + 1, end):
            moved = order[i]
            j = i
            while j > begin and p[order[j - 1]] < p[moved]:
                order[j] = order[j - 1]
                j -= 1
            order[j] = moved
        begin = end
    return order


# --- Reading: what the decoder compiles into itself -----------------------------------------------------------------


@kernel
def find(trie: Trie, context: int, symbol: int) -> int:
    """The entry of a symbol in a context, or -1."""
    if context < trie.dense.shape[0]:
        return int(trie.dense[context, symbol])
    for entry in range(trie.contexts[context].first, trie.contexts[context].last):
        if trie.entries[entry].symbol == symbol:
            return entry
    return -1


@kernel
def advance(trie: Trie, context: int, symbol: int) -> tuple[float, int]:
    """log P(symbol | context) in nats, and the context after it."""
    backoff = np.float32(0)
    while True:
        entry = find(trie, context, symbol)
        if entry >= 0:
            return backoff + trie.entries[entry].logp, trie.entries[entry].next
        backoff += trie.contexts[context].backoff
        context = trie.contexts[context].suffix


@kernel
def advance_within(trie: Trie, context: int, symbol: int, least: float) -> tuple[float, int]:
    """`advance`, or minus infinity as soon as the log-probability is known to be below `least`."""
    backoff = np.float32(0)
    while backoff >= least:
        entry = find(trie, context, symbol)
        if entry >= 0:
            return backoff + trie.entries[entry].logp, trie.entries[entry].next
        backoff += trie.contexts[context].backoff
        context = trie.contexts[context].suffix
    return -np.inf, ROOT


@kernel
def begin(trie: Trie) -> int:
    """The context at the beginning of a text."""
    return trie.entries[find(trie, ROOT, BEGIN)].next


@kernel
def read(trie: Trie, context: int, symbols: Ints) -> float:
    """log P in nats of symbols that follow a context."""
    total = 0.0
    for symbol in symbols:
        logp, context = advance(trie, context, symbol)
        total += logp
    return total


@numba.njit(cache=True, nogil=True)
def read_each(trie: Trie, context: int, symbols: Ints, ends: npt.NDArray[np.int64]) -> Doubles:
    """`read` of several sequences in one array, each from the same context on; `ends` says where each one stops."""
    logps = np.empty(len(ends))
    begun = 0
    for i in range(len(ends)):
        logps[i] = read(trie, context, symbols[begun : ends[i]])
        begun = ends[i]
    return logps


@numba.njit(cache=True, nogil=True)
def read_singly(trie: Trie, context: int, symbols: Ints) -> Doubles:
    """log P in nats of each symbol, given those before it and the context."""
    logps = np.empty(len(symbols))
    for i in range(len(symbols)):
        logps[i], context = advance(trie, context, symbols[i])
    return logps
