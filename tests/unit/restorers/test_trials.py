"""What is fitted to a decoder: the first pass, a second one over a small language model, and to hardly any text."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from mendel.channel.decoder import Decoder
from mendel.corpus.foreign import ForeignText
from mendel.models.llm import CausalLm
from mendel.recipes.calibration import Calibration
from mendel.recipes.channel import ChannelNgram
from mendel.recipes.models import PretrainedModel
from mendel.recipes.second_pass import SecondPassConfig
from mendel.restorers.acceptance import Examples, Judge
from mendel.restorers.second_pass import SecondPass
from mendel.restorers.trials import Trials

from ..models.conftest import sentences, tiny_lm
from .conftest import damaged

__all__ = ["tiny_lm"]

BOUNDS = Calibration(max_clean_altered=0.05, max_worse=0.05, max_foreign_altered=0)
"""Of 40 texts, two; of the foreign ones none."""
RECIPE = ChannelNgram(kind="channel-ngram", calibration=BOUNDS)
FOREIGN = [
    ForeignText("code", "def position(lat: float) -> none:"),
    ForeignText("logs", "worker-3 evicted: teh node is full"),
    ForeignText("names", "Ms Okonkwo-Szczur"),
]


def trials(decoder: Decoder, noisy: int = 40, clean: int = 40, foreign: int = 3) -> Trials:
    return Trials(damaged(noisy, seed=5), damaged(clean, seed=6), FOREIGN[:foreign], decoder, RECIPE)


@pytest.fixture(scope="module")
def fitted(small_decoder: Decoder) -> Trials:
    found = trials(small_decoder)
    found.fit("first_pass")
    return found


def test_the_first_pass_removes_errors_and_leaves_other_text_alone(small_decoder: Decoder) -> None:
    # When the first pass is fitted
    found = trials(small_decoder)
    fitted = found.fit("first_pass")
    # Then its decisions remove errors, and harm no more of the texts than allowed
    assert 0.2 < found.reductions["first_pass"] <= 1
    assert found.reductions["first_pass"] <= found.reductions["first_pass_unbounded"] + 0.1
    assert found.first is not None
    _, held_out, _ = found.first
    assert (held_out[40:80] >= fitted.acceptance.least_odds).sum() <= 2, "of the clean texts two may be altered"
    assert not (held_out[80:] >= fitted.acceptance.least_odds).any(), "of the foreign ones none may be"
    least = RECIPE.calibration.least_probability
    assert fitted.acceptance.least_odds >= math.log(least / (1 - least)) - 1e-6


def test_equal_texts_give_an_equal_fit(small_decoder: Decoder) -> None:
    one, other = (trials(small_decoder).fit("first_pass") for _ in range(2))
    assert one == other


@pytest.mark.parametrize(
    ("noisy", "clean", "foreign"), [(2, 2, 1), (1, 1, 0), (0, 3, 0), (3, 0, 0), (12, 12, 0), (0, 0, 3), (0, 0, 0)]
)
def test_hardly_any_text_is_fitted_to(small_decoder: Decoder, noisy: int, clean: int, foreign: int) -> None:
    found = trials(small_decoder, noisy, clean, foreign)
    made = found.fit("first_pass")
    assert math.isfinite(made.acceptance.least_odds)
    assert 0 <= found.reductions["first_pass"] <= 1
    assert set(made.summary) == {"ngram", "llm", "least_odds", "least_odds_in_document", "least_confidence"}


def test_without_any_error_nothing_is_learned(small_decoder: Decoder) -> None:
    # Given "noisy" texts that are clean
    clean = [text._replace(noisy=text.clean) for text in damaged(20, seed=5)]
    found = Trials(clean, clean, [], small_decoder, RECIPE)
    # When the first pass is fitted, then that works, and there was nothing to remove
    found.fit("first_pass")
    assert found.reductions["first_pass"] == 0


def test_a_second_pass_leaves_what_it_did_not_read_to_the_first(
    small_decoder: Decoder, fitted: Trials, tiny_lm: Path
) -> None:
    # Given a language model that reads nothing, as every candidate but the best is too far behind
    llm = CausalLm.load(PretrainedModel(id=str(tiny_lm)))
    nothing = SecondPass(small_decoder, llm, SecondPassConfig(rounds=0, margin=1e-9))
    # When it is fitted after the first pass
    made = fitted.fit("nothing", nothing)
    # Then texts are changed by what the first pass said
    first = trials(small_decoder).fit("first_pass")
    assert made.acceptance.least_odds == first.acceptance.least_odds
    # And one that reads what is in doubt is fitted to that
    reader = SecondPass(small_decoder, llm, SecondPassConfig(rounds=0, margin=20))
    read = fitted._candidates(reader)
    assert 0 < len(read) < len(fitted.texts), "it reads some texts"
    assert all(any(candidate.llm for candidate in some) for some in read.values())
    fitted.fit("reader", reader)
    assert fitted.reductions["reader"] > 0.2, fitted.reductions


def test_the_judge_of_a_second_pass_learns_from_what_that_did_not_read_too(
    small_decoder: Decoder, fitted: Trials, tiny_lm: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a language model that reads what is in doubt, which no foreign text is
    reader = SecondPass(
        small_decoder, CausalLm.load(PretrainedModel(id=str(tiny_lm))), SecondPassConfig(rounds=0, margin=20)
    )
    foreign = {*range(80, len(fitted.texts))}
    assert not fitted._candidates(reader).keys() & foreign
    # When it is fitted
    learned_from: list[Examples] = []
    fit = Judge.fit

    def spy(examples: Examples) -> Any:
        learned_from.append(examples)
        return fit(examples)

    monkeypatch.setattr(Judge, "fit", spy)
    fitted.fit("reader", reader)
    # Then its judge has seen the foreign text that the first pass would have changed
    (examples,) = learned_from
    assert fitted.first is not None
    changed = [fitted.first[2][number] for number in sorted(foreign)]
    assert any(changed), "the first pass would change no foreign text"
    assert [example.evidence for example in examples.foreign] == changed


def test_clean_sentences_are_those_of_the_corpus() -> None:
    assert [text.clean for text in damaged(3, seed=5)] == sentences(3, seed=5)
    assert all(text.noisy != text.clean for text in damaged(40, seed=5) if text.clean)
