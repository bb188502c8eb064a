"""One text on its way through the rounds of the second pass: what was read of it, and what may be read next."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from mendel.channel.decoder import TextCandidate
from mendel.channel.proposals import Opening, ProposedChange, Proposer

if TYPE_CHECKING:
    from mendel.models.reading import Reading

REMEMBERED = 64
"""Changes, and openings, that may be read in later rounds."""
WHOLE = 2
"""Texts with one change that are read to their end in a round, at most."""
CLOSE = 1.0
"""Nats that a change may lose, by what was read behind it, and its text still be read to the end."""


class Branch(NamedTuple):
    """An opening in the language model's tree."""

    opening: Opening
    node: int
    """Of its last token, or of the one before the place where it starts."""


class Lookahead(NamedTuple):
    """A change that is read as far as a few tokens behind it, beside the best text's own tokens there."""

    change: ProposedChange
    text: str
    """With the change."""
    leaf: int
    """Where the reading ends in the tree, and the node of the best text that stands before the same rest."""
    best_leaf: int


class Climb:
    """From the candidates of `text` to better ones."""

    reading: Reading
    proposer: Proposer

    def __init__(
        self,
        text: str,
        candidates: Sequence[TextCandidate],
        score: Callable[[TextCandidate], float],
        *,
        is_searched: bool = True,
    ) -> None:
        self.text = text
        self.score = score
        """What is climbed."""
        self.is_searched = is_searched
        """Whether anything but the candidates is looked for."""
        self.unread = list(candidates)
        self.next_changes: list[ProposedChange] = []
        """To be read with the next tokens,"""
        self.lookaheads: list[Lookahead] = []
        """and as they stand in the tree."""
        self.branches: list[Branch] = []
        """Openings whose next tokens are to be asked for."""
        self.read: dict[str, TextCandidate] = {}
        self.leaves: dict[str, int] = {}
        """Where the texts end in the tree."""
        self.best: TextCandidate | None = None
        """The text that the changes and openings are of."""
        self._changes: list[ProposedChange] = []
        self._openings: list[Branch] = []
        """Not in the tree yet: the node is that before the last token."""
        self._opened: set[str] = set()

    def turn_to(self, best: TextCandidate) -> None:
        """Climb to a better text. What was proposed for the last one and does not touch the difference holds for it too."""
        if self.best is None:
            self.best = best
            return
        changes = self._settled()
        last, self.best = self.best.text, best
        ahead = shared(last, best.text)
        behind = min(shared(last[::-1], best.text[::-1]), len(last) - ahead, len(best.text) - ahead)
        shift = len(best.text) - len(last)
        self._changes = [change for change in changes if change.stop <= ahead] + [
            change._replace(start=change.start + shift, stop=change.stop + shift)
            for change in changes
            if change.stop > ahead and change.start >= len(last) - behind
        ]
        self._openings = [branch for branch in self._openings if branch.opening.start <= ahead]
        self.branches = [branch for branch in self.branches if branch.opening.start <= ahead]

    def add(self, changes: Sequence[ProposedChange], openings: Sequence[Opening], node: int) -> None:
        """What was found behind a node."""
        self._changes += changes
        self._openings += [Branch(opening, node) for opening in openings]

    def choose(self, changes: int, openings: int, least: float) -> list[str]:
        """The texts to read to their end next: of changes that were read with the next tokens and gain, or nearly so.

        The best `changes` of the others that promise at least so much are to be read so; the best openings become branches.
        """
        assert self.best is not None
        text = self.best.text
        self.branches = self._open(openings)
        self._changes = sorted(self._settled(), key=lambda change: -change.gain)[:REMEMBERED]
        self.next_changes = [c for c in self._changes if c.gain >= least and not c.is_read][:changes]
        close = [change for change in self._changes if change.is_read and change.gain >= -CLOSE]
        singles = [single for single in (change.apply(text) for change in close) if single not in self.read][:WHOLE]
        return list(dict.fromkeys([*singles, *(one for one in _together(text, close) if one not in self.read)]))

    def _settled(self) -> list[ProposedChange]:
        """The changes, one for each text, with the true gains of those that were read."""
        assert self.best is not None
        changes: dict[str, ProposedChange] = {}
        for change in sorted(self._changes, key=lambda change: (not change.is_read, -change.gain)):
            text = change.apply(self.best.text)
            if text in self.read:
                change = change._replace(gain=self.score(self.read[text]) - self.score(self.best), is_read=True)
            changes.setdefault(text, change)
        return list(changes.values())

    def _open(self, openings: int) -> list[Branch]:
        """The openings that promise most and were not asked about before."""
        assert self.best is not None
        branches: list[Branch] = []
        waiting: list[Branch] = []
        for opening, node in sorted(self._openings, key=lambda branch: -branch.opening.promise):
            beginning = self.best.text[: opening.start] + opening.spelt
            if beginning in self._opened:
                continue
            if len(branches) < openings:
                self._opened.add(beginning)
                branches.append(Branch(opening, self.reading.tree.add([opening.token], node)))
            else:
                waiting.append(Branch(opening, node))
        self._openings = waiting[:REMEMBERED]
        return branches


def _together(text: str, changes: Sequence[ProposedChange]) -> list[str]:
    """The text with all changes that promise a gain, the best first where they overlap; none if there is but one."""
    selection: list[ProposedChange] = []
    for change in changes:
        if change.gain > 0 and all(change.stop < one.start or one.stop < change.start for one in selection):
            selection.append(change)
    if len(selection) < 2:
        return []
    for change in sorted(selection, key=lambda one: -one.start):
        text = change.apply(text)
    return [text]


def shared(one: Sequence[Any], other: Sequence[Any]) -> int:
    """How many items both start with."""
    return next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
