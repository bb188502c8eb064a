"""Whether a day asks for a new training, from what the lake holds of it; and the noise that is learned for it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from typer.testing import CliRunner

from mendel.cli.main import app
from mendel.core import lake, manifest
from mendel.core.manifest import Manifest
from mendel.core.stage import execute
from mendel.feedback import inbox
from mendel.feedback.judged import Feedback, JudgedChange, JudgedText
from mendel.noise.profile import NoiseProfile
from mendel.retraining import request
from mendel.retraining.request import RetrainingReport
from mendel.stages.feedback_collect import CollectFeedback
from mendel.stages.retrain import Retrain

from ..inference.conftest import a_lake, new_lake
from .test_drift import compare, promote, sentences

__all__ = ["a_lake", "new_lake"]

DAY, LATER = "2026-11-20", "2026-11-23"
RULE: dict[str, Any] = {"min_feedback_changes": 60, "cool_down_days": 2}


def said(a_lake: Any, day: str, *, accepted: int, rejected: int, version: int | None = 1) -> None:
    """What readers say on a day: of `teh` in as many texts that it is `the`, of `tea` in as many that it is not."""
    texts = [judged(f"teh end of line {number}.", "teh", accepted=True) for number in range(accepted)]
    texts += [judged(f"tea is at {number}.", "tea", accepted=False) for number in range(rejected)]
    at = datetime.fromisoformat(f"{day}T12:00:00").replace(tzinfo=UTC)
    feedback = Feedback(request_id=f"{day}-{version}", at=at, caller=None, model_version=version, texts=tuple(texts))
    inbox.put(a_lake.root, feedback)
    execute(CollectFeedback(), a_lake.context(day, force=True))


def judged(text: str, word: str, *, accepted: bool) -> JudgedText:
    change = JudgedChange(start=0, end=len(word), original=word, replacement="the", confidence=0.9, accepted=accepted)
    return JudgedText(text=text, changes=(change,))


def retrain(a_lake: Any, day: str = DAY, *, force: bool = False, **settings: Any) -> Manifest:
    return execute(Retrain(**{**RULE, **settings}), a_lake.context(day, force))


def report(a_lake: Any, version: Manifest) -> RetrainingReport:
    (uri,) = a_lake.context().uris(version.as_input(), request.REPORT)
    return RetrainingReport.model_validate_json(lake.read_bytes(uri))


def noise(a_lake: Any, version: Manifest) -> Sequence[NoiseProfile]:
    uris = a_lake.context().uris(version.as_input(), request.NOISE)
    return [NoiseProfile.model_validate_json(lake.read_bytes(uri)) for uri in uris]


def test_a_day_without_evidence_asks_for_nothing_and_says_why(a_lake: Any) -> None:
    version = retrain(a_lake)
    assert version.metrics["wanted"] is False
    assert version.metrics["reasons"] == [
        "drift: no report of 2026-11-20 is about version 1, the champion",
        "feedback: 0 judged changes of version 1, 60 are needed (retrain.min_feedback_changes)",
    ]
    assert noise(a_lake, version) == []


def test_rejected_changes_ask_and_the_noise_is_learned_from_the_others(a_lake: Any) -> None:
    # Given two days of feedback on the champion
    said(a_lake, "2026-11-19", accepted=40, rejected=20)
    said(a_lake, DAY, accepted=40, rejected=60)
    # When the day is weighed
    version = retrain(a_lake)
    # Then both days count, and the report has it in words
    assert (version.metrics["wanted"], version.metrics["learned_noise"]) == (True, True), version.metrics
    made = report(a_lake, version)
    assert made.evidence.feedback_days == ("2026-11-19", DAY)
    assert made.verdict.reasons == (
        "feedback: readers rejected 50.0% of the changes of version 1 (80 of 160), above 30.0%",
    )
    # and the profile knows what was swapped: `teh` for `the`
    (profile,) = noise(a_lake, version)
    assert profile.rates.reversal > max(profile.rates.deletion, profile.rates.insertion, profile.rates.duplication)


def test_an_alarm_of_drift_asks_and_says_that_no_noise_was_learned(a_lake: Any) -> None:
    # Given a champion, and two days of other noise than its own
    promote(a_lake)
    for day, seed in (("2026-11-19", 4), (DAY, 5)):
        drifted = compare(a_lake, day, sentences(seed, 60, noise=0.3))
    assert drifted.metrics["alarm"]
    # When the day is weighed
    version = retrain(a_lake)
    # Then drift is the reason
    assert version.metrics["wanted"] is True, version.metrics["reasons"]
    (reason,) = version.metrics["reasons"]
    assert reason == f"drift: {DAY} is an alarm, of version 2, by {drifted.metrics['tests_over']}"
    assert version.metrics["noise"] == "none was learned: 0 judged changes, 60 are needed"


@pytest.mark.parametrize("version", [None, 7], ids=["a trial", "another version"])
def test_what_was_said_of_others_than_the_champion_is_no_evidence(a_lake: Any, version: int | None) -> None:
    said(a_lake, DAY, accepted=0, rejected=90, version=version)
    assert retrain(a_lake).metrics["changes"] == 0


def test_feedback_of_later_days_does_not_count(a_lake: Any) -> None:
    said(a_lake, LATER, accepted=0, rejected=90)
    assert retrain(a_lake).metrics["changes"] == 0


def test_noise_that_cannot_be_learned_is_no_reason_against_the_training(a_lake: Any) -> None:
    said(a_lake, DAY, accepted=0, rejected=90)
    version = retrain(a_lake)
    assert version.metrics["wanted"]
    assert version.metrics["noise"] == (
        "none was learned: all 90 pairs are identical: there are no errors to learn from"
    )
    assert noise(a_lake, version) == []


def test_the_same_evidence_is_weighed_once(a_lake: Any) -> None:
    said(a_lake, DAY, accepted=40, rejected=60)
    first = retrain(a_lake)
    assert retrain(a_lake) == first
    assert manifest.partitions(a_lake.root, request.DATASET) == [DAY]


def test_a_day_that_has_asked_holds_back_its_neighbours_whatever_became_of_it(a_lake: Any) -> None:
    said(a_lake, DAY, accepted=0, rejected=90)
    assert retrain(a_lake).metrics["wanted"]
    # When the days around it are weighed, which have the same evidence
    next_day, later = retrain(a_lake, "2026-11-21"), retrain(a_lake, LATER)
    # Then the nearer one waits, and the other one may ask
    assert next_day.metrics["wanted"] is False
    assert next_day.metrics["reasons"][0] == f"cool-down: {DAY} has asked for a training, fewer than 2 days away"
    assert later.metrics["wanted"] is True
    # and the budget of the month is spent then
    assert "budget: 2 trainings were asked for in 2026-11" in retrain(a_lake, "2026-11-28").metrics["reasons"][0]


def test_a_day_that_has_asked_stays_so_when_its_own_training_has_made_another_champion(a_lake: Any) -> None:
    # Given a day that has asked, and a champion that came of it
    said(a_lake, DAY, accepted=40, rejected=60)
    first = retrain(a_lake)
    assert a_lake.make_champion({"teh": "the", "adn": "and"}) == 2
    # When it is weighed again, then nothing has changed, though more was said meanwhile
    said(a_lake, DAY, accepted=10, rejected=10, version=2)
    assert retrain(a_lake) == first
    # and by force it looks at what was said of the same champion
    again = retrain(a_lake, force=True)
    assert (again.metrics["wanted"], again.metrics["changes"]) == (True, 100)
    # while a new day asks about the new one
    assert report(a_lake, retrain(a_lake, LATER)).evidence.champion == 2


def test_the_command_says_whether_and_why(a_lake: Any, tmp_path: Any) -> None:
    # Given a pipeline whose rule takes little for evidence
    said(a_lake, DAY, accepted=5, rejected=5)
    config = tmp_path / "pipeline.yaml"
    config.write_text(
        f"name: test\nlake: {a_lake.root}\nretrain: {{min_feedback_changes: 10, max_rejected_share: 0.1}}\n"
    )
    # When it is asked
    result = CliRunner().invoke(app, ["retrain", "-c", str(config), "-p", DAY])
    # Then it answers in words
    assert result.exit_code == 0, result.output
    assert "training wanted: yes\n- feedback: readers rejected 50.0% of the changes" in result.stdout
    assert "noise: none was learned: the pairs hold" in result.stdout
