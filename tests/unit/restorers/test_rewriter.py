"""Models that rewrite by themselves, and the guard that accepts what they write or not."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import torch

from mendel.core.errors import InputError
from mendel.models.generation import CausalRewriter, Rewriter, Seq2SeqRewriter
from mendel.models.objective import Objective, log_probabilities
from mendel.recipes.models import ByT5, PretrainedModel, Writing
from mendel.restorers.guard import Guard
from mendel.restorers.restorer import Restorer
from mendel.restorers.rewriter import RewritingRestorer, attempts

from ..models.conftest import tiny_lm

__all__ = ["tiny_lm"]

SHAPE = ByT5(width=32, inner=64, heads=2, encoder_layers=1, decoder_layers=1)
OPEN = Guard(length_ratio=100, edits=100, threshold=-math.inf)
TEXTS = ["Thhe people must.", "Our naiton together, the economy and the world.", "", "Congress"]


@pytest.fixture(params=["causal", "seq2seq"])
def rewriter(request: pytest.FixtureRequest, tiny_lm: Path) -> Rewriter:
    if request.param == "causal":
        return CausalRewriter.load(PretrainedModel(id=str(tiny_lm)))
    made = Seq2SeqRewriter.new(SHAPE, seed=0)
    made.model.shared.weight.data[:2] = 0  # padding and end: an untrained model repeats what it begins with
    return made


def test_what_it_writes_does_not_depend_on_company_or_order(rewriter: Rewriter) -> None:
    writing = Writing(length_ratio=1.2)
    rewriter.model.to(torch.float32)  # in half precision the sums of a batch depend on its shape
    together = rewriter.rewrite(TEXTS, writing)
    apart = [rewriter.rewrite([text], writing)[0] for text in TEXTS]
    assert together == apart == rewriter.rewrite(TEXTS[::-1], writing)[::-1]
    assert any(together), "it wrote nothing at all"


def test_greedy_takes_the_likeliest_token_each_time(rewriter: Rewriter) -> None:
    # Given what a model writes
    rewriter.model.to(torch.float32)
    (head,) = rewriter.prompts([TEXTS[0]])
    written = rewriter.rewrite([TEXTS[0]], Writing(length_ratio=1.2))[0]
    # When the likeliest next token is found three times by weighing all of them
    tokens: list[int] = []
    for _ in range(3):
        rows = [[*head, *tokens, token] for token in range(rewriter.model.config.vocab_size)]
        tokens.append(int(log_probabilities(rewriter.model, rows, [len(head)] * len(rows)).argmax()) % len(rows))
        if tokens[-1] == rewriter.end:
            break
    # Then they are its first ones
    assert written.startswith(rewriter.decode([token for token in tokens if token != rewriter.end])), tokens


def test_the_odds_are_those_of_the_loss(rewriter: Rewriter) -> None:
    # Given a text and another
    rewriter.model.to(torch.float32)
    text, other = TEXTS[0], "The people must."
    # When the objective is asked about each by itself
    objective = Objective(rewriter.model)
    nats = [objective(*rewriter.examples([text], [written])).item() for written in (text, other)]
    # Then the odds are their difference
    assert rewriter.log_odds([text], [other])[0] == pytest.approx(nats[0] - nats[1], abs=1e-3)


def test_refused_texts_stay_and_say_so(rewriter: Rewriter) -> None:
    # Given models that were never trained, which write nonsense
    kind = "causal-lora" if isinstance(rewriter, CausalRewriter) else "seq2seq-lora"
    shut = RewritingRestorer(kind, rewriter, Writing(), Guard(length_ratio=1.5, edits=0.0, threshold=0.0))
    # When the guard accepts nothing, then all texts stay
    for text, found in zip(TEXTS, shut.restore(TEXTS), strict=True):
        assert found.text == text
        assert found.edits == ()
        assert found.fallback == bool(text), f"{text!r}: an empty text is not asked about, others were refused"
    # And when it accepts everything that changes a text, the edits lead from the text to what was written
    for text, found in zip(TEXTS, RewritingRestorer(kind, rewriter, Writing(), OPEN).restore(TEXTS), strict=True):
        made = text
        for edit in reversed(found.edits):
            made = made[: edit.start] + edit.replacement + made[edit.end :]
        assert made == found.text
        assert 0 <= found.confidence <= 1


def test_a_folder_without_a_guard_is_named(tmp_path: Path) -> None:
    (tmp_path / "restorer.json").write_text(json.dumps({"kind": "causal-lora", "base": None, "writing": {}}))
    with pytest.raises(InputError, match=r"holds no whole restorer: restorer.json: guard: Field required"):
        Restorer.load(str(tmp_path))


def test_equal_seeds_give_equal_models() -> None:
    first, second = (Seq2SeqRewriter.new(SHAPE, seed=3).model.state_dict() for _ in range(2))
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_attempts_keep_their_order(rewriter: Rewriter) -> None:
    assert [each.text for each in attempts(rewriter, TEXTS, Writing(length_ratio=1.1))] == TEXTS
