"""Where a text might read otherwise: the words that a language model expects there, if the noise could have hidden them.

A proposal replaces one passage of a text by one token of the language model. The channel's price is exact but for the
seams (`alignment`); what the text as a whole would gain is an estimate: the language model's for the new token, the
n-gram's for it and for the first characters after it. It says which texts are worth reading.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numba
import numpy as np

from mendel.channel.alignment import LONGEST, NORMAL, Rows, backward, explained, forward, live, meeting, new_rows, step
from mendel.channel.costs import Costs
from mendel.channel.decoder import Decoder
from mendel.models.ngram import CharNgram, Doubles, Ints, Trie, advance, begin
from mendel.models.vocabulary import END, FIRST_CHARACTER

AHEAD = 6
"""Characters behind a seam that the n-gram judges anew."""
LONGEST_TOKEN = 24
"""Longer tokens are rows of dashes and the like: they are not proposed."""
BEHIND = 8
"""A token may stand for this many characters more than it has."""
ORDINARY = 0.5
"""Nats that the n-gram makes of a character of any text: what costs more may be wrong."""
EVENT = 6.0
"""Nats that an event costs at least."""
MOST = 1024
"""Changes at one place."""
MOST_GAIN = 10.0
"""Nats that a change is hoped to gain: more is seldom, and of a text that the models know little of everything is hoped."""
PLACES = 16
"""Of a text, the most promising ones: a text that the models know little of is doubtful everywhere."""


class Spellings(NamedTuple):
    """The language model's tokens as a trie over symbols, its nodes in preorder; the root is left out."""

    symbol: Any
    depth: Any
    token: Any
    """The token that is spelt so, or -1."""
    parent: Any
    after: Any
    """The next node that is not below this one."""

    @classmethod
    def of(cls, tokens: Sequence[str], ngram: CharNgram) -> Spellings:
        """Tokens with other characters than the n-gram's are left out. Of equally spelt ones the first is kept."""
        nodes: list[tuple[int, int, int, int]] = []
        path: list[int] = []
        before: tuple[int, ...] = ()
        symbols_of = np.split(ngram.vocabulary.encode("".join(tokens)), np.cumsum([len(text) for text in tokens])[:-1])
        spelt = {tuple(symbols_of[token].tolist()): token for token in range(len(tokens) - 1, -1, -1)}
        for symbols, token in sorted(spelt.items()):
            if not 0 < len(symbols) <= LONGEST_TOKEN or min(symbols) < FIRST_CHARACTER:
                continue
            common = 0
            while common < min(len(before), len(symbols)) and before[common] == symbols[common]:
                common += 1
            del path[common:]
            for depth in range(common, len(symbols)):
                nodes.append((symbols[depth], depth + 1, -1, path[-1] if path else -1))
                path.append(len(nodes) - 1)
            nodes[path[-1]] = (*nodes[path[-1]][:2], token, nodes[path[-1]][3])
            before = symbols
        columns = np.array(nodes, np.int32).reshape(-1, 4)
        after = np.full(len(columns), len(columns), np.int32)
        waiting: list[int] = []
        for node, level in enumerate(columns[:, 1].tolist()):
            while waiting and columns[waiting[-1], 1] >= level:
                after[waiting.pop()] = node
            waiting.append(node)
        return cls(*map(np.ascontiguousarray, (*columns.T, after)))


class TextSurvey(NamedTuple):
    """What is known of a text before the language model is asked what else it expects."""

    x: Ints
    text: Ints
    ahead: Rows
    behind: Rows
    logp: float
    """log P(x | text)"""
    ngram: float
    llm: float
    """The models' weights."""
    context: Ints
    """[characters + 1]: of the n-gram"""
    read: Doubles
    """[characters + 2]: the n-gram's log-probability of the first characters, the end among them"""
    prior: Doubles
    """[characters + 2]: both models', weighted"""
    bound: Doubles
    """[input position]: the most that the channel and the models may make of the input from there on"""


