"""What is proposed for a text outlives the step to a better one, where it holds for that too."""

from __future__ import annotations

from mendel.channel.decoder import TextCandidate
from mendel.channel.proposals import Opening, ProposedChange
from mendel.models.reading import Reading
from mendel.restorers.climb import Climb

TEXT = "We mst act nwo."


def score(candidate: TextCandidate) -> float:
    return candidate.channel


def climbing(*read: TextCandidate) -> Climb:
    """From the first of these."""
    climb = Climb(TEXT, [], score)
    climb.reading = Reading([0])
    climb.read = {candidate.text: candidate for candidate in read}
    climb.turn_to(read[0])
    return climb


def test_changes_that_gain_with_the_next_tokens_are_tried_together_and_the_best_alone() -> None:
    # given two that gain, one that overlaps the better of them, one that nearly gains, and one that loses: all read
    climb = climbing(TextCandidate(TEXT, 0.0, 0.0))
    climb.add(
        [
            ProposedChange(3, 6, "must", 5.0, is_read=True),
            ProposedChange(11, 14, "now", 3.0, is_read=True),
            ProposedChange(2, 6, " most", 2.0, is_read=True),
            ProposedChange(7, 10, "ask", -0.5, is_read=True),
            ProposedChange(0, 2, "He", -4.0, is_read=True),
        ],
        [],
        0,
    )
    # when
    texts = climb.choose(changes=4, openings=0, least=-9.0)
    # then
    assert texts == ["We must act nwo.", "We mst act now.", "We must act now."]
    assert climb.next_changes == [], "what was read is not read again"


def test_changes_that_promise_most_are_read_with_the_next_tokens_first() -> None:
    # given changes that were not read, one of them not worth it, and one that was read and is proposed again
    climb = climbing(TextCandidate(TEXT, 0.0, 0.0))
    must, now, most, he = (
        ProposedChange(3, 6, "must", 5.0),
        ProposedChange(11, 14, "now", 3.0),
        ProposedChange(2, 6, " most", 2.0),
        ProposedChange(0, 2, "He", -4.0),
    )
    again = ProposedChange(7, 10, "ask", -2.0, is_read=True)
    climb.add([he, most, now, must, again, again._replace(gain=9.0, is_read=False)], [], 0)
    # when
    texts = climb.choose(changes=2, openings=0, least=-3.0)
    # then
    assert (texts, climb.next_changes) == ([], [must, now])
    climb.choose(changes=9, openings=0, least=-3.0)
    assert climb.next_changes == [must, now, most], "one that loses more than allowed, or was read, is chosen"


def test_a_better_text_takes_over_the_changes_elsewhere() -> None:
    # given changes before, in and behind what a better text changes, one of them read
    climb = climbing(TextCandidate(TEXT, 0.0, 0.0), TextCandidate("He mst act nwo.", -2.0, 0.0))
    changes = [
        ProposedChange(0, 2, "He", 9.0),
        ProposedChange(3, 6, "most", 1.0),
        ProposedChange(11, 14, "now", 3.0),
    ]
    climb.add(changes, [], 0)
    # when
    climb.turn_to(TextCandidate("We must act nwo.", 5.0, 0.0))
    # then those outside are moved with the text, the one that was read has its true gain, the one inside is gone
    assert climb.choose(changes=9, openings=0, least=-9.0) == []
    assert [change.apply("We must act nwo.") for change in climb.next_changes] == ["We must act now."]
    assert [change.gain for change in climb.next_changes] == [3.0]


def test_the_openings_that_promise_most_become_branches_once() -> None:
    # given
    climb = climbing(TextCandidate(TEXT, 0.0, 0.0))
    best, good, late = (Opening(start, " x", -1.0, promise, 5) for start, promise in ((2, 4.0), (6, 3.0), (10, 2.0)))
    climb.add([], [good, best, late], climb.reading.trunk)
    # when they are chosen, two at a time
    climb.choose(changes=1, openings=2, least=0.0)
    # then
    assert [branch.opening for branch in climb.branches] == [best, good]
    assert {branch.node for branch in climb.branches} == {1}, "the same token behind the same node"
    # when they are found again, then they are not asked twice
    climb.add([], [best, good], climb.reading.trunk)
    climb.choose(changes=1, openings=2, least=0.0)
    assert [branch.opening for branch in climb.branches] == [late]


def test_openings_end_with_the_beginning_that_they_had() -> None:
    # given openings before and behind what a better text changes
    climb = climbing(TextCandidate(TEXT, 0.0, 0.0))
    before, behind = Opening(2, " x", -1.0, 4.0, 5), Opening(10, " x", -1.0, 3.0, 5)
    climb.add([], [before, behind], climb.reading.trunk)
    # when
    climb.turn_to(TextCandidate("We must act nwo.", 5.0, 0.0))
    climb.choose(changes=1, openings=9, least=0.0)
    # then
    assert [branch.opening for branch in climb.branches] == [before]
