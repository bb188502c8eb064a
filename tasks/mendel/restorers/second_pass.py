"""The second pass: a language model reads what the first one found, and proposes what that one missed.

It goes in rounds, for many texts at a time. The model reads candidates; those of one text share a prefix tree. Along the best
of them it also tells what it would have expected in each place. Where the noise could have hidden that (`proposals`), the text
with that change is read in the next round, and so is the text with the best changes of several places at once. This is hill
climbing over local changes, as in Deoras, Mikolov & Church 2011, "A fast re-scoring strategy to capture long-distance
dependencies", with changes that the model itself suggests.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np

from mendel.channel.alignment import explained, forward
from mendel.channel.decoder import Decoder, TextCandidate
from mendel.channel.proposals import ProposedChange, Spellings, propose
from mendel.core.threads import available
from mendel.models.ngram import Doubles
from mendel.recipes.second_pass import SecondPassConfig

if TYPE_CHECKING:
    from mendel.models.llm import CausalLm, Reading


class SecondPass:
    """Safe to use from several threads, which take turns."""

    def __init__(self, decoder: Decoder, llm: CausalLm, config: SecondPassConfig, *, conditional: bool = False) -> None:
        self.decoder = decoder
        self.llm = llm
        self.config = config
        self.conditional = conditional
        self.spellings = Spellings.of(llm.spellings, decoder.ngram) if config.rounds else None

    def explore(
        self, texts: Sequence[str], candidates: Sequence[Sequence[TextCandidate]]
    ) -> list[list[TextCandidate] | None]:
        """For each text the candidates that were read, the input among them; None where one was far ahead of the others."""
        cases = [
            _Case(text, self.plausible(text, text_candidates))
            for text, text_candidates in zip(texts, candidates, strict=True)
        ]
        with self.llm.turn, ThreadPoolExecutor(available()) as pool:
            for rounds in range(self.config.rounds, -1, -1):
                queue = [case for case in cases if case.unread]
                groups = [[candidate.text for candidate in case.unread] for case in queue]
                prompts = [case.text for case in queue] if self.conditional else None
                for batch in self.llm.read(groups, prompts=prompts):
                    numbers, readings = zip(*batch, strict=True)
                    list(pool.map(self._note, [queue[number] for number in numbers], readings, [rounds] * len(numbers)))
        return [list(case.read.values()) or None for case in cases]

    def plausible(self, text: str, candidates: Sequence[TextCandidate]) -> list[TextCandidate]:
        """Those near the best, and the input, against which every change is measured; none where one is far ahead."""
        scores = np.array([c.channel + self.decoder.config.lm_weight * c.lm for c in candidates])
        margin = self.config.margin
        if self.config.lead is not None and candidates[int(scores.argmax())].text == text:
            margin = self.config.lead
        near = scores >= scores.max() - margin
        if near.sum() == 1:
            return []
        return [c for c, is_near in zip(candidates, near, strict=True) if is_near or c.text == text]

    def _note(self, case: _Case, reading: Reading, rounds: int) -> None:
        """Take down what was read, and what to read next where rounds are left."""
        previous = max(map(self.score, case.read.values()), default=-np.inf)
        case.read |= {
            c.text: c._replace(llm=float(score)) for c, score in zip(case.unread, reading.scores, strict=True)
        }
        best = max(range(len(case.unread)), key=lambda number: self.score(case.read[case.unread[number].text]))
        text = case.unread[best].text
        proposals = self._changed(case, reading, best) if rounds and self.score(case.read[text]) > previous else []
        case.unread = [self._candidate(case.text, other) for other in proposals]

    def score(self, candidate: TextCandidate) -> float:
        """What the search climbs."""
        return candidate.channel + self.config.ngram_weight * candidate.lm + self.config.llm_weight * candidate.llm

    def _changed(self, case: _Case, reading: Reading, number: int) -> list[str]:
        """The texts to read next: the candidate of that number with the changes that promise most."""
        assert self.spellings is not None
        text = case.unread[number].text
        path = reading.path(number)
        starts = np.concatenate(([0], self.llm.ends(text)))
        heard = spread(starts, reading.gains[path[1:]], len(text))
        changes = propose(
            self.decoder,
            self.spellings,
            noisy=case.text,
            text=text,
            starts=starts,
            heard=heard,
            expect=lambda places: reading.next_tokens(path[places]),
            weights=(self.config.ngram_weight, self.config.llm_weight),
            least=-self.config.slack,
        )
        singles: dict[str, float] = {}
        for change in changes:
            singles.setdefault(change.apply(text, self.llm.spellings), change.gain)
        together = _together(text, changes, self.llm.spellings)
        return [other for other in (*together, *singles) if other not in case.read][: self.config.proposals]

    def _candidate(self, noisy: str, text: str) -> TextCandidate:
        ngram = self.decoder.ngram
        x = ngram.vocabulary.encode(noisy)
        rows = forward(self.decoder.costs, x, ngram.vocabulary.encode(text))
        return TextCandidate(text, float(explained(rows, len(x))), ngram.log_probability(text))


class _Case:
    """One text on its way through the rounds."""

    def __init__(self, text: str, unread: Sequence[TextCandidate]) -> None:
        self.text = text
        self.unread = list(unread)
        self.read: dict[str, TextCandidate] = {}


def _together(text: str, changes: Sequence[ProposedChange], spellings: Sequence[str]) -> list[str]:
    """The text with all changes that promise a gain, the best first where they overlap; none if there is but one."""
    selection: list[ProposedChange] = []
    for change in changes:
        if change.gain > 0 and all(change.stop < one.start or one.stop < change.start for one in selection):
            selection.append(change)
    if len(selection) < 2:
        return []
    for change in sorted(selection, key=lambda one: -one.start):
        text = change.apply(text, spellings)
    return [text]


def spread(starts: np.ndarray, gains: Doubles, size: int) -> Doubles:
    """[characters + 2]: log-probability of a text's first characters, from those of its tokens and of its end.

    `starts`: where each begins, -1 inside a character.
    """
    whole = starts >= 0
    total = np.concatenate(([0.0], np.cumsum(gains)))
    return np.append(np.interp(np.arange(size + 1), starts[whole], total[: len(starts)][whole]), total[-1])
