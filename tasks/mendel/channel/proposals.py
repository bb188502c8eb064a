"""Where a text might read otherwise: what a language model expects there, if the noise could have hidden it.

A proposal replaces one passage of a text by others of the language model's tokens. It grows token by token: an `Opening`
starts at a place of the text and has not met the rest yet. Behind each, the tokens that may come next are found by walking
the trie of their spellings with the channel's forward rows, under a bound of what can still become of them; those that
meet the rest of the text are changes, those that may yet do so further openings. The channel's price is exact but for the
seams (`alignment`); what the text as a whole would gain is an estimate: the language model's for the new tokens, the
n-gram's for them and for the first characters after them. It says which texts are worth reading.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
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
LONGEST_PASSAGE = 60
"""Characters of an opening at most."""
BEHIND = 8
"""A passage may stand for this many characters more than it has."""
ORDINARY = 0.5
"""Nats that the n-gram makes of a character of any text: what costs more may be wrong."""
HOPE = 0.5
"""Share of what the next characters cost beyond that which a change before them may win back. With more, places before rare
words look more promising than those where noise is."""
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
    seams: Any
    """[characters + 1]: whether one of the language model's tokens starts or ends there"""
    bound: Doubles
    """[input position]: the most that the channel and the models may make of the input from there on"""


@numba.njit(cache=True, nogil=True)
def survey(
    costs: Costs, trie: Trie, x: Ints, text: Ints, heard: Doubles, seams: Any, ngram: float, llm: float
) -> TextSurvey:
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
        tail = HOPE * (ngram + llm) * max(0.0, read[row] - read[end] - ORDINARY * (end - row))
        for j in range(behind.first[row], behind.last[row] + 1):
            bound[j] = max(bound[j], behind.cells[row, NORMAL, j - behind.first[row]] - prior[row] + tail)
    return TextSurvey(x, text, ahead, behind, explained(ahead, len(x)), ngram, llm, context, read, prior, seams, bound)


@numba.njit(cache=True, nogil=True)
def promises(text_survey: TextSurvey, places: Any) -> Doubles:
    """[place]: the nats that a change there may gain at most: it takes an event more, or one of now's events less."""
    hopes = np.full(len(places), -np.inf)
    for k in range(len(places)):
        if places[k] >= 0:
            hopes[k] = _hope(text_survey, text_survey.ahead, places[k]) + text_survey.prior[places[k]] - EVENT
    return hopes


