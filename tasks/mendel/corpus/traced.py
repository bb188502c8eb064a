"""Text that knows where in its source each of its characters came from, so that a change of it is a change there.

A source is read in steps: escapes are decoded, lines are joined, characters take a plain form. Each step makes another
text of the last one's, and what is changed in the last goes back into the source as splices of it: all between them stays
as it is, byte for byte.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from itertools import pairwise
from typing import NamedTuple

WORDS = re.compile(r"(\s+)")


class Seam(Enum):
    """What the source has at a place, and what becomes of it when the text around it changes."""

    LINE = "line"
    """A line's end, read as a space. A word that is put together across it stands before it."""
    BOX = "box"
    """The border of two words that have places of their own on a page: no change joins them."""
    TAG = "tag"
    """Markup between two characters: it stays between what stays of them."""
    HYPHEN = "hyphen"
    """A line's end inside a word: it stays as long as the word goes on behind it."""
    OBJECT = "object"
    """What stands in a sentence and is none of its words, such as an address: one character is read for it."""


class Splice(NamedTuple):
    """The characters [start, end) of the source become `text`."""

    start: int
    end: int
    text: str


class Rewriting(NamedTuple):
    """A step's rule for one place: the characters [start, end) read as `text`, which may be nothing, and what it stands for."""

    start: int
    end: int
    text: str
    seam: Seam | None = None


def same(text: str) -> str:
    return text


