"""Edits: what was done to a clean text. With them the noisy text can be made again, and undone.

An `Edit` holds both sides of its segment, so that clean text + edits give the noisy text (`replay`), noisy text + edits
the clean text (`undo`), and each checks that the text is the one the edits were made on.

Encoded, one record's edits are one byte string (the Parquet column `edits`), empty for a record that stayed clean:

    edit    := varint(gap * 8 + operation code) side…
    side    := varint(bytes) UTF-8
    gap     := clean characters copied since the end of the previous edit's clean segment
    sides   := clean for deletion, duplication and reversal; noisy for insertion; clean, noisy for substitution

varint is unsigned LEB128. Gaps instead of positions keep most headers at two bytes, and make overlapping or unordered
edits impossible to write down.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from mendel.core.errors import InputError
from mendel.noise.profile import OPERATIONS, Operation

OPERATION_BITS = 3
LONGEST_VARINT = 9
"""Bytes: 63 bits, so that a value always fits a signed 64-bit integer."""


class Edit(NamedTuple):
    """One event. `clean` is the segment of the clean text from `start` on (code points), `noisy` what stands for it.

    deletion `("abc", "")`, substitution `("abc", "xyz")`, insertion `("", "xyz")`, duplication `("abc", "abcabc")`,
    reversal `("abc", "cba")`.
    """

    op: Operation
    start: int
    clean: str
    noisy: str

    @property
    def stop(self) -> int:
        """End of the clean segment."""
        return self.start + len(self.clean)


def encode(edits: Iterable[Edit]) -> bytes:
    """Edits of one record, ordered by start, as bytes. Raises InputError when they overlap or are out of order."""
    encoded = bytearray()
    position = 0
    for edit in edits:
        if edit.start < position:
            raise InputError(f"{edit} starts before {position}, where the previous edit ends; order edits by start")
        _put_varint(encoded, (edit.start - position) << OPERATION_BITS | OPERATIONS.index(edit.op))
        for side in _sides(edit):
            data = side.encode()
            _put_varint(encoded, len(data))
            encoded += data
        position = edit.stop
    return bytes(encoded)


def decode(encoded: bytes) -> list[Edit]:
    """The edits of one record, ordered by start. Raises InputError on bytes that `encode` cannot have written."""
    edits: list[Edit] = []
    at = position = 0
    while at < len(encoded):
        header, at = _take_varint(encoded, at)
        code = header & ((1 << OPERATION_BITS) - 1)
        if code >= len(OPERATIONS):
            raise InputError(f"encoded edits: byte {at}: {code} is no operation, expected 0 to {len(OPERATIONS) - 1}")
        first, at = _take_text(encoded, at)
        second = ""
        if OPERATIONS[code] == "substitution":
            second, at = _take_text(encoded, at)
        edit = _from_sides(OPERATIONS[code], position + (header >> OPERATION_BITS), first, second)
        edits.append(edit)
        position = edit.stop
    return edits


def replay(clean: str, edits: Sequence[Edit]) -> str:
    """The noisy text. Raises InputError when the edits were not made on this clean text."""
    parts: list[str] = []
    position = 0
    for edit in edits:
        if edit.start < position or clean[edit.start : edit.stop] != edit.clean:
            raise InputError(f"{edit} does not fit the clean text at {edit.start}: the edits belong to another text")
        parts += clean[position : edit.start], edit.noisy
        position = edit.stop
    if position > len(clean):
        raise InputError(f"{edits[-1]} lies behind the end of the clean text, {len(clean)} characters long")
    return "".join([*parts, clean[position:]])


def undo(noisy: str, edits: Sequence[Edit]) -> str:
    """The clean text. Raises InputError when the edits did not lead to this noisy text."""
    parts: list[str] = []
    position = 0  # in the noisy text
    stop = 0  # in the clean text
    for edit in edits:
        start = position + edit.start - stop
        if edit.start < stop or noisy[start : start + len(edit.noisy)] != edit.noisy:
            raise InputError(f"{edit} does not fit the noisy text at {start}: the edits belong to another text")
        parts += noisy[position:start], edit.clean
        position, stop = start + len(edit.noisy), edit.stop
    if position > len(noisy):
        raise InputError(f"{edits[-1]} lies behind the end of the noisy text, {len(noisy)} characters long")
    return "".join([*parts, noisy[position:]])


def _sides(edit: Edit) -> tuple[str, ...]:
    """What has to be stored of an edit; the rest follows from its operation."""
    if edit.op == "insertion":
        return (edit.noisy,)
    return (edit.clean, edit.noisy) if edit.op == "substitution" else (edit.clean,)


def _from_sides(op: Operation, start: int, first: str, second: str) -> Edit:
    match op:
        case "deletion":
            return Edit(op, start, first, "")
        case "substitution":
            return Edit(op, start, first, second)
        case "insertion":
            return Edit(op, start, "", first)
        case "duplication":
            return Edit(op, start, first, first + first)
        case "reversal":
            return Edit(op, start, first, first[::-1])


def _put_varint(encoded: bytearray, value: int) -> None:
    while value >= 0x80:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)


def _take_varint(encoded: bytes, at: int) -> tuple[int, int]:
    value = 0
    for place in range(LONGEST_VARINT):
        if at + place >= len(encoded):
            raise InputError(f"encoded edits: end after {len(encoded)} bytes, inside a number")
        byte = encoded[at + place]
        value |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            return value, at + place + 1
    raise InputError(f"encoded edits: byte {at}: the number is longer than {LONGEST_VARINT} bytes")


def _take_text(encoded: bytes, at: int) -> tuple[str, int]:
    length, at = _take_varint(encoded, at)
    stop = at + length
    if length == 0 or stop > len(encoded):
        raise InputError(f"encoded edits: byte {at}: a segment of {length} bytes, {len(encoded) - at} are left")
    try:
        return encoded[at:stop].decode(), stop
    except UnicodeDecodeError as error:
        raise InputError(f"encoded edits: byte {at}: a segment is not UTF-8: {error}") from error
