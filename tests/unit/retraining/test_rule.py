"""What asks for a training, what holds it back, and that both are said."""

from __future__ import annotations

from typing import Any

import pytest

from mendel.retraining.rule import DriftFinding, RetrainingEvidence, RetrainingRule, counts_for, decide

DAY = "2026-11-20"
RULE = RetrainingRule(min_feedback_changes=100, max_rejected_share=0.3, cool_down_days=10, per_month=2)
ALARM = DriftFinding(verdict="over", alarm=True, tests_over="ks_edits, psi_operations")
QUIET = DriftFinding(verdict="quiet", alarm=False, tests_over="")


def seen(**changed: Any) -> RetrainingEvidence:
    return RetrainingEvidence.model_validate({"day": DAY, "champion": 3, **changed})


@pytest.mark.parametrize(
    ("evidence", "reasons"),
    [
        ({"drift": ALARM}, ["drift: 2026-11-20 is an alarm, of version 3, by ks_edits, psi_operations"]),
        (
            {"changes": 200, "rejected": 90},
            ["feedback: readers rejected 45.0% of the changes of version 3 (90 of 200), above 30.0%"],
        ),
        (
            {"drift": ALARM, "changes": 200, "rejected": 90},
            [
                "drift: 2026-11-20 is an alarm, of version 3, by ks_edits, psi_operations",
                "feedback: readers rejected 45.0% of the changes of version 3 (90 of 200), above 30.0%",
            ],
        ),
    ],
    ids=["drift", "feedback", "both"],
)
def test_either_kind_of_evidence_asks_and_is_the_reason(evidence: dict[str, Any], reasons: list[str]) -> None:
    verdict = decide(seen(**evidence), RULE)
    assert verdict.wanted
    assert list(verdict.reasons) == reasons


@pytest.mark.parametrize(
    ("evidence", "said"),
    [
        ({}, "drift: no report of 2026-11-20 is about version 3"),
        ({"drift": QUIET}, "drift: no alarm on 2026-11-20, of version 3; the day: quiet"),
        ({"changes": 99, "rejected": 99}, "feedback: 99 judged changes of version 3, 100 are needed"),
        # a third of so few changes is no proof that a third of all would be rejected
        ({"changes": 100, "rejected": 33}, "(33 of 100), not shown to be above 30.0%"),
    ],
    ids=["nothing", "a quiet day", "few changes", "a share that chance explains"],
)
def test_less_asks_for_nothing_and_says_what_was_looked_at(evidence: dict[str, Any], said: str) -> None:
    verdict = decide(seen(**evidence), RULE)
    assert not verdict.wanted
    assert len(verdict.reasons) == 2, "one sentence for each kind of evidence"
    assert any(said in reason for reason in verdict.reasons), verdict.reasons


def test_without_a_champion_nothing_is_wanted() -> None:
    verdict = decide(RetrainingEvidence(day=DAY, champion=None), RULE)
    assert not verdict.wanted
    assert "no model was promoted yet" in verdict.reasons[0]


@pytest.mark.parametrize(
    ("asked", "held_back"),
    [
        (["2026-11-10"], None),
        (["2026-11-11"], "cool-down: 2026-11-11 has asked for a training, fewer than 10 days away"),
        (["2026-11-29"], "cool-down: 2026-11-29"),  # a day that is looked at late
        (["2026-11-01", "2026-11-02"], "budget: 2 trainings were asked for in 2026-11, 2 a month are allowed"),
        (["2026-10-01", "2026-11-02"], None),
    ],
)
def test_what_was_asked_for_before_holds_back(asked: list[str], held_back: str | None) -> None:
    verdict = decide(seen(drift=ALARM, asking_days=asked), RULE)
    assert verdict.wanted == (held_back is None), verdict.reasons
    if held_back:
        assert held_back in verdict.reasons[0]
        assert "is an alarm" in verdict.reasons[1], "what asked for it is said too"


@pytest.mark.parametrize(
    ("other", "counts"), [("2026-11-01", True), ("2026-10-31", False), ("2026-12-01", False), ("2026-11-29", True)]
)
def test_only_days_that_can_hold_back_count(other: str, counts: bool) -> None:
    assert counts_for(DAY, other, RULE) is counts


def test_a_cool_down_reaches_into_the_month_before() -> None:
    assert counts_for("2026-12-05", "2026-11-26", RULE)