@numba.njit(cache=True, nogil=True)
def next_tokens(
    costs: Costs,
    trie: Trie,
    spellings: Spellings,
    text_survey: TextSurvey,
    start: int,
    spelt: Ints,
    heard: float,
    expected: Any,
    least: float,
    width: int,
) -> tuple[Any, Doubles, Any, Doubles]:
    """What may go on behind an opening: [change, (token, stop)] and their gains, [opening] tokens and what they promise.

    The opening starts at `start`, has the symbols `spelt`, and the language model's log-probability `heard`. `expected`
    [token]: the model's log-probabilities behind it. A change replaces what is between `start` and `stop`. Of the openings
    the `width` that promise most.
    """
    size, ngram, llm = len(text_survey.text), text_survey.ngram, text_survey.llm
    likely = _likeliest(spellings, expected)
    rows, text = _before(costs, text_survey, start, spelt)
    prefix = len(text) - LONGEST_TOKEN
    context = np.empty(LONGEST_TOKEN + 1, np.int32)
    context[0] = text_survey.context[start]
    paid = llm * heard
    for symbol in spelt:
        logp, context[0] = advance(trie, context[0], symbol)
        paid += ngram * logp
    paid += text_survey.prior[start]
    read = np.zeros(LONGEST_TOKEN + 1)
    hope = np.empty(LONGEST_TOKEN + 1)
    hope[0] = min(_hope(text_survey, rows, prefix) + paid, MOST_GAIN)
    changes = np.empty((MOST, 2), np.int64)
    gains = np.empty(MOST)
    openings = np.full(width, -1, np.int64)
    promised = np.full(width, -np.inf)
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
        hope[depth] = min(_hope(text_survey, rows, row) + paid, MOST_GAIN)
        if hope[depth] + llm * likely[node] + ngram * read[depth] < least:
            node = skipped
            continue
        node += 1
        if token < 0:
            continue
        promise = hope[depth] + llm * expected[token] + ngram * read[depth]
        if promise < least:
            continue
        passage = text[prefix - len(spelt) : row]
        here = llm * expected[token] + ngram * read[depth] + paid - text_survey.logp
        first, last = _worthy(text_survey, rows, row, least - here - EVENT)
        nearest, best = start, -np.inf
        for stop in range(start, min(start + len(passage) + BEHIND, size) + 1):
            gain = here + meeting(rows, row, text_survey.behind, stop, first, last) - text_survey.prior[stop]
            if gain > best:
                nearest, best = stop, gain
            ahead = text_survey.read[min(stop + AHEAD, size + 1)] - text_survey.read[stop]
            if gain - (ngram + llm) * ahead < least or _same(text_survey.text, start, stop, passage):
                continue
            ahead = _continued(trie, text_survey.text, context[depth], stop) - ahead
            gain += (ngram + llm) * ahead
            if gain >= least and count < MOST:
                changes[count, 0], changes[count, 1], gains[count] = token, stop, gain
                count += 1
        weakest = promised.argmin() if width else 0
        if (
            width
            and promise > max(promised[weakest], least)
            and len(passage) <= LONGEST_PASSAGE
            and not _copied(text_survey, start, nearest, passage[len(spelt) :])
        ):
            openings[weakest], promised[weakest] = token, promise
    return changes[:count], gains[:count], openings, promised


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
def _before(costs: Costs, text_survey: TextSurvey, start: int, spelt: Ints) -> tuple[Rows, Ints]:
    """The rows of an opening and those before it from which a jump may come, and their characters; behind both there is
    room for a token."""
    prefix = min(LONGEST, start)
    known = prefix + len(spelt)
    rows = new_rows(known + LONGEST_TOKEN + 1)
    rows.cells[: prefix + 1] = text_survey.ahead.cells[start - prefix : start + 1]
    rows.first[: prefix + 1] = text_survey.ahead.first[start - prefix : start + 1]
    rows.last[: prefix + 1] = text_survey.ahead.last[start - prefix : start + 1]
    text = np.empty(known + LONGEST_TOKEN, np.int32)
    text[:prefix] = text_survey.text[start - prefix : start]
    text[prefix:known] = spelt
    for row in range(prefix + 1, known + 1):
        step(costs, text_survey.x, text, rows, row)
    return rows, text


@numba.njit(cache=True, nogil=True)
def _continued(trie: Trie, text: Ints, context: int, stop: int) -> float:
    """The n-gram's log-probability of the AHEAD characters from `stop` on, behind another context."""
    total = 0.0
    for i in range(stop, min(stop + AHEAD, len(text) + 1)):
        logp, context = advance(trie, context, text[i] if i < len(text) else END)
        total += logp
    return total


@numba.njit(cache=True, nogil=True)
def _hope(text_survey: TextSurvey, rows: Rows, row: int) -> float:
    """The most that may become of a row, against now."""
    best = -np.inf
    for j in range(rows.first[row], rows.last[row] + 1):
        best = max(best, live(rows.cells[row], j - rows.first[row]) + text_survey.bound[j])
    return best - text_survey.logp


@numba.njit(cache=True, nogil=True)
def _worthy(text_survey: TextSurvey, rows: Rows, row: int, least: float) -> tuple[int, int]:
    """The first and the last cell of a row that may become `least`: the others need not be met."""
    first, last = 1, 0
    for j in range(rows.first[row], rows.last[row] + 1):
        if live(rows.cells[row], j - rows.first[row]) + text_survey.bound[j] >= least:
            first, last = j if last < first else first, j
    return first, last


