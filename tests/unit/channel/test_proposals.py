"""Proposals: the change that a language model expects and the noise can have hidden is found, others are not made."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mendel.channel.decoder import Decoder
from mendel.channel.proposals import LONGEST_TOKEN, ProposedChange, Spellings, propose
from mendel.models.ngram import CharNgram

from ..models.conftest import sentences
from .test_search import channel

TRAIN = sentences(200, seed=3)
TOKENS = ["", " freedom", " free", "dom", " nation", " the", "s", "ing", "e", "é", "-" * (LONGEST_TOKEN + 1), " the"]
LIKELY, UNLIKELY = -1.0, -20.0


@pytest.fixture(scope="module")
def decoder() -> Decoder:
    ngram: CharNgram = CharNgram.fit(TRAIN, order=6)
    return Decoder(channel("".join(TRAIN), 0.005), ngram)


def proposed(decoder: Decoder, noisy: str, place: int, token: str) -> list[str]:
    """The texts that are proposed for a noisy one taken as it is, whose words are expected, but for that at a place.

    There, the token is expected instead.
    """
    starts = [0, *(before for before, character in enumerate(noisy) if character == " "), len(noisy)]
    logp = [UNLIKELY if before == place else LIKELY for before in starts]
    total = np.concatenate(([0.0], np.cumsum(logp)))
    heard = np.append(np.interp(np.arange(len(noisy) + 1), starts, total[:-1]), total[-1])

    def expect(places: Any) -> Any:
        logp = np.full((len(places), len(TOKENS)), UNLIKELY)
        for row, index in enumerate(places):
            if starts[index] == place:
                logp[row, TOKENS.index(token)] = LIKELY
        return logp

    found = propose(
        decoder,
        Spellings.of(TOKENS, decoder.ngram),
        noisy=noisy,
        text=noisy,
        starts=np.array(starts),
        heard=heard,
        expect=expect,
        weights=(0.5, 0.5),
        least=-4.0,
    )
    assert found == sorted(found, key=lambda change: -change.gain)
    return [change.apply(noisy, TOKENS) for change in found]


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
    heard = np.array([0.0] * (len(text) + 2))
    # when
    found = propose(
        decoder,
        Spellings.of(TOKENS, decoder.ngram),
        noisy=text,
        text=text,
        starts=starts,
        heard=heard,
        expect=lambda places: np.full((len(places), len(TOKENS)), -1.0),
        weights=(0.5, 0.5),
        least=0.0,
    )
    # then
    assert found == []


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


def test_a_change_says_its_token_in_the_passage_s_place() -> None:
    assert ProposedChange(1, 3, 0, math.nan).apply("abcd", ["X"]) == "aXd"
