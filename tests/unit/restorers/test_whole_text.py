"""How a candidate of format 1 decides: by the best candidate's odds against the whole input."""

from __future__ import annotations

import math

import pytest

from mendel.channel.decoder import TextCandidate
from mendel.restorers.calibration import Weights
from mendel.restorers.whole_text import decide, weighed

TEXT = "teh naiton"
CANDIDATES = [
    TextCandidate("the nation", -1.0, 0.0),
    TextCandidate("the naiton", -2.0, 0.0),
    TextCandidate(TEXT, -3.0, 0.0),
]
TOTAL = math.exp(0) + math.exp(-1) + math.exp(-2)


def test_the_best_reaches_the_threshold_or_the_input_stays() -> None:
    # Given a best candidate that is two nats ahead of the input
    for threshold, text in ((2.0, "the nation"), (2.1, TEXT)):
        made = decide(TEXT, CANDIDATES, Weights(ngram=1, threshold=threshold))
        assert (made.text, made.fallback) == (text, text == TEXT), f"at a threshold of {threshold}"
    # And where the input itself is the best, nothing was held back
    assert not decide(TEXT, CANDIDATES[2:], Weights(ngram=1)).fallback


def test_confidences_are_posteriors() -> None:
    made = decide(TEXT, CANDIDATES, Weights(ngram=1))
    assert made.confidence == pytest.approx(1 / TOTAL)
    both, one = (1 + math.exp(-1)) / TOTAL, 1 / TOTAL
    assert [edit.confidence for edit in made.edits] == pytest.approx([both, both, one, one])


def test_without_changes_there_is_nothing_to_weigh() -> None:
    assert weighed(TEXT, TEXT, CANDIDATES, None) == ()  # type: ignore[arg-type]