@numba.njit(cache=True, nogil=True)
def survey(costs: Costs, trie: Trie, x: Ints, text: Ints, heard: Doubles, ngram: float, llm: float) -> TextSurvey:
    """`heard` [characters + 2]: the language model's log-probability of the first characters, the end among them."""
    ahead = forward(costs, x, text)
    behind = backward(costs, x, text, ahead)
    size = len(text)
    context = np.empty(size + 2, np.int32)
    read = np.zeros(size + 2)
    context[0] = begin(trie)
    for i in range(size + 1):
        logp, context[i + 1] = advance(trie, context[i], text[i] if i < size else END)
        read[i + 1] = read[i] + logp
    prior = ngram * read + llm * heard
    bound = np.full(len(x) + 1, -np.inf)
    for row in range(size + 1):
        end = min(row + AHEAD, size + 1)
        tail = (ngram + llm) * max(0.0, read[row] - read[end] - ORDINARY * (end - row))
        for j in range(behind.first[row], behind.last[row] + 1):
            bound[j] = max(bound[j], behind.cells[row, NORMAL, j - behind.first[row]] - prior[row] + tail)
    return TextSurvey(x, text, ahead, behind, explained(ahead, len(x)), ngram, llm, context, read, prior, bound)


@numba.njit(cache=True, nogil=True)
def promises(text_survey: TextSurvey, places: Any) -> Doubles:
    """[place]: the nats that a change there may gain at most: it takes an event more, or one of now's events less."""
    hopes = np.full(len(places), -np.inf)
    for k in range(len(places)):
        if places[k] >= 0:
            hopes[k] = _hope(text_survey, text_survey.ahead, places[k]) + text_survey.prior[places[k]] - EVENT
    return hopes


@numba.njit(cache=True, nogil=True)
def changes_at(
    costs: Costs, trie: Trie, spellings: Spellings, text_survey: TextSurvey, start: int, expected: Any, least: float
) -> tuple[Any, Doubles]:
    """[change, (token, stop)] and their gains: the tokens that may stand at a place, and the passages that they replace.

    `expected` [token]: the language model's log-probabilities there.
    """
    size, ngram, llm = len(text_survey.text), text_survey.ngram, text_survey.llm
    likely = _likeliest(spellings, expected)
    rows, text = _before(text_survey, start)
    prefix = len(text) - LONGEST_TOKEN
    context = np.empty(LONGEST_TOKEN + 1, np.int32)
    context[0] = text_survey.context[start]
    read = np.zeros(LONGEST_TOKEN + 1)
    hope = np.empty(LONGEST_TOKEN + 1)
    hope[0] = min(_hope(text_survey, rows, prefix) + text_survey.prior[start], MOST_GAIN)
    changes = np.empty((MOST, 2), np.int64)
    gains = np.empty(MOST)
    count = 0
    node = 0
    while node < len(likely) and count < MOST:
        depth, token, skipped = spellings.depth[node], spellings.token[node], spellings.after[node]
        above = hope[depth - 1] + llm * likely[node]
        if above + ngram * read[depth - 1] < least:
            node = skipped
            continue
        logp, context[depth] = advance(trie, context[depth - 1], spellings.symbol[node])
        read[depth] = read[depth - 1] + logp
        if above + ngram * read[depth] < least:
            node = skipped
            continue
        row = prefix + depth
        text[row - 1] = spellings.symbol[node]
        step(costs, text_survey.x, text, rows, row)
        hope[depth] = min(_hope(text_survey, rows, row) + text_survey.prior[start], MOST_GAIN)
        if hope[depth] + llm * likely[node] + ngram * read[depth] < least:
            node = skipped
            continue
        node += 1
        if token < 0:
            continue
        here = llm * expected[token] + ngram * read[depth] + text_survey.prior[start] - text_survey.logp
        for stop in range(start, min(start + depth + BEHIND, size) + 1):
            gain = here + meeting(rows, row, text_survey.behind, stop) - text_survey.prior[stop]
            gain -= (ngram + llm) * (text_survey.read[min(stop + AHEAD, size + 1)] - text_survey.read[stop])
            if gain < least or _same(text_survey.text, start, stop, text[prefix:row]):
                continue
            gain = _continued(trie, text_survey.text, context[depth], stop, ngram + llm, gain)
            if gain >= least and count < MOST:
                changes[count, 0], changes[count, 1], gains[count] = token, stop, gain
                count += 1
    return changes[:count], gains[:count]


