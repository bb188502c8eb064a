"""The second pass: a language model reads what the first one found, and proposes what that one missed.

It goes in rounds, for many texts at a time. The model reads candidates; those of one text share a prefix tree. Along the best
of them it also tells what it would have expected in each place. Where the noise could have hidden that (`proposals`), the
change is read in the next round with a few tokens behind it. The texts with the changes that gain by it, one by one and
together, are read to their end in the round after. A change may have several tokens: the model is asked on, a token a round,
behind the openings that promise most, as branches of the same tree. This is hill climbing over local changes, as in Deoras,
Mikolov & Church 2011, "A fast re-scoring strategy to capture long-distance dependencies", with changes that the model itself
suggests.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np

from mendel.channel.alignment import explained, forward
from mendel.channel.decoder import Decoder, TextCandidate
from mendel.channel.proposals import Opening, ProposedChange, Proposer, Spellings
from mendel.core.threads import available
from mendel.models.ngram import Doubles
from mendel.recipes.second_pass import SecondPassConfig
from mendel.restorers.climb import Branch, Climb, Lookahead, shared

if TYPE_CHECKING:
    from mendel.models.llm import CausalLm

DOUBT = math.log(0.95 / 0.05)
"""Log-odds, either way, up to which the first pass is in doubt whether a text is noisy text of the domain."""
LOOKAHEAD = 3
"""Tokens behind a change that are read with it: what a right change gains is mostly that these become likely."""
TOGETHER = 64
"""Texts whose trees are kept at a time: a tree of 100 tokens has 5 MB of keys and values (SmolLM2-135M, float32)."""


class SecondPass:
    """Safe to use from several threads, which take turns."""

    def __init__(self, decoder: Decoder, llm: CausalLm, config: SecondPassConfig, *, conditional: bool = False) -> None:
        self.decoder = decoder
        self.llm = llm
        self.config = config
        self.conditional = conditional
        self.spellings = Spellings.of(llm.spellings, decoder.ngram) if config.rounds else None

    def explore(
        self, texts: Sequence[str], candidates: Sequence[Sequence[TextCandidate]], odds: Iterable[float]
    ) -> list[list[TextCandidate] | None]:
        """For each text the candidates that were read, the input among them; None where the first pass is sure of itself.

        `odds`: by the first pass, log-odds (nats) that the text is noisy text of the domain, which it improves.
        """
        climbs = [self._begin(*each) for each in zip(texts, candidates, odds, strict=True)]
        queue = sorted((climb for climb in climbs if climb.unread), key=lambda climb: len(climb.text))
        with self.llm.turn, ThreadPoolExecutor(available()) as pool:
            for first in range(0, len(queue), TOGETHER):
                self._climb(queue[first : first + TOGETHER], pool)
        return [list(climb.read.values()) or None for climb in climbs]

    def _climb(self, climbs: Sequence[Climb], pool: ThreadPoolExecutor) -> None:
        for climb in climbs:
            climb.reading = self.llm.begin(climb.text if self.conditional else None)
        rounds = self.config.rounds and self.config.rounds + 1  # in the last one whole texts alone are read
        for left in range(rounds, -1, -1):
            queue = [climb for climb in climbs if climb.unread or climb.next_changes or climb.branches]
            for climb in queue:
                texts = [candidate.text for candidate in climb.unread]
                climb.leaves |= dict(zip(texts, self.llm.add(climb.reading, texts), strict=True))
                climb.lookaheads = self._lookaheads(climb)
                climb.reading.further_queries = [branch.node for branch in climb.branches]
            for batch in self.llm.read([climb.reading for climb in queue], keep=left > 0):
                list(pool.map(self._note, [queue[number] for number in batch], [left] * len(batch)))
        for climb in climbs:
            del climb.reading

    def _begin(self, text: str, candidates: Sequence[TextCandidate], odds: float) -> Climb:
        """The input is read too, since every change is measured against it."""
        plausible = self.plausible(candidates)
        is_searched = len(plausible) > 1
        is_settled = not is_searched and (odds > DOUBT or plausible[0].text == text)
        is_read = odds >= -DOUBT and not is_settled
        unread = [c for c in candidates if c.text == text or c in plausible] if is_read else []
        return Climb(text, unread, self.score, is_searched=is_searched)

    def plausible(self, candidates: Sequence[TextCandidate]) -> list[TextCandidate]:
        """Those near the best, by the first pass."""
        scores = np.array([c.channel + self.decoder.config.lm_weight * c.lm for c in candidates])
        near = scores >= scores.max() - self.config.margin
        return [candidate for candidate, is_near in zip(candidates, near, strict=True) if is_near]

    def score(self, candidate: TextCandidate) -> float:
        """What the search climbs."""
        return candidate.channel + self.config.ngram_weight * candidate.lm + self.config.llm_weight * candidate.llm

    def _note(self, climb: Climb, left: int) -> None:
        """Take down what was read, and what to read next where rounds are left."""
        for candidate in climb.unread:
            climb.read[candidate.text] = candidate._replace(llm=climb.reading.score(climb.leaves[candidate.text]))
        climb.unread = []
        climb.add(self._read_ahead(climb), [], climb.reading.trunk)
        if not left or not climb.is_searched:
            return
        best = max(climb.read.values(), key=self.score)
        places: list[Branch] = []
        if climb.best is None or climb.best.text != best.text:
            climb.turn_to(best)
            places = self._places(climb)
        self._go_on(climb, [*places, *climb.branches])
        more = left > 1
        texts = climb.choose(more * self.config.proposals, more * self.config.openings, -self.config.slack)
        climb.unread = [self._candidate(climb.text, text) for text in texts]

    def _lookaheads(self, climb: Climb) -> list[Lookahead]:
        """The next changes, each with the tokens that make it and a few more, in the tree."""
        if not climb.next_changes:
            return []
        assert climb.best is not None
        texts = [change.apply(climb.best.text) for change in climb.next_changes]
        best, *others = ([*tokens, *self.llm.boundary] for tokens in self.llm.encode([climb.best.text, *texts]))
        path = climb.reading.path(climb.leaves[climb.best.text])
        lookaheads = []
        for change, text, tokens in zip(climb.next_changes, texts, others, strict=True):
            rest = max(shared(best[::-1], tokens[::-1]) - LOOKAHEAD, 0)
            leaf = climb.reading.tree.add(tokens[: len(tokens) - rest], climb.reading.trunk)
            lookaheads.append(Lookahead(change, text, leaf, int(path[len(best) - rest])))
        return lookaheads

    def _read_ahead(self, climb: Climb) -> list[ProposedChange]:
        """The changes with what they gain by what was read of them."""
        changes = []
        for change, text, leaf, best_leaf in climb.lookaheads:
            assert climb.best is not None, "there is nothing that it changes"
            gained = climb.reading.score(leaf) - climb.reading.score(best_leaf)
            candidate = self._candidate(climb.text, text)._replace(llm=climb.best.llm + gained)
            changes.append(change._replace(gain=self.score(candidate) - self.score(climb.best), is_read=True))
        return changes

    def _places(self, climb: Climb) -> list[Branch]:
        """The best text's most promising places, of those where the model has just said what it expects."""
        assert self.spellings is not None
        assert climb.best is not None
        reading, text = climb.reading, climb.best.text
        path = reading.path(climb.leaves[text])
        starts = np.concatenate(([0], self.llm.ends(text)))
        climb.proposer = Proposer(
            self.decoder,
            self.spellings,
            self.llm.spellings,
            noisy=climb.text,
            text=text,
            starts=starts,
            heard=spread(starts, reading.gains[path[1:]], len(text)),
            weights=(self.config.ngram_weight, self.config.llm_weight),
        )
        places = climb.proposer.places(-self.config.slack)
        places = places[np.isin(path[places], reading.queries)]
        return [Branch(Opening.at(int(starts[place])), int(path[place])) for place in places]

    def _go_on(self, climb: Climb, branches: Sequence[Branch]) -> None:
        """Find what may stand behind the openings, by what the model expects there."""
        expected = climb.reading.next_tokens(np.array([branch.node for branch in branches], np.int64))
        for (opening, node), here in zip(branches, expected, strict=True):
            changes, openings = climb.proposer.go_on(opening, here, -self.config.slack, self.config.openings)
            climb.add(changes, openings, node)

    def _candidate(self, noisy: str, text: str) -> TextCandidate:
        ngram = self.decoder.ngram
        x = ngram.vocabulary.encode(noisy)
        rows = forward(self.decoder.costs, x, ngram.vocabulary.encode(text))
        return TextCandidate(text, float(explained(rows, len(x))), ngram.log_probability(text))


def spread(starts: np.ndarray, gains: Doubles, size: int) -> Doubles:
    """[characters + 2]: log-probability of a text's first characters, from those of its tokens and of its end.

    `starts`: where each begins, -1 inside a character.
    """
    whole = starts >= 0
    total = np.concatenate(([0.0], np.cumsum(gains)))
    return np.append(np.interp(np.arange(size + 1), starts[whole], total[: len(starts)][whole]), total[-1])