@numba.njit(cache=True, nogil=True)
def _same(text: Ints, start: int, stop: int, spelt: Ints) -> bool:
    if stop - start != len(spelt):
        return False
    for i in range(len(spelt)):  # noqa: SIM110 (numba compiles no generator)
        if text[start + i] != spelt[i]:
            return False
    return True


@numba.njit(cache=True, nogil=True)
def _copied(text_survey: TextSurvey, start: int, stop: int, token: Ints) -> bool:
    """Whether a token says what the text has between two of its own seams: then the opening before it has met the text."""
    first = stop - len(token)
    return (
        first >= start
        and text_survey.seams[first]
        and text_survey.seams[stop]
        and _same(text_survey.text, first, stop, token)
    )


class ProposedChange(NamedTuple):
    """Other characters in the place of text[start:stop]."""

    start: int
    stop: int
    spelt: str
    gain: float
    """Nats of the weighted score; an estimate until it is read."""
    is_read: bool = False
    """The gain is by what the language model read: the change, and at least the next tokens."""

    def apply(self, text: str) -> str:
        return text[: self.start] + self.spelt + text[self.stop :]


class Opening(NamedTuple):
    """Characters that may stand in a text from a place on, of a passage that is not at its end yet."""

    start: int
    spelt: str
    heard: float
    """The language model's log-probability of them, nats."""
    promise: float
    """Nats of the weighted score that the text may gain by what becomes of it, at most."""
    token: int
    """The last one, or -1 where nothing is spelt yet."""

    @classmethod
    def at(cls, start: int) -> Opening:
        return cls(start, "", 0.0, math.inf, -1)


class Proposer:
    """What else a text might say, with what the language model makes of it.

    `starts` [token]: where the text's tokens start, -1 inside a character. `heard` [characters + 2]: the language model's
    log-probability of the first characters, the end among them. `weights`: of the n-gram and of the language model.
    """

    def __init__(
        self,
        decoder: Decoder,
        spellings: Spellings,
        tokens: Sequence[str],
        *,
        noisy: str,
        text: str,
        starts: Any,
        heard: Doubles,
        weights: tuple[float, float],
    ) -> None:
        self._costs, self._trie, self._encode = decoder.costs, decoder.ngram.trie, decoder.ngram.vocabulary.encode
        self._spellings = spellings
        self._tokens = tokens
        self._starts = starts
        seams = np.zeros(len(text) + 1, bool)
        seams[starts[starts >= 0]] = True
        seams[-1] = True
        self._survey = survey(self._costs, self._trie, self._encode(noisy), self._encode(text), heard, seams, *weights)

    def places(self, least: float) -> Any:
        """Indices of the most promising places, in ascending order: those where a change may gain `least` nats."""
        hopes = promises(self._survey, self._starts)
        places = np.argsort(-hopes, kind="stable")[:PLACES]
        return np.sort(places[hopes[places] >= least])

    def go_on(
        self, opening: Opening, expected: Any, least: float, width: int
    ) -> tuple[list[ProposedChange], list[Opening]]:
        """The changes by one token more that promise to gain `least` nats; the `width` best further openings that may.

        `expected` [token]: the language model's log-probabilities behind the opening.
        """
        start, spelt, heard = opening.start, opening.spelt, opening.heard
        changes, gains, tokens, promised = next_tokens(
            self._costs, self._trie, self._spellings, self._survey, start, self._encode(spelt), heard, expected, least, width
        )  # fmt: skip
        return [
            ProposedChange(start, stop, spelt + self._tokens[token], gain)
            for (token, stop), gain in zip(changes.tolist(), gains.tolist(), strict=True)
        ], [
            Opening(start, spelt + self._tokens[token], heard + float(expected[token]), promise, token)
            for token, promise in zip(tokens.tolist(), promised.tolist(), strict=True)
            if token >= 0
        ]