@dataclass(frozen=True, slots=True)
class TracedText:
    """`text[i]` came from `source[starts[i]:ends[i]]`; several characters may come from the same place."""

    source: str = field(repr=False)
    text: str
    starts: Sequence[int] = field(repr=False)
    ends: Sequence[int] = field(repr=False)
    breaks: Mapping[int, Seam] = field(default_factory=dict)
    """Characters that stand for a LINE, a BOX or an OBJECT."""
    seams: Mapping[int, Seam] = field(default_factory=dict)
    """Positions: between the character before and that one the source has something that must stay."""

    @classmethod
    def of(cls, source: str, start: int = 0, end: int | None = None) -> TracedText:
        """A part of a source as it is."""
        end = len(source) if end is None else end
        return cls(source, source[start:end], range(start, end), range(start + 1, end + 1))

    @classmethod
    def joined(cls, parts: Sequence[TracedText], gap: str, seam: Seam) -> TracedText:
        """Parts of one source, in order, with `gap` (one character, or none) for what lies between two of them."""
        text: list[str] = []
        starts: list[int] = []
        ends: list[int] = []
        breaks: dict[int, Seam] = {}
        seams: dict[int, Seam] = {}
        for part in (part for part in parts if part.text):
            if text:
                if gap:
                    breaks[len(text)] = seam
                    text.append(gap)
                    starts.append(ends[-1])
                    ends.append(part.starts[0])
                elif ends[-1] != part.starts[0]:
                    seams[len(text)] = seam
            breaks |= {len(text) + at: kind for at, kind in part.breaks.items()}
            seams |= {len(text) + at: kind for at, kind in part.seams.items()}
            text += part.text
            starts += part.starts
            ends += part.ends
        source = parts[0].source if parts else ""
        return cls(source, "".join(text), starts, ends, breaks, seams)

    def __getitem__(self, part: slice) -> TracedText:
        start, end, _ = part.indices(len(self.text))
        return TracedText(
            self.source,
            self.text[start:end],
            self.starts[start:end],
            self.ends[start:end],
            {at - start: seam for at, seam in self.breaks.items() if start <= at < end},
            {at - start: seam for at, seam in self.seams.items() if start < at < end},
        )

    def stripped(self) -> TracedText:
        """Without the white space at both ends."""
        lead = len(self.text) - len(self.text.lstrip())
        return self[lead : max(lead, len(self.text.rstrip()))]

    def rewritten(self, rules: Iterable[Rewriting]) -> TracedText:
        """The next step's text: `rules` in order, without overlap; what none is about stays.

        A break goes on being one where it is read as white space.
        """
        text: list[str] = []
        starts: list[int] = []
        ends: list[int] = []
        breaks: dict[int, Seam] = {}
        seams: dict[int, Seam] = {}
        at = 0

        def keep(stop: int) -> None:
            shift = len(text) - at
            if self.breaks or self.seams:
                for position in range(at, stop):
                    if position in self.breaks:
                        breaks[position + shift] = self.breaks[position]
                    if position in self.seams:
                        seams[position + shift] = self.seams[position]
            text.extend(self.text[at:stop])
            starts.extend(self.starts[at:stop])
            ends.extend(self.ends[at:stop])

        for rule in rules:
            keep(rule.start)
            at = rule.end
            inside = [self.breaks[position] for position in range(rule.start, rule.end) if position in self.breaks]
            crossed = [self.seams[position] for position in range(rule.start, rule.end) if position in self.seams]
            if rule.text:
                if crossed:
                    seams[len(text)] = crossed[0]
                if rule.seam or (inside and rule.text.isspace()):
                    breaks[len(text)] = rule.seam or inside[0]
                text.extend(rule.text)
                starts.extend([self.starts[rule.start]] * len(rule.text))
                ends.extend([self.ends[rule.end - 1]] * len(rule.text))
            elif rule.seam or crossed or inside:
                seams[len(text)] = rule.seam or Seam.TAG
        keep(len(self.text))
        edges = (0, len(text))
        return TracedText(
            self.source,
            "".join(text),
            starts,
            ends,
            breaks,
            {position: seam for position, seam in seams.items() if position not in edges},
        )

    def splices(self, edits: Iterable[tuple[int, int, str]], encode: Callable[[str], str] = same) -> list[list[Splice]]:
        """What each change of the text, (start, end, replacement), is in the source; `encode` writes text as the source does.

        Edits are in order and do not overlap. No splice at all: the change cannot be made without harm to what must stay,
        or changes nothing.
        """
        groups = [self._splices(*edit, encode) for edit in edits]
        ordered = sorted(splice for splices in groups for splice in splices)
        clashes = {clash for pair in pairwise(ordered) if pair[1].start < pair[0].end for clash in pair}
        return [[] if clashes.intersection(splices) else splices for splices in groups]

    def _splices(self, start: int, end: int, new: str, encode: Callable[[str], str]) -> list[Splice]:
        start, end, new = self._trimmed(start, end, new)
        if start == end and not new:
            return []
        if not self._has_structure(start, end):
            return [self._plain(start, end, encode, new)]
        parts = self._parts(start, end, new)
        if len(parts) > 1:
            groups = [self._splices(*part, encode) for part in parts]
            changing = [self._trimmed(*part) for part in parts]
            if any(
                not splices and (at < stop or text) for splices, (at, stop, text) in zip(groups, changing, strict=True)
            ):
                return []  # half a change is another one
            together = sorted(splice for splices in groups for splice in splices)
            if all(one.end <= other.start for one, other in pairwise(together)):
                return together
            return [] if self._must_stay(start, end) else [self._plain(start, end, encode, new)]
        return self._across(start, end, new, encode)

    def _trimmed(self, start: int, end: int, new: str) -> tuple[int, int, str]:
        """The same change without what it leaves as it is at both ends."""
        while start < end and new and self.text[start] == new[0]:
            start, new = start + 1, new[1:]
        while start < end and new and self.text[end - 1] == new[-1]:
            end, new = end - 1, new[:-1]
        return start, end, new

    def _has_structure(self, start: int, end: int) -> bool:
        """Something in the source must stay, or has another form than here, which what is not changed must keep."""
        if start == end:
            return False
        if self._must_stay(start, end):
            return True
        return end - start > 1 and self.source[self.starts[start] : self.ends[end - 1]] != self.text[start:end]

    def _must_stay(self, start: int, end: int) -> bool:
        return any(at in self.breaks for at in range(start, end)) or any(
            at in self.seams for at in range(start + 1, end)
        )

    def _parts(self, start: int, end: int, new: str) -> list[tuple[int, int, str]]:
        """The change as smaller ones: word by word where both texts have as many, else a shortest edit script."""
        from rapidfuzz.distance import Levenshtein

        old = self.text[start:end]
        before, after = WORDS.split(old), WORDS.split(new)
        if len(before) == len(after) > 1 and all(bool(a) == bool(b) for a, b in zip(before, after, strict=True)):
            parts, at = [], start
            for word, other in zip(before, after, strict=True):
                space = word.isspace() and other.isspace() and any(p in self.breaks for p in range(at, at + len(word)))
                parts.append((at, at + len(word), word if space else other))
                at += len(word)
            return parts
        blocks = Levenshtein.opcodes(old, new)
        return [
            (start + block.src_start, start + block.src_end, new[block.dest_start : block.dest_end])
            for block in blocks
            if block.tag != "equal"
        ]

    def _across(self, start: int, end: int, new: str, encode: Callable[[str], str]) -> list[Splice]:
        """A change that cannot be made smaller, and goes over what must stay."""
        breaks = [at for at in range(start, end) if at in self.breaks]
        if breaks:
            return self._moved(start, end, new, encode) if breaks == [start] and end == start + 1 else []
        cuts = [at for at in range(start + 1, end) if at in self.seams]
        if not cuts:
            return [self._plain(start, end, encode, new)]
        ends_word = end == len(self.text) or self.text[end].isspace()
        begins_word = not new and (start == 0 or self.text[start - 1].isspace())
        if (ends_word or begins_word) and any(self.seams[at] is Seam.HYPHEN for at in cuts):
            return []
        runs = pairwise([start, *cuts, end])
        return [self._plain(*run, encode, new if run[0] == start else "") for run in runs]

    def _moved(self, start: int, end: int, new: str, encode: Callable[[str], str]) -> list[Splice]:
        """One break that is replaced: a line's end goes to where the word ends that it would stand in."""
        if self.breaks[start] is not Seam.LINE:
            return []
        space = re.compile(r"\s").search(self.text, end)
        change = self._plain(start, end, encode, new)
        if space is None or space.start() in self.breaks:
            return [change]  # the word ends at another line's end
        moved = Splice(self.starts[space.start()], self.ends[space.start()], self.source[change.start : change.end])
        return [change, moved]

    def _plain(self, start: int, end: int, encode: Callable[[str], str], new: str) -> Splice:
        """A change of neighbours that nothing stands between."""
        if start == end:
            return self._insertion(start, encode, new)
        while start and self._place(start - 1) == self._place(start):
            start, new = start - 1, self.text[start - 1] + new
        while end < len(self.text) and self._place(end) == self._place(end - 1):
            end, new = end + 1, new + self.text[end]
        return Splice(self.starts[start], self.ends[end - 1], encode(new))

    def _insertion(self, at: int, encode: Callable[[str], str], new: str) -> Splice:
        """Beside a character of the word that it goes to, the left one first."""
        if not self.text:
            raise ValueError("nothing can be put into a text without a character")
        if 0 < at < len(self.text) and self._place(at - 1) == self._place(at):
            return self._plain(at - 1, at, encode, self.text[at - 1] + new)
        left = at == len(self.text) or (at > 0 and not self.text[at - 1].isspace())
        place = self.ends[at - 1] if left else self.starts[at]
        return Splice(place, place, encode(new))

    def _place(self, at: int) -> tuple[int, int]:
        return self.starts[at], self.ends[at]


def within(splices: Sequence[Splice], start: int, end: int) -> Sequence[Splice]:
    """Those of sorted splices that lie in a part of the source."""
    first = bisect_left(splices, (start,))
    return [splice for splice in splices[first : bisect_left(splices, (end + 1,))] if splice.end <= end]


def spliced(source: str, splices: Iterable[Splice], start: int = 0, end: int | None = None) -> str:
    """A source, or its part [start, end), with splices made, which do not overlap."""
    pieces, at = [], start
    for splice in sorted(splices):
        assert splice.start >= at, "splices overlap"
        pieces += [source[at : splice.start], splice.text]
        at = splice.end
    return "".join([*pieces, source[at:end]])
