from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mendel.corpus import foreign
from mendel.evaluation.binomial import Count
from mendel.evaluation.gate import Evidence, Rules, Verdict, judge
from mendel.evaluation.interval import Interval
from mendel.pipeline import load_stage
from mendel.stages.evaluate import Evaluate

DEMO = Path(__file__).resolve().parents[3] / "include" / "pipelines" / "demo.yaml"
RULES = Rules(
    min_reduction=0.5, max_worse=0.03, max_clean_altered=0.01, max_foreign_altered=0.02, max_latency_seconds=2
)
RUNS = 100_000


def interval(value: float, low: float | None = None, high: float | None = None) -> Interval:
    return Interval(value=value, low=value if low is None else low, high=value if high is None else high)


def of(count: int, trials: int) -> Count:
    return Count(count=count, trials=trials)


GOOD = Evidence(
    reduction=interval(0.6, 0.55, 0.65),
    gains={
        "identity": interval(0.03, 0.02, 0.04),
        "symspell": interval(0.02, 0.01, 0.03),
        "champion": interval(0.001, 0.0002, 0.002),
    },
    worse=of(10, 500),
    clean_altered=of(5, 1000),
    foreign_altered=of(20, 2000),
    feedback_loss=interval(0.04, 0.01, 0.07),
    latencies=(0.4,) * 30,
)


def failed(verdict: Verdict) -> list[str]:
    return [check.rule for check in verdict.checks if not check.passed]


def test_a_candidate_that_keeps_every_rule_is_promoted_for_every_reason() -> None:
    verdict = judge(GOOD, RULES)
    assert verdict.promote, f"fails {failed(verdict)}"
    assert len(verdict.reasons) == len(verdict.checks) == 9, "three systems beaten, six bounds kept"


