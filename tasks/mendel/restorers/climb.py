"""One text on its way through the rounds of the second pass: what was read of it, and what may be read next."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from mendel.channel.decoder import TextCandidate
from mendel.channel.proposals import Opening, ProposedChange, Proposer

if TYPE_CHECKING:
    from mendel.models.reading import Reading

REMEMBERED = 64
"""Changes, and openings, that may be read in later rounds."""


class Branch(NamedTuple):
    """An opening in the language model's tree."""

    opening: Opening
    node: int
    """Of its last token, or of the one before the place where it starts."""


class Climb:
    """From the candidates of `text` to better ones."""

    reading: Reading
    proposer: Proposer

    def __init__(self, text: str, candidates: Sequence[TextCandidate]) -> None:
        self.text = text
        self.unread = list(candidates)
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

    def turn_to(self, best: TextCandidate, score: Callable[[TextCandidate], float]) -> None:
        """Climb to a better text. What was proposed for the last one and does not touch the difference holds for it too."""
        last, self.best = self.best, best
        if last is None:
            return
        known = {text: score(candidate) - score(last) for text, candidate in self.read.items()}
        ahead = _shared(last.text, best.text)
        behind = min(_shared(last.text[::-1], best.text[::-1]), len(last.text) - ahead, len(best.text) - ahead)
        shift = len(best.text) - len(last.text)
        changes, self._changes = self._changes, []
        for change in changes:
            gain = known.get(change.apply(last.text), change.gain)
            if change.stop <= ahead:
                self._changes.append(change._replace(gain=gain))
            elif change.start >= len(last.text) - behind:
                self._changes.append(change._replace(start=change.start + shift, stop=change.stop + shift, gain=gain))
        self._openings = [branch for branch in self._openings if branch.opening.start <= ahead]
        self.branches = [branch for branch in self.branches if branch.opening.start <= ahead]

    def add(self, changes: Sequence[ProposedChange], openings: Sequence[Opening], node: int) -> None:
        """What was found behind a node."""
        self._changes += changes
        self._openings += [Branch(opening, node) for opening in openings]

    def choose(self, texts: int, openings: int, least: float) -> list[str]:
        """The texts to read next; the openings to ask on become branches."""
        assert self.best is not None
        self._openings.sort(key=lambda branch: -branch.opening.promise)
        self.branches, waiting = [], []
        for opening, node in self._openings:
            beginning = self.best.text[: opening.start] + opening.spelt
            if beginning in self._opened:
                continue
            if len(self.branches) < openings:
                self._opened.add(beginning)
                self.branches.append(Branch(opening, self.reading.tree.add([opening.token], node)))
            else:
                waiting.append(Branch(opening, node))
        self._openings = waiting[:REMEMBERED]
        self._changes = sorted(self._changes, key=lambda change: -change.gain)[:REMEMBERED]
        singles = {change.apply(self.best.text): None for change in self._changes if change.gain >= least}
        together = _together(self.best.text, self._changes)
        return [text for text in (*together, *singles) if text not in self.read][:texts]


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


def _shared(one: str, other: str) -> int:
    """Characters at the start of both."""
    return next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
