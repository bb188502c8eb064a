"""Proposals: the change that a language model expects and the noise can have hidden is found, others are not made."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mendel.channel.alignment import explained, forward
from mendel.channel.decoder import Decoder
from mendel.channel.proposals import EVENT, LONGEST_TOKEN, MOST_GAIN, Opening, ProposedChange, Proposer, Spellings
from mendel.models.ngram import CharNgram

from ..models.conftest import sentences
from .test_search import channel

TRAIN = sentences(200, seed=3)
TOKENS = ["", " freedom", " free", "dom", " nation", " the", "s", "ing", "e", "é", "-" * (LONGEST_TOKEN + 1), " the"]
LIKELY, UNLIKELY = -1.0, -20.0
LEAST = -4.0


@pytest.fixture(scope="module")
def decoder() -> Decoder:
    ngram: CharNgram = CharNgram.fit(TRAIN, order=6)
    return Decoder(channel("".join(TRAIN), 0.005), ngram)


def expecting(*tokens: str) -> Any:
    """[token]: that they are expected, and others are not."""
    return np.array([LIKELY if token in tokens else UNLIKELY for token in TOKENS])


def about(decoder: Decoder, noisy: str, place: int) -> Proposer:
    """Of a noisy text taken as it is, whose words the language model expects, but for the one at a place."""
    starts = [0, *(before for before, character in enumerate(noisy) if character == " "), len(noisy)]
    logp = [UNLIKELY if before == place else LIKELY for before in starts]
    total = np.concatenate(([0.0], np.cumsum(logp)))
    heard = np.append(np.interp(np.arange(len(noisy) + 1), starts, total[:-1]), total[-1])
    spellings = Spellings.of(TOKENS, decoder.ngram)
    return Proposer(
        decoder,
        spellings,
        TOKENS,
        noisy=noisy,
        text=noisy,
        starts=np.array(starts),
        heard=heard,
        weights=(0.5, 0.5),
    )


def texts(changes: Sequence[ProposedChange], noisy: str) -> list[str]:
    """What the changes make of a text, the most promising first."""
    return [change.apply(noisy) for change in sorted(changes, key=lambda change: -change.gain)]


def proposed(decoder: Decoder, noisy: str, place: int, token: str) -> list[str]:
    """The texts that are proposed where at one place a token is expected."""
    changes, _ = about(decoder, noisy, place).go_on(Opening.at(place), expecting(token), LEAST, 4)
    return texts(changes, noisy)


@pytest.mark.parametrize(
    ("noisy", "place", "token", "clean"),
    [
        ("Our freepup in the nation.", 3, " freedom", "Our freedom in the nation."),
        ("Our frdom in the nation.", 3, " freedom", "Our freedom in the nation."),
        ("Our freegdom in the nation.", 3, " freedom", "Our freedom in the nation."),
        ("Our freefreedom in the nation.", 3, " freedom", "Our freedom in the nation."),
    ],
)
def test_what_is_expected_and_could_have_been_damaged_is_proposed(
    decoder: Decoder, noisy: str, place: int, token: str, clean: str
) -> None:
    assert clean in proposed(decoder, noisy, place, token)[:3]


def test_what_the_noise_cannot_have_made_is_not_proposed(decoder: Decoder) -> None:
    assert "Our freedom in the nation." not in proposed(decoder, "Our workers in the nation.", 3, " freedom")


def test_an_undamaged_text_has_no_better_one(decoder: Decoder) -> None:
    # given a text whose tokens are expected as much as others
    text = TRAIN[0]
    starts = np.array([0, len(text)])
    proposer = Proposer(
        decoder,
        Spellings.of(TOKENS, decoder.ngram),
        TOKENS,
        noisy=text,
        text=text,
        starts=starts,
        heard=np.zeros(len(text) + 2),
        weights=(0.5, 0.5),
    )
    # then
    assert proposer.places(0.0).tolist() == []
    assert proposer.go_on(Opening.at(0), np.full(len(TOKENS), -1.0), 0.0, 4) == ([], [])


@pytest.mark.parametrize(
    ("noisy", "place", "tokens", "clean"),
    [
        ("Our freepup in the nation.", 3, [" free", "dom"], "Our freedom in the nation."),
        ("Our nation.", 3, [" the", " free", " nation"], "Our the free nation."),
        ("Our frtion.", 3, [" freedom", "s", " the", " nation"], "Our freedoms the nation."),
    ],
)
def test_a_passage_of_several_tokens_is_found_token_by_token(
    decoder: Decoder, noisy: str, place: int, tokens: list[str], clean: str
) -> None:
    # given a place whose next tokens are expected one behind the other
    proposer = about(decoder, noisy, place)
    opening = Opening.at(place)
    for token in tokens[:-1]:
        # when an opening is gone on from
        _, openings = proposer.go_on(opening, expecting(token), -20, 4)
        # then the token is among the further ones
        found = [further for further in openings if further.spelt == opening.spelt + token]
        assert found, f"{token!r} does not follow {opening}"
        opening = found[0]
    changes, _ = proposer.go_on(opening, expecting(tokens[-1]), -20, 4)
    assert clean in texts(changes, noisy)


def test_an_opening_that_says_what_the_text_says_is_none(decoder: Decoder) -> None:
    # given a text that lacks nothing at a place
    noisy = "Our freedom in the nation."
    changes, openings = about(decoder, noisy, 14).go_on(Opening.at(14), expecting(" the", " freedom"), -20, 4)
    # then its own token is neither a change nor an opening, another one is both
    assert not [change for change in changes if change.apply(noisy) == noisy]
    assert " the" not in [opening.spelt for opening in openings]


letters = st.text("abc", max_size=8)


@settings(max_examples=200, deadline=None)
@given(
    clean=letters, noisy=letters.filter(bool), path=st.lists(st.integers(0, 9), min_size=1, max_size=3), data=st.data()
)
def test_a_change_costs_what_its_text_costs(clean: str, noisy: str, path: list[int], data: st.DataObject) -> None:
    # given a text, a place, and no models but the channel
    starts = np.arange(len(clean) + 1)
    proposer = Proposer(
        ABC,
        Spellings.of(ABC_TOKENS, ABC.ngram),
        ABC_TOKENS,
        noisy=noisy,
        text=clean,
        starts=starts,
        heard=np.zeros(len(clean) + 2),
        weights=(0.0, 0.0),
    )
    opening = Opening.at(data.draw(st.integers(0, len(clean))))
    before = price(clean, noisy)
    # when it is gone on from, token by token
    for choice in path:
        changes, openings = proposer.go_on(opening, np.zeros(len(ABC_TOKENS)), -1000.0, 8)
        # then each change is worth the changed text, if no event crosses the seam
        for change in changes:
            worth = price(change.apply(clean), noisy) - before
            assert change.gain <= worth + 1e-9, change
            seamless = max(
                price(clean[: change.start] + change.spelt, noisy[:j]) + price(clean[change.stop :], noisy[j:])
                for j in range(len(noisy) + 1)
            )
            assert change.gain >= seamless - before - 1e-9, change
        # and no opening promises less than it already gains
        for further in openings:
            gains = [change.gain for change in changes if change.spelt == further.spelt]
            assert further.promise >= min(MOST_GAIN, max(gains, default=-math.inf)) - EVENT, further
        if not openings:
            break
        opening = openings[choice % len(openings)]


ABC_TOKENS = ["a", "b", "c", "ab", "ca"]
ABC = Decoder(channel("abc", 0.06), CharNgram.fit(["abcabc", "cab"], order=2))


def price(clean: str, noisy: str) -> float:
    """log P(noisy | clean)."""
    encode = ABC.ngram.vocabulary.encode
    return float(explained(forward(ABC.costs, encode(noisy), encode(clean)), len(noisy)))


words = st.text("abé", min_size=0, max_size=4)


@given(st.lists(words, max_size=12))
def test_the_trie_spells_each_token_once(tokens: list[str]) -> None:
    # given an n-gram that knows two letters
    ngram: CharNgram = CharNgram.fit(["abba"], order=2)
    # when
    trie = Spellings.of(tokens, ngram)
    # then walking it in its order spells the tokens that have no other letters
    spelt, path = {}, ""
    for node, (symbol, depth, token, parent, after) in enumerate(zip(*trie, strict=True)):
        letter = chr(ngram.vocabulary.code_points[symbol - 3])
        path = path[: depth - 1] + letter
        if token >= 0:
            spelt[path] = tokens[token]
        assert parent == -1 or trie.depth[parent] == depth - 1
        assert node < after <= len(trie.symbol)
        assert all(trie.depth[inside] > depth for inside in range(node + 1, after)), "skipped more than what is below"
        assert after == len(trie.symbol) or trie.depth[after] <= depth, "skipped too little"
    assert spelt == {token: token for token in tokens if token and "é" not in token}


def test_a_change_says_its_characters_in_the_passage_s_place() -> None:
    assert ProposedChange(1, 3, "X", math.nan).apply("abcd") == "aXd"