@pytest.mark.parametrize(
    ("change", "rule", "words"),
    [
        ({"reduction": interval(0.52, 0.48, 0.56)}, "min_reduction", "48.0% to 56.0%), not shown to be at least 50.0%"),
        ({"worse": of(30, 500)}, "max_worse", "makes worse: 6.0% (30 of 500"),
        ({"clean_altered": of(25, 1000)}, "max_clean_altered", "alters: 2.5% (25 of 1,000"),
        (
            {"foreign_altered": of(80, 2000)},
            "max_foreign_altered",
            "unlike the corpus that it alters: 4.0% (80 of 2,000",
        ),
        ({"latencies": (0.4,) * 24 + (2.5,) * 6}, "max_latency_seconds", "longer than 2 s: 20.0% (6 of 30"),
        (
            {"feedback_loss": interval(0.12, 0.06, 0.18)},
            "max_feedback_loss",
            "below the champion's by 12.0 points (95% interval 6.0 to 18.0), above 5.0",
        ),
        ({"gains": {**GOOD.gains, "identity": interval(0.01, -0.01, 0.02)}}, "beats_identity", "leaving the text"),
        ({"gains": {**GOOD.gains, "symspell": interval(0.01, -0.01, 0.02)}}, "beats_symspell", "SymSpell"),
        ({"gains": {**GOOD.gains, "champion": interval(0.01, -0.01, 0.02)}}, "beats_champion", "the champion"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_one_broken_rule_is_enough_to_decline_and_is_the_reason(
    change: dict[str, object], rule: str, words: str
) -> None:
    # when
    verdict = judge(GOOD.model_copy(update=change), RULES)

    # then
    assert not verdict.promote, f"{rule} is broken"
    assert failed(verdict) == [rule], "only that rule is broken"
    (reason,) = verdict.reasons
    assert words in reason, "the reason names what was observed"
    assert "What helps: " in reason, "and what to change"


def test_a_sample_above_a_bound_of_harm_does_not_show_that_the_bound_is_exceeded() -> None:
    unlucky = GOOD.model_copy(
        update={"worse": of(17, 500), "clean_altered": of(6, 500), "latencies": (3.0,) * 3 + (1.0,) * 27}
    )
    verdict = judge(unlucky, RULES)
    assert verdict.promote, (
        f"3.4% of 500, 1.2% of 500 and 3 of 30 happen to those who keep the bounds: {failed(verdict)}"
    )


def test_a_sample_that_just_reaches_a_bound_of_gain_does_not_show_the_gain() -> None:
    lucky = GOOD.model_copy(update={"reduction": interval(0.51, 0.46, 0.56)})
    assert failed(judge(lucky, RULES)) == ["min_reduction"]


def test_a_tie_with_the_champion_is_no_win() -> None:
    tied = GOOD.model_copy(update={"gains": {**GOOD.gains, "champion": interval(0.0)}})
    verdict = judge(tied, RULES)
    assert failed(verdict) == ["beats_champion"], "newest does not win"
    assert "not shown to be better than the champion" in verdict.reasons[0]


def test_an_evaluation_without_foreign_text_is_judged_without_its_rule() -> None:
    # as those are that were made before there was any
    verdict = judge(GOOD.model_copy(update={"foreign_altered": None}), RULES)
    assert verdict.promote
    assert "max_foreign_altered" not in {check.rule for check in verdict.checks}


def test_without_feedback_its_rule_is_not_asked() -> None:
    verdict = judge(GOOD.model_copy(update={"feedback_loss": None}), RULES)
    assert verdict.promote
    assert "max_feedback_loss" not in {check.rule for check in verdict.checks}


def test_without_a_champion_the_baselines_are_to_beat() -> None:
    alone = GOOD.model_copy(update={"gains": {name: GOOD.gains[name] for name in ("identity", "symspell")}})
    assert judge(alone, RULES).promote


def test_every_rule_says_what_it_found_within_which_interval_and_what_its_sample_tells_apart() -> None:
    for check in judge(GOOD, RULES).checks:
        assert check.low is not None, f"{check.rule} has no interval"
        assert check.high is not None, f"{check.rule} has no interval"
        assert check.low <= check.observed <= check.high, f"{check.rule}: {check}"
        assert check.declines is not None, f"{check.rule} tells nothing apart: {check}"
        assert check.declines > check.bound, f"{check.rule}: {check}"


@pytest.fixture(scope="module")
def demo() -> Evaluate:
    """What the demo asks for: its rules and its samples."""
    _, stage = load_stage(str(DEMO), "evaluate")
    assert isinstance(stage, Evaluate)
    return stage


@pytest.mark.parametrize(
    ("rule", "share", "least", "most"),
    [
        ("max_clean_altered", 0.006, 0.0, 0.001),
        ("max_clean_altered", 0.04, 0.99, 1.0),
        ("max_foreign_altered", 0.004, 0.0, 0.001),
        ("max_foreign_altered", 0.025, 0.99, 1.0),
        ("max_worse", 0.02, 0.0, 0.001),
        ("max_worse", 0.08, 0.99, 1.0),
    ],
)
def test_chance_does_not_decide_the_demo(demo: Evaluate, rule: str, share: float, least: float, most: float) -> None:
    """The gate's operating characteristic: so many runs of the demo with a restorer whose true share is known."""
    # given
    field, trials = {
        "max_clean_altered": ("clean_altered", demo.clean_sentences),
        "max_foreign_altered": ("foreign_altered", demo.foreign_per_kind * len(foreign.KINDS)),
        "max_worse": ("worse", demo.max_sentences),
    }[rule]

    @cache
    def declines(count: int) -> bool:
        return rule in failed(judge(GOOD.model_copy(update={field: of(count, trials)}), demo.rules))

    # when
    counts = np.random.default_rng(0).binomial(trials, share, size=RUNS)
    declined = sum(declines(int(count)) for count in counts) / RUNS

    # then
    assert least <= declined <= most, f"{rule} at a true {share:.1%} declines {declined:.3%} of the runs"


FRACTION = st.floats(0, 1)


@given(FRACTION, st.integers(0, 500), st.integers(0, 500), st.floats(-0.1, 0.1), st.floats(0, 0.5), st.integers(0, 100))
def test_worse_evidence_never_helps(
    reduction: float, worse: int, altered: int, gain: float, by: float, more: int
) -> None:
    def evidence(shift: float, count: int) -> Evidence:
        return Evidence(
            reduction=interval(reduction - shift),
            gains={"identity": interval(gain - shift)},
            worse=of(worse + count, 600),
            clean_altered=of(altered + count, 600),
            foreign_altered=of(altered + count, 600),
            latencies=(1 + 4 * shift,) * 30,
        )

    better, poorer = judge(evidence(0, 0), RULES), judge(evidence(by, more), RULES)
    assert set(failed(better)) <= set(failed(poorer)), "a rule that the better evidence breaks is kept by the poorer"
