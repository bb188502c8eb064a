"""Systems on changes that readers have judged."""

from __future__ import annotations

import pytest

from mendel.evaluation import feedback_scores, report_feedback
from mendel.evaluation.feedback_scores import FEWEST, FeedbackTrial
from mendel.feedback.judged import JudgedText

from ..feedback.test_feedback import judged

ACCEPTED = judged("teh end of adn", ("teh", "the", True))
BOTH = judged("teh end of adn", ("teh", "the", True), ("adn", "and", False))


@pytest.mark.parametrize(
    ("restored", "makes"),
    [
        ("teh end of adn", [False, False]),
        ("the end of adn", [True, False]),
        ("the end of and", [True, True]),
        ("teh end of and", [False, True]),
        ("the very end of it all, adn more", [True, False]),  # whatever else was changed
        ("tah end of adn", [False, False]),  # another change at the same place
    ],
)
def test_a_change_is_made_where_the_text_is_nearer_to_it(restored: str, makes: list[bool]) -> None:
    assert feedback_scores.flags_of([BOTH], [restored]) == [makes]


@pytest.mark.parametrize(
    ("restored", "makes"), [("The government", True), ("The goverment", False), ("The govermment", False)]
)
def test_an_insertion_is_a_change_too(restored: str, makes: bool) -> None:
    change = {"start": 9, "end": 9, "original": "", "replacement": "n", "confidence": 0.9, "accepted": True}
    text = JudgedText.model_validate({"text": "The goverment", "changes": [change]})
    assert feedback_scores.flags_of([text], [restored]) == [[makes]]


def test_scores_are_of_accepted_and_rejected_changes() -> None:
    # given a system that makes what was rejected in the first text, and nothing in the second
    found = feedback_scores.scores([BOTH, ACCEPTED], [[True, True], [False]])
    # then
    assert (found.texts, found.changes) == (2, 3)
    assert found.removed is not None
    assert found.repeated is not None
    assert found.removed.value == 0.5, "one of two accepted"
    assert found.repeated.value == 1.0, "the one that was rejected"
    assert found.right.value == pytest.approx(1 / 3)


def test_the_loss_is_what_the_champion_gets_right_and_the_candidate_does_not() -> None:
    # given a candidate that makes no change, and a champion that makes all of them: both kinds were judged equally often
    texts = [BOTH] * FEWEST
    trial = FeedbackTrial(texts, {"candidate": [[False, False]] * FEWEST, "champion": [[True, True]] * FEWEST})
    # then neither is better
    loss = feedback_scores.loss(trial, 200, 0)
    assert loss is not None
    assert loss.value == 0
    # and where all were accepted it loses all
    trial = FeedbackTrial([ACCEPTED] * FEWEST, {"candidate": [[False]] * FEWEST, "champion": [[True]] * FEWEST})
    loss = feedback_scores.loss(trial, 200, 0)
    assert loss is not None
    assert loss.low == loss.value == 1


@pytest.mark.parametrize(
    ("texts", "systems"), [(FEWEST - 1, ["candidate", "champion"]), (FEWEST, ["candidate"])], ids=["few", "alone"]
)
def test_of_few_changes_or_without_a_champion_there_is_no_loss(texts: int, systems: list[str]) -> None:
    trial = FeedbackTrial([ACCEPTED] * texts, {system: [[True]] * texts for system in systems})
    assert feedback_scores.loss(trial, 200, 0) is None


def test_a_sample_is_the_same_whatever_the_order() -> None:
    texts = [judged(f"teh end of {number}", ("teh", "the", True)) for number in range(50)]
    chosen = feedback_scores.sample(texts, 20, seed=1)
    assert len(chosen) == 20
    assert feedback_scores.sample(texts[::-1], 20, seed=1) == chosen
    assert feedback_scores.sample(texts, 20, seed=2) != chosen
    assert len(feedback_scores.sample(texts, 80, seed=1)) == 50, "all, where there are fewer"


def test_the_report_sets_the_systems_beside_each_other() -> None:
    of_systems = {
        "candidate": feedback_scores.scores([BOTH], [[True, False]]),
        "champion": feedback_scores.scores([ACCEPTED], [[True]]),
    }
    lines = list(report_feedback.section(of_systems))
    (candidate,) = [line for line in lines if line.startswith("| candidate |")]
    assert candidate.startswith("| candidate | 100.00% (")
    (champion,) = [line for line in lines if line.startswith("| champion |")]
    assert "| – |" in champion, "it has repeated nothing, for nothing was rejected"
    assert list(report_feedback.section({})) == []