@numba.njit(cache=True, nogil=True)
def _likeliest(spellings: Spellings, expected: Any) -> Doubles:
    """[node]: log-probability of the likeliest of the tokens that end at a node or below it."""
    likely = np.empty(len(spellings.token))
    for node in range(len(likely)):
        likely[node] = expected[spellings.token[node]] if spellings.token[node] >= 0 else -np.inf
    for node in range(len(likely) - 1, -1, -1):
        if spellings.parent[node] >= 0:
            likely[spellings.parent[node]] = max(likely[spellings.parent[node]], likely[node])
    return likely


@numba.njit(cache=True, nogil=True)
def _before(text_survey: TextSurvey, start: int) -> tuple[Rows, Ints]:
    """The rows before a place from which a jump may come, and their characters; behind both there is room for a token."""
    prefix = min(LONGEST, start)
    rows = new_rows(prefix + LONGEST_TOKEN + 1)
    rows.cells[: prefix + 1] = text_survey.ahead.cells[start - prefix : start + 1]
    rows.first[: prefix + 1] = text_survey.ahead.first[start - prefix : start + 1]
    rows.last[: prefix + 1] = text_survey.ahead.last[start - prefix : start + 1]
    text = np.empty(prefix + LONGEST_TOKEN, np.int32)
    text[:prefix] = text_survey.text[start - prefix : start]
    return rows, text


@numba.njit(cache=True, nogil=True)
def _continued(trie: Trie, text: Ints, context: int, stop: int, weight: float, gain: float) -> float:
    """The gain with the weighted n-gram's log-probability of the AHEAD characters from `stop` on, behind another context."""
    for i in range(stop, min(stop + AHEAD, len(text) + 1)):
        logp, context = advance(trie, context, text[i] if i < len(text) else END)
        gain += weight * logp
    return gain


@numba.njit(cache=True, nogil=True)
def _hope(text_survey: TextSurvey, rows: Rows, row: int) -> float:
    """The most that may become of a row, against now."""
    best = -np.inf
    for j in range(rows.first[row], rows.last[row] + 1):
        best = max(best, live(rows.cells[row], j - rows.first[row]) + text_survey.bound[j])
    return best - text_survey.logp


@numba.njit(cache=True, nogil=True)
def _same(text: Ints, start: int, stop: int, spelt: Ints) -> bool:
    if stop - start != len(spelt):
        return False
    for i in range(len(spelt)):  # noqa: SIM110 (numba compiles no generator)
        if text[start + i] != spelt[i]:
            return False
    return True


class ProposedChange(NamedTuple):
    """A token in the place of text[start:stop]."""

    start: int
    stop: int
    token: int
    gain: float
    """Nats of the weighted score, estimated."""

    def apply(self, text: str, spellings: Sequence[str]) -> str:
        return text[: self.start] + spellings[self.token] + text[self.stop :]


def propose(
    decoder: Decoder,
    spellings: Spellings,
    *,
    noisy: str,
    text: str,
    starts: Any,
    heard: Doubles,
    expect: Callable[[Any], Any],
    weights: tuple[float, float],
    least: float,
) -> list[ProposedChange]:
    """The changes of a text that promise to gain `least` nats, the most promising first.

    `starts` [token]: where the text's tokens start, -1 inside a character. `heard` [characters + 2]: the language model's
    log-probability of the first characters, the end among them. `expect`: for indices into `starts`, log-probabilities
    [index, token] of what may stand there. `weights`: of the n-gram and of the language model.
    """
    costs, trie, encode = decoder.costs, decoder.ngram.trie, decoder.ngram.vocabulary.encode
    text_survey = survey(costs, trie, encode(noisy), encode(text), heard, *weights)
    hopes = promises(text_survey, starts)
    places = np.argsort(-hopes, kind="stable")[:PLACES]
    places = np.sort(places[hopes[places] >= least])
    changes = []
    for place, expected in zip(places, expect(places), strict=True):
        proposals, gains = changes_at(costs, trie, spellings, text_survey, starts[place], expected, least)
        for (token, stop), gain in zip(proposals.tolist(), gains.tolist(), strict=True):
            changes.append(ProposedChange(int(starts[place]), stop, token, gain))
    return sorted(changes, key=lambda change: -change.gain)
