"""Pairs of texts cut into passages that belong together: pages are long, and parts of them have no counterpart.

Aligned in time that grows with the length: first by anchors, strings that stand once in each text and in the same order
[Yalniz, Manmatha: A Fast Alignment Scheme for Automatic OCR Evaluation of Books, 2011], then between anchors by a shortest
edit script. Texts are cut where they agree. Where they differ by more than noise explains - a line is missing, a picture was
read as text - that stretch is left out and its neighbours stay.
"""

from __future__ import annotations

import unicodedata
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from rapidfuzz.distance import Levenshtein

from mendel.noise.changes import changes
from mendel.noise.learn_expectation import LONGEST

ANCHOR = 16
"""Characters of an anchor."""
NEAR = 2**26
"""Cells of the largest table that an edit script is looked for in at once: two texts of 8,000 characters."""
AGREED = 8
"""Equal characters on end from which two texts are taken to agree there, not by chance."""
UNRELATED = 0.5
"""Share of the clean characters that differ, above which two texts do not belong together."""
SHORT = 4
"""Characters by which even very short texts may differ."""
WHOLE = 400
"""Clean characters up to which a text without such stretches stays one passage; longer ones are cut."""


class Block(NamedTuple):
    """clean[a : a + size] and noisy[b : b + size] are equal."""

    a: int
    b: int
    size: int


class Passages(NamedTuple):
    """Texts side by side."""

    clean: list[str]
    noisy: list[str]
    left_out: int
    """Passages that do not belong together."""


def cut(clean: Sequence[str], noisy: Sequence[str]) -> Passages:
    """The passages of all pairs, in order; none has an empty clean side, or noise that was added at its end."""
    passages: list[tuple[str, str]] = []
    left_out = 0
    for one, other in zip(clean, noisy, strict=True):
        for a, a_end, b, b_end in _passages(one, other):
            passage = one[a:a_end], other[b:b_end]
            if related(*passage):
                passages.append(passage)
            else:
                left_out += 1
    return Passages([passage[0] for passage in passages], [passage[1] for passage in passages], left_out)


def related(clean: str, noisy: str) -> bool:
    """Whether noise explains how two texts differ."""
    if not clean or len(clean) * len(noisy) > NEAR:
        return False
    if Levenshtein.distance(clean, noisy) > max(SHORT, UNRELATED * len(clean)):
        return False
    return all(
        a_end - a <= LONGEST and b_end - b <= LONGEST and _can_be_noise(clean[a:a_end] + noisy[b:b_end])
        for a, a_end, b, b_end in changes(clean, noisy)
    )


def _can_be_noise(text: str) -> bool:
    """No line ends and other control characters, which no profile holds."""
    return not any(unicodedata.category(character).startswith("C") for character in text)


def blocks(clean: str, noisy: str) -> list[Block]:
    """Where the texts are equal, in the order of both; neighbours do not touch on both sides."""
    matches: list[Block] = []
    a = b = 0
    for anchor in [*_anchors(clean, noisy), Block(len(clean), len(noisy), 0)]:
        for block in (*_near(clean[a : anchor.a], noisy[b : anchor.b], a, b), anchor):
            last = matches[-1] if matches else Block(0, 0, 0)
            if matches and (last.a + last.size, last.b + last.size) == (block.a, block.b):
                matches[-1] = Block(last.a, last.b, last.size + block.size)
            elif block.size:
                matches.append(block)
        a, b = anchor.a + anchor.size, anchor.b + anchor.size
    return matches


def _near(clean: str, noisy: str, a: int, b: int) -> list[Block]:
    """By a shortest edit script; nothing where both are so long that no anchor in them means no relation."""
    if len(clean) * len(noisy) > NEAR:
        return []
    same = Levenshtein.opcodes(clean, noisy).as_matching_blocks()
    return [Block(a + block.a, b + block.b, block.size) for block in same]


def _anchors(clean: str, noisy: str) -> list[Block]:
    """The longest sequence of anchors that is in order in both texts; none where the texts are short."""
    if len(clean) * len(noisy) <= NEAR:
        return []
    once, other = _once(clean), _once(noisy)
    places = sorted((at, other[string]) for string, at in once.items() if string in other)
    anchors: list[Block] = []
    for a, b in _ascending(places):
        if not anchors or (a >= anchors[-1].a + ANCHOR and b >= anchors[-1].b + ANCHOR):
            anchors.append(Block(a, b, ANCHOR))
    return anchors


def _once(text: str) -> dict[str, int]:
    """Strings of ANCHOR characters that begin a word and occur once, with their places."""
    starts = [at + 1 for at, character in enumerate(text[: -ANCHOR - 1]) if character.isspace()]
    counts = Counter(text[at : at + ANCHOR] for at in starts)
    return {string: at for at in starts if counts[string := text[at : at + ANCHOR]] == 1}


def _ascending(places: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The longest subsequence that ascends on the second side too [patience sorting]."""
    lowest: list[int] = []  # the lowest last element of a subsequence of each length
    ends: list[int] = []
    before: list[int] = []
    for number, (_, b) in enumerate(places):
        length = bisect_left(lowest, b)
        lowest[length : length + 1] = [b]
        ends[length : length + 1] = [number]
        before.append(ends[length - 1] if length else -1)
    sequence = []
    number = ends[-1] if ends else -1
    while number >= 0:
        sequence.append(places[number])
        number = before[number]
    return sequence[::-1]


def _passages(clean: str, noisy: str) -> Iterator[tuple[int, int, int, int]]:
    """[start, end) in the clean text, [start, end) in the noisy one; they leave nothing out between them."""
    same = blocks(clean, noisy)
    a, b, size = same[-1] if same else Block(0, 0, 0)
    if len(noisy) - b > len(clean) - a:  # nothing is inserted behind a text's last copied character
        clean, noisy = clean[: a + size], noisy[: b + size]
    a = b = 0  # the passage's start
    last = Block(0, 0, 0)  # the last place of agreement, at first the start of both
    for block in (*(match for match in same if match.size >= AGREED), Block(len(clean), len(noisy), 0)):
        a_end, b_end = last.a + last.size, last.b + last.size
        between = clean[a_end : block.a], noisy[b_end : block.b]
        if max(map(len, between)) > LONGEST and not related(*between):
            if a_end > a:
                yield a, a_end, b, b_end
            yield a_end, block.a, b_end, block.b
            a, b = block.a, block.b
        elif len(clean) > WHOLE and block.a - a >= WHOLE // 2 and block.size:
            offset = _between_words(clean, block)
            yield a, block.a + offset, b, block.b + offset
            a, b = block.a + offset, block.b + offset
        last = block
    if len(clean) > a:
        yield a, len(clean), b, len(noisy)


def _between_words(clean: str, block: Block) -> int:
    """Behind the last space of a block, or its middle."""
    space = clean.rfind(" ", block.a, block.a + block.size - 1)
    return space + 1 - block.a if space >= 0 else block.size // 2
