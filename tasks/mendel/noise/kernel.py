"""The corruption kernel: damages a whole Arrow batch of texts and records what it did.

Every pair draws from random streams of its own: counters run through SplitMix64's finaliser, keyed by (seed, record id,
copy number) [Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, OOPSLA 2014]. Probabilities are
thresholds on 64-bit integers, so that no rounding of floats decides anything: a pair is the same on any machine, in any
batch, in any order.

Compiled with numba: one loop over the characters reads like the definition of the profile, and nothing has to be held
for a whole batch but its results.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numba import njit
from numpy.typing import NDArray

from mendel.core.errors import InputError
from mendel.noise.edits import OPERATION_BITS
from mendel.noise.profile import OPERATIONS, ResolvedProfile

Bytes = NDArray[np.uint8]
Codes = NDArray[np.uint32]
Offsets = NDArray[np.int64]
Limits = NDArray[np.uint64]
"""Cumulative probabilities times 2**64: outcome i is drawn when limits[i - 1] <= draw < limits[i]."""

DELETION, SUBSTITUTION, INSERTION, DUPLICATION, REVERSAL = range(len(OPERATIONS))
UTF8_BYTES = 4
"""Most bytes of one character."""
VARINT_BYTES = 10
"""Most bytes of one 64-bit number."""

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
HIGHEST_DRAW = 2**64 - 1


class Tables(NamedTuple):
    """A resolved profile as arrays, which is what compiled code can read."""

    events: Limits  # [intensity, operation]; a draw above the last limit of its row is no event
    lengths: Limits  # [length - 1]
    alphabet: Codes  # [character]
    characters: Limits  # [character]
    confused: Codes  # clean characters that have confusions, ascending
    confusion_starts: Offsets  # [confused + 1] into the two below
    confusion_codes: Codes
    confusion_limits: Limits


class CorruptedBatch(NamedTuple):
    """Noisy texts and their encoded edits (see `mendel.noise.edits`), in the order of the input."""

    noisy: pa.StringArray
    edits: pa.BinaryArray


class Kernel:
    """Corrupts texts by one resolved profile and seed.

    An empty text has no character at which an event could start, and stays empty. A text may lose all its characters:
    the noisy text is then empty, and its edits hold the clean one. An event that changes nothing (a palindrome
    reversed, a character substituted by itself) leaves no edit: a pair without edits is a clean one.
    """

    def __init__(self, resolved: ResolvedProfile, seed: int) -> None:
        self._tables = _tables(resolved)
        self._seed = np.uint64(seed % 2**64)

    def corrupt(self, ids: pa.StringArray, copies: pa.Array, clean: pa.StringArray) -> CorruptedBatch:
        """Corrupt one batch.

        Args:
            ids: record ids.
            copies: copy number of each record, integers; copies of one record are damaged independently.
            clean: texts.

        Raises InputError on a null, and when the noisy texts of the batch pass 2 GB.
        """
        for name, column in (("id", ids), ("copy", copies), ("text", clean)):
            if column.null_count:
                raise InputError(
                    f"the batch has {column.null_count} nulls in column {name}; a null cannot be corrupted"
                )
        if not len(clean):
            return CorruptedBatch(pa.array([], pa.string()), pa.array([], pa.binary()))
        id_offsets, id_data = _buffers(ids)
        offsets, data = _buffers(clean)
        numbers = _read_only(copies.cast(pa.int64()).to_numpy(zero_copy_only=False))
        noisy_offsets, noisy, edit_offsets, edits = _corrupt(
            self._seed, id_offsets, id_data, numbers, offsets, data, self._tables
        )
        return CorruptedBatch(
            _array(noisy_offsets, noisy, pa.large_string(), pa.string()),
            _array(edit_offsets, edits, pa.large_binary(), pa.binary()),
        )


def _tables(resolved: ResolvedProfile) -> Tables:
    profile = resolved.profile
    rates = [getattr(resolved.rates, operation) for operation in OPERATIONS]
    longer = 1 - 1 / profile.mean_length
    geometric = accumulate([longer] * (profile.max_length - 1), operator.mul, initial=1 - longer)
    confusions = [(clean, sorted(noisy.items())) for clean, noisy in sorted(resolved.substitutes().items())]
    return Tables(
        events=np.stack([_limits(rate * intensity for rate in rates) for intensity in profile.intensities]),
        lengths=_limits(geometric),
        alphabet=_codes(resolved.alphabet),
        characters=_limits_of_one(resolved.weights),
        confused=_codes(clean for clean, _ in confusions),
        confusion_starts=np.cumsum([0, *(len(noisy) for _, noisy in confusions)], dtype=np.int64),
        confusion_codes=_codes(character for _, noisy in confusions for character, _ in noisy),
        confusion_limits=np.concatenate(
            [np.empty(0, np.uint64), *(_limits_of_one([weight for _, weight in noisy]) for _, noisy in confusions)]
        ),
    )


def _limits(probabilities: Iterable[float]) -> Limits:
    return np.array([min(int(total * 2**64), HIGHEST_DRAW) for total in accumulate(probabilities)], dtype=np.uint64)


def _limits_of_one(weights: Sequence[float]) -> Limits:
    """Limits of outcomes of which one always happens."""
    return _limits(weight / math.fsum(weights) for weight in weights)


def _codes(characters: Iterable[str]) -> Codes:
    return np.array([ord(character) for character in characters], dtype=np.uint32)


def _buffers(texts: pa.StringArray) -> tuple[Offsets, Bytes]:
    """Offsets and UTF-8 data of an array, without a copy of the data."""
    texts = texts.cast(pa.large_string())
    _, offsets, data = texts.buffers()
    window = slice(texts.offset, texts.offset + len(texts) + 1)
    return _read_only(np.frombuffer(offsets, np.int64)[window]), _read_only(np.frombuffer(data or b"", np.uint8))


def _read_only(array: NDArray[Any]) -> NDArray[Any]:
    """A view that cannot be written: numba compiles once for these and once more for writable ones."""
    view = array.view()
    view.flags.writeable = False
    return view


def _array(offsets: Offsets, data: Bytes, large: pa.DataType, small: pa.DataType) -> pa.Array:
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(data)]
    try:
        return pa.Array.from_buffers(large, len(offsets) - 1, buffers).cast(small)
    except pa.ArrowInvalid as error:
        raise InputError(f"a batch grew to {len(data)} bytes, Arrow's limit is 2 GB; use smaller batches") from error


@njit(cache=True)
def _corrupt(
    seed: np.uint64,
    id_offsets: Offsets,
    id_data: Bytes,
    copies: NDArray[np.int64],
    offsets: Offsets,
    data: Bytes,
    tables: Tables,
) -> tuple[Offsets, Bytes, Offsets, Bytes]:
    """Noisy offsets and data, edit offsets and data, of a batch."""
    records = len(copies)
    noisy = np.empty((offsets[-1] - offsets[0]) * 9 // 8 + 64, np.uint8)
    edits = np.empty((offsets[-1] - offsets[0]) // 4 + 64, np.uint8)
    noisy_offsets = np.zeros(records + 1, np.int64)
    edit_offsets = np.zeros(records + 1, np.int64)
    used = edits_used = 0
    starts = np.empty((offsets[1:] - offsets[:-1]).max() + 1, np.int64)
    stream = np.empty(1, np.uint64)
    for record in range(records):
        key = _key(seed, id_data, id_offsets[record], id_offsets[record + 1], copies[record])
        length = _find_characters(data, offsets[record], offsets[record + 1], starts)
        limits = tables.events[_below(_mix(key), len(tables.events))]
        copied = 0  # clean characters before this one are dealt with
        behind = 0  # end of the last edit's clean segment
        position = _next_event(key, 0, length, limits[-1])
        while position < length:
            stream[0] = _draw(key, position)
            operation = _choose(limits, stream[0])
            span = _choose(tables.lengths, _next(stream)) + 1
            stop = position if operation == INSERTION else min(position + span, length)
            noisy = _reserve(noisy, used, starts[position] - starts[copied] + 2 * UTF8_BYTES * span)
            used = _append(noisy, used, data, starts[copied], starts[position])
            written = used
            if operation == SUBSTITUTION:
                for at in range(position, stop):
                    code = _decode(data, starts[at], starts[at + 1])
                    used = _encode(noisy, used, _substitute(code, stream, tables))
            elif operation == INSERTION:
                for _ in range(span):
                    used = _encode(noisy, used, tables.alphabet[_choose(tables.characters, _next(stream))])
            elif operation == DUPLICATION:
                for _ in range(2):
                    used = _append(noisy, used, data, starts[position], starts[stop])
            elif operation == REVERSAL:
                for at in range(stop - 1, position - 1, -1):
                    used = _append(noisy, used, data, starts[at], starts[at + 1])
            copied = stop
            if not _equal(data, starts[position], starts[stop], noisy, written, used):
                edits = _reserve(edits, edits_used, 3 * VARINT_BYTES + 2 * UTF8_BYTES * span)
                header = (position - behind) << OPERATION_BITS | operation
                edits_used = _append_varint(edits, edits_used, header)
                if operation != INSERTION:
                    edits_used = _append_side(edits, edits_used, data, starts[position], starts[stop])
                if operation in (INSERTION, SUBSTITUTION):
                    edits_used = _append_side(edits, edits_used, noisy, written, used)
                behind = stop
            position = _next_event(key, stop + (operation == INSERTION), length, limits[-1])
        noisy = _reserve(noisy, used, starts[length] - starts[copied])
        used = _append(noisy, used, data, starts[copied], starts[length])
        noisy_offsets[record + 1] = used
        edit_offsets[record + 1] = edits_used
    return noisy_offsets, noisy[:used], edit_offsets, edits[:edits_used]


@njit(cache=True)
def _mix(value: np.uint64) -> np.uint64:
    value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))


@njit(cache=True)
def _key(seed: np.uint64, ids: Bytes, first: int, last: int, copy: np.int64) -> np.uint64:
    """The state from which the stream of the pair (record ids[first:last], copy) counts on."""
    key = _mix(seed + GOLDEN)
    for at in range(first, last):
        key = _mix(key + GOLDEN ^ np.uint64(ids[at]))
    return _mix(key + GOLDEN ^ np.uint64(copy))


@njit(cache=True)
def _draw(key: np.uint64, position: int) -> np.uint64:
    """The draw that decides whether an event starts at a clean character, and which."""
    return _mix(key + GOLDEN * np.uint64(position + 1))


@njit(cache=True)
def _next_event(key: np.uint64, position: int, length: int, limit: np.uint64) -> int:
    """The first character from `position` on at which an event starts, else `length`."""
    while position < length and _draw(key, position) >= limit:
        position += 1
    return position


@njit(cache=True)
def _next(stream: Limits) -> np.uint64:
    stream[0] += GOLDEN
    return _mix(stream[0])


@njit(cache=True)
def _below(draw: np.uint64, bound: int) -> int:
    """A draw as one of 0 … bound - 1, equally likely."""
    return int(((draw >> np.uint64(32)) * np.uint64(bound)) >> np.uint64(32))


@njit(cache=True)
def _choose(limits: Limits, draw: np.uint64) -> int:
    """The outcome of a draw; the last one also takes what rounding, or a cut tail, leaves above its limit."""
    low, high = 0, len(limits) - 1
    while low < high:
        middle = (low + high) // 2
        if draw < limits[middle]:
            high = middle
        else:
            low = middle + 1
    return low


@njit(cache=True)
def _substitute(clean: np.uint32, stream: Limits, tables: Tables) -> np.uint32:
    """What stands for a clean character: drawn from its row of confusions, or a noise character when it has none."""
    row = np.searchsorted(tables.confused, clean)
    if row == len(tables.confused) or tables.confused[row] != clean:
        return np.uint32(tables.alphabet[_choose(tables.characters, _next(stream))])
    first, last = tables.confusion_starts[row], tables.confusion_starts[row + 1]
    return np.uint32(tables.confusion_codes[first + _choose(tables.confusion_limits[first:last], _next(stream))])


@njit(cache=True)
def _find_characters(data: Bytes, first: int, last: int, starts: Offsets) -> int:
    """Write where each character of data[first:last] starts, then `last`; gives the number of characters."""
    length = 0
    for at, byte in enumerate(data[first:last]):
        starts[length] = first + at
        length += byte & 0xC0 != 0x80  # a continuation byte's place is written over
    starts[length] = last
    return length


@njit(cache=True)
def _decode(data: Bytes, first: int, last: int) -> np.uint32:
    """The code point of the one character in data[first:last]."""
    if last - first == 1:
        return np.uint32(data[first])
    code = data[first] & (0x7F >> (last - first))
    for at in range(first + 1, last):
        code = code << 6 | data[at] & 0x3F
    return np.uint32(code)


@njit(cache=True)
def _encode(buffer: Bytes, used: int, code: np.uint32) -> int:
    """Append one code point as UTF-8; gives the bytes used then."""
    if code < 0x80:
        buffer[used] = code
        return used + 1
    following = 1 if code < 0x800 else 2 if code < 0x10000 else 3
    buffer[used] = (0xFF00 >> (following + 1)) & 0xFF | code >> (6 * following)
    for place in range(following):
        buffer[used + following - place] = 0x80 | (code >> (6 * place)) & 0x3F
    return used + following + 1


@njit(cache=True)
def _append(buffer: Bytes, used: int, data: Bytes, first: int, last: int) -> int:
    """Append data[first:last]. The loop over two views compiles to vector instructions; assigning a slice is slower."""
    source, target = data[first:last], buffer[used:]
    for at in range(len(source)):
        target[at] = source[at]
    return used + len(source)


@njit(cache=True)
def _append_varint(buffer: Bytes, used: int, value: int) -> int:
    while value >= 0x80:
        buffer[used] = value & 0x7F | 0x80
        value >>= 7
        used += 1
    buffer[used] = value
    return used + 1


@njit(cache=True)
def _append_side(buffer: Bytes, used: int, data: Bytes, first: int, last: int) -> int:
    return _append(buffer, _append_varint(buffer, used, last - first), data, first, last)


@njit(cache=True)
def _reserve(buffer: Bytes, used: int, more: int) -> Bytes:
    """The buffer, or a copy of it twice as large, with room for `more` bytes."""
    if used + more <= len(buffer):
        return buffer
    grown = np.empty(2 * len(buffer) + more, np.uint8)
    grown[:used] = buffer[:used]
    return grown


@njit(cache=True)
def _equal(one: Bytes, first: int, last: int, other: Bytes, other_first: int, other_last: int) -> bool:
    if last - first != other_last - other_first:
        return False
    for at in range(last - first):  # noqa: SIM110 (numba compiles no generator)
        if one[first + at] != other[other_first + at]:
            return False
    return True
