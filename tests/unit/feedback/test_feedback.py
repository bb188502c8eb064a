"""Feedback: what is left by the service, collected by the day, and made pairs to learn from."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from typer.testing import CliRunner

from mendel.cli.main import app
from mendel.core import lake, manifest
from mendel.core.errors import InputError
from mendel.core.manifest import Manifest
from mendel.core.stage import Context, execute
from mendel.feedback import collected, inbox
from mendel.feedback.judged import Feedback, JudgedChange, JudgedText, pairs
from mendel.garbage.collection import find
from mendel.garbage.policy import Policy
from mendel.noise.learn_pairs import read as read_pairs
from mendel.stages.feedback_collect import CollectFeedback

DAY = "2026-11-29"
NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)
CHARACTERS = st.characters(exclude_categories=["Cs"])


def judged(text: str, *changes: tuple[str, str, bool]) -> JudgedText:
    """A text with changes of words that stand in it once."""
    made = [
        JudgedChange(
            start=text.index(before),
            end=text.index(before) + len(before),
            original=before,
            replacement=after,
            confidence=0.9,
            accepted=accepted,
        )
        for before, after, accepted in changes
    ]
    return JudgedText(text=text, changes=tuple(made))


def said(about: str = "r1", *, accepted: bool = True, caller: str | None = "ana", minutes: int = 0) -> Feedback:
    text = judged("teh end of adn", ("teh", "the", accepted), ("adn", "and", False))
    at = NOON + timedelta(minutes=minutes)
    return Feedback(request_id=about, at=at, caller=caller, model_version=2, texts=(text,))


def collect(root: str, day: str = DAY) -> Manifest:
    return execute(CollectFeedback(), Context(root=root, partition=day))


@given(
    st.lists(
        st.tuples(st.text(CHARACTERS, max_size=4), st.text(CHARACTERS, max_size=4), st.booleans()),
        min_size=1,
        max_size=6,
    ),
    st.text(CHARACTERS, max_size=3),
)
def test_accepted_changes_are_made_and_rejected_ones_are_not(some: list[tuple[str, str, bool]], gap: str) -> None:
    changes: list[JudgedChange] = []
    text = expected = gap
    for before, after, accepted in some:
        place = {"start": len(text), "end": len(text) + len(before), "original": before, "replacement": after}
        changes.append(JudgedChange.model_validate({**place, "confidence": 0.5, "accepted": accepted}))
        text += before + gap
        expected += (after if accepted else before) + gap

    assert JudgedText(text=text, changes=tuple(changes)).accepted() == expected


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"start": 0, "end": 3, "original": "the"}, "the original of the change at 0 does not stand there"),
        ({"start": 3, "end": 1, "original": ""}, "the change at 3 is not behind the one before it"),
        ({"start": 9, "end": 12, "original": "teh"}, "does not stand there"),
    ],
)
def test_a_change_that_is_not_of_its_text_is_refused(change: dict[str, Any], message: str) -> None:
    whole = {"replacement": "x", "confidence": 0.5, "accepted": True, **change}
    with pytest.raises(ValidationError, match=message):
        JudgedText.model_validate({"text": "teh end", "changes": [whole]})


def test_a_day_is_collected_into_a_version_and_read_in_one_call(tmp_path: Path) -> None:
    root = tmp_path.as_uri()
    inbox.put(root, said("r1"))
    inbox.put(root, said("r2", caller=None, minutes=1))
    inbox.put(
        root,
        said("other day").model_copy(update={"at": datetime(2026, 11, 30, 0, 30, tzinfo=timezone(timedelta(hours=1)))}),
    )

    found = collect(root)

    manifest.verify(root, found)
    assert collected.read(root, DAY) == [
        said("r1"),
        said("r2", caller=None, minutes=1),
        said("other day").model_copy(update={"at": datetime(2026, 11, 29, 23, 30, tzinfo=UTC)}),
    ], "a day is of UTC"
    assert found.metrics == {"files": 3, "answers": 3, "changes": 6, "accepted": 3}


def test_of_what_a_caller_says_about_one_answer_the_last_counts(tmp_path: Path) -> None:
    root = tmp_path.as_uri()
    for minutes, caller, accepted in ((0, "ana", True), (1, "bob", True), (2, "ana", False)):
        inbox.put(root, said(accepted=accepted, caller=caller, minutes=minutes))

    collect(root)

    assert collected.read(root, DAY) == [said(caller="bob", minutes=1), said(accepted=False, minutes=2)]


def test_collecting_again_changes_nothing_until_more_is_said(tmp_path: Path) -> None:
    root = tmp_path.as_uri()
    inbox.put(root, said())
    first, again = collect(root), collect(root)
    inbox.put(root, said("r2", minutes=5))

    later = collect(root)

    assert again == first
    assert later.fingerprint != first.fingerprint, "what was said later is not seen"
    assert len(collected.read(root, DAY)) == 2


def test_a_day_that_was_not_collected_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no feedback of 2026-11-29\. Run: mendel feedback collect --partition"):
        collected.read(tmp_path.as_uri(), DAY)


def test_a_file_that_is_no_feedback_is_named(tmp_path: Path) -> None:
    uri = lake.join(tmp_path.as_uri(), "feedback_inbox", f"dt={DAY}", "x.json")
    lake.write(uri, b"{}")

    with pytest.raises(InputError, match=r"x\.json is no feedback"):
        collect(tmp_path.as_uri())


def test_garbage_collection_leaves_what_was_said(tmp_path: Path) -> None:
    root = tmp_path.as_uri()
    inbox.put(root, said())
    collect(root)

    garbage = find(root, Policy(days=2, newest=0), NOON + timedelta(days=400))

    assert [item.path for item in garbage] == []


def test_pairs_are_texts_as_they_were_and_as_the_reader_wants_them() -> None:
    code = judged("see \ufffc adn more", ("adn", "and", True))
    gone = judged("\ufffc", ("\ufffc", "", True))
    record = said().model_copy(update={"texts": (*said().texts, code, gone)})

    assert list(pairs([record])) == [("teh end of adn", "the end of adn"), ("see  adn more", "see  and more")]


def test_the_command_collects_and_writes_pairs_that_noise_learn_reads(tmp_path: Path) -> None:
    # given a lake with feedback
    root, out, config = tmp_path / "lake", tmp_path / "pairs.jsonl", tmp_path / "pipeline.yaml"
    config.write_text(json.dumps({"name": "test", "lake": str(root)}))
    inbox.put(root.as_uri(), said())

    # when
    asked = [["collect", "-c", str(config), "-p", DAY], ["pairs", "-c", str(config), "--out", str(out)]]
    first, second = (CliRunner().invoke(app, ["feedback", *each], catch_exceptions=False) for each in asked)

    # then
    assert "1 answers: 2 changes, 1 accepted" in first.output
    assert "1 pairs written" in second.output
    learned = read_pairs(str(out))
    assert (learned.noisy, learned.clean) == (["teh end of adn"], ["the end of adn"])
