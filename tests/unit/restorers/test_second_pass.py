"""The second pass over a language model that is small, and over one that knows the answer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mendel.channel.alignment import explained, forward
from mendel.channel.decoder import Decoder, TextCandidate
from mendel.channel.proposals import ProposedChange
from mendel.models.llm import CausalLm
from mendel.models.ngram import CharNgram
from mendel.recipes.models import PretrainedModel
from mendel.recipes.second_pass import SecondPassConfig
from mendel.restorers import second_pass
from mendel.restorers.climb import Climb
from mendel.restorers.second_pass import SecondPass, spread

from ..channel.test_search import channel
from ..models.conftest import (
    sentences,
    tiny_lm,
)

__all__ = ["tiny_lm"]

TRAIN = sentences(200, seed=3)
NOISY = ["Thee people must.", "Our nattion together the.", "Securtyi freedom american.", "", "é", "Our nation."]
IN_DOUBT = [0.0] * len(NOISY)


@pytest.fixture(scope="module")
def decoder() -> Decoder:
    ngram: CharNgram = CharNgram.fit(TRAIN, order=6)
    return Decoder(channel("".join(TRAIN), 0.005), ngram)


@pytest.fixture(scope="module")
def tiny(tiny_lm: Path) -> CausalLm:
    """Over bytes: each token is a character."""
    lm = CausalLm.load(PretrainedModel(id=str(tiny_lm)))
    lm.model.float()
    return lm


@pytest.fixture(scope="module")
def found(decoder: Decoder) -> list[list[TextCandidate]]:
    return decoder.decode(NOISY)


@pytest.mark.parametrize(("rounds", "openings"), [(0, 0), (1, 0), (3, 0), (3, 4)])
def test_each_candidate_has_the_scores_of_its_text(
    decoder: Decoder, tiny: CausalLm, found: list[list[TextCandidate]], rounds: int, openings: int
) -> None:
    # given one that proposes much
    config = SecondPassConfig(rounds=rounds, openings=openings, slack=12, ngram_weight=0.5, llm_weight=0.5)
    # when
    explored = [each or [] for each in SecondPass(decoder, tiny, config).explore(NOISY, found, IN_DOUBT)]
    # then
    read = [[candidate for candidate in each if candidate.llm] for each in explored]
    assert any(read)
    for text, candidates, before in zip(NOISY, explored, found, strict=True):
        if not candidates:
            continue  # it was left to the first pass
        assert text in {candidate.text for candidate in candidates}
        assert len({candidate.text for candidate in candidates}) == len(candidates)
        (scores,) = tiny.log_probabilities([[candidate.text for candidate in candidates]])
        known = {candidate.text: candidate.channel for candidate in before}
        x = decoder.ngram.vocabulary.encode(text)
        for candidate, score in zip(candidates, scores, strict=True):
            price = known.get(candidate.text)
            if price is None:
                price = explained(forward(decoder.costs, x, decoder.ngram.vocabulary.encode(candidate.text)), len(x))
            assert candidate.channel == pytest.approx(price)
            assert candidate.lm == pytest.approx(decoder.ngram.log_probability(candidate.text), abs=1e-3)
            if candidate.llm:
                assert candidate.llm == pytest.approx(score, abs=1e-2), candidate


def test_round_by_round_it_climbs_to_the_answer(decoder: Decoder, tiny: CausalLm) -> None:
    # given a first pass that found nothing of use, and an n-gram that is to be trusted
    noisy = "Our natcon mgst."
    same, other = (
        TextCandidate(text, len(noisy) * decoder.channel.copy_, decoder.ngram.log_probability(text))
        for text in (noisy, noisy + ".")
    )
    found = []
    for rounds in range(4):
        config = SecondPassConfig(rounds=rounds, slack=4, margin=100, ngram_weight=1.0, llm_weight=0.0)
        second = SecondPass(decoder, tiny, config)
        # when
        (explored,) = second.explore([noisy], [[same, other]], [0.0])
        assert explored, "it was not read"
        found.append(max(explored, key=second.score))
    # then
    scores = [candidate.channel + candidate.lm for candidate in found]
    assert scores == sorted(scores), "a further round lost what was found"
    assert found[0].text == noisy, "without rounds nothing is proposed"
    assert found[-1].text == "Our nation must."


def test_a_change_may_have_several_tokens(decoder: Decoder, tiny: CausalLm) -> None:
    # given a gap of several tokens, which none of them fills by itself, and an n-gram that is to be trusted
    noisy = "Our freedom toger nation."
    same, other = (
        TextCandidate(text, len(noisy) * decoder.channel.copy_, decoder.ngram.log_probability(text))
        for text in (noisy, noisy + ".")
    )

    def best(openings: int) -> str:
        config = SecondPassConfig(rounds=5, openings=openings, slack=1, margin=100, ngram_weight=1.0, llm_weight=0.0)
        second = SecondPass(decoder, tiny, config)
        # when
        (explored,) = second.explore([noisy], [[same, other]], [0.0])
        assert explored, "it was not read"
        return max(explored, key=second.score).text

    # then
    assert best(openings=0) == noisy
    assert best(openings=8) == "Our freedom together nation."


def test_what_a_change_gains_is_exact_where_all_behind_it_is_read(
    decoder: Decoder, tiny: CausalLm, found: list[list[TextCandidate]], monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a search that notes what it reads of changes, with more of the next tokens than any text has
    monkeypatch.setattr(second_pass, "LOOKAHEAD", 1000)
    changes: list[tuple[str, str, ProposedChange]] = []
    add = Climb.add

    def note(self: Climb, *arguments: Any) -> None:
        assert self.best is not None or not arguments[0]
        changes.extend((self.text, self.best.text, one) for one in arguments[0] if self.best and one.is_read)
        add(self, *arguments)

    monkeypatch.setattr(Climb, "add", note)
    second = SecondPass(decoder, tiny, SecondPassConfig(rounds=2, proposals=4, slack=12))
    # when
    second.explore(NOISY, found, IN_DOUBT)
    # then
    assert len(changes) > 5

    def score(noisy: str, text: str) -> float:
        rows = forward(decoder.costs, decoder.ngram.vocabulary.encode(noisy), decoder.ngram.vocabulary.encode(text))
        ((llm,),) = tiny.log_probabilities([[text]])
        price = float(explained(rows, len(noisy)))
        return second.score(TextCandidate(text, price, decoder.ngram.log_probability(text), llm))

    for noisy, best, change in changes:
        assert change.gain == pytest.approx(score(noisy, change.apply(best)) - score(noisy, best), abs=1e-2), change


def test_the_company_of_a_text_does_not_matter(
    decoder: Decoder, tiny: CausalLm, found: list[list[TextCandidate]]
) -> None:
    # given
    second = SecondPass(decoder, tiny, SecondPassConfig(rounds=2, openings=3, slack=6))
    # when
    together = second.explore(NOISY, found, IN_DOUBT)
    backwards = second.explore(NOISY[::-1], found[::-1], IN_DOUBT)[::-1]
    alone = [second.explore([text], [each], [0.0])[0] for text, each in zip(NOISY, found, strict=True)]

    # then
    def texts(explored: Sequence[Sequence[TextCandidate] | None]) -> list[list[str]]:
        return [[candidate.text for candidate in each or ()] for each in explored]

    assert texts(together) == texts(backwards) == texts(alone)


def test_a_text_is_read_only_where_the_first_pass_is_in_doubt(decoder: Decoder, tiny: CausalLm) -> None:
    # given a text that is two nats ahead of the input
    text, candidates = "ab", [TextCandidate("ac", -1.0, 0.0), TextCandidate("ab", -3.0, 0.0)]

    def is_read(margin: float, odds: float) -> bool:
        second = SecondPass(decoder, tiny, SecondPassConfig(rounds=0, margin=margin))
        # when
        (explored,) = second.explore([text], [candidates], [odds])
        assert explored is None or {candidate.text for candidate in explored} == {"ab", "ac"}
        return explored is not None

    # then
    assert not is_read(margin=3, odds=-5), "it is surely foreign"
    assert is_read(margin=3, odds=5), "both candidates are within the margin"
    assert not is_read(margin=1, odds=5), "it is surely noisy, and one candidate is far ahead"
    assert is_read(margin=1, odds=1), "one candidate is far ahead, of a text that may be foreign"


def test_where_one_candidate_is_far_ahead_no_other_is_looked_for(decoder: Decoder, tiny: CausalLm) -> None:
    # given a text and a change of it
    noisy = "Our natcon mgst."
    same, other = (
        TextCandidate(text, len(noisy) * decoder.channel.copy_, lm)
        for text, lm in ((noisy, -50.0), ("Our natcon must.", -40.0))
    )

    def read(margin: float) -> int:
        config = SecondPassConfig(rounds=3, slack=4, margin=margin, ngram_weight=1.0, llm_weight=0.0)
        # when
        (explored,) = SecondPass(decoder, tiny, config).explore([noisy], [[same, other]], [0.0])
        return len(explored or ())

    # then
    assert read(margin=100) > 2, "several are plausible"
    assert read(margin=1) == 2


def test_log_probabilities_are_spread_over_the_characters_of_a_token() -> None:
    # given tokens of two, two and one characters, the second of which starts inside a character
    found = spread(np.array([0, -1, 4, 5]), np.array([-1.0, -3.0, -2.0, -5.0]), 5)
    assert found == pytest.approx([0, -1, -2, -3, -4, -6, -11])
