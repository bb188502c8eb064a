import pytest
from hypothesis import given
from hypothesis import strategies as st

from mendel.registry.gate import Evidence, Rules, Verdict, judge
from mendel.registry.interval import Interval

RULES = Rules(min_reduction=0.5, max_worse=0.03, max_clean_altered=0.01, max_latency_seconds=2)


def interval(value: float, low: float | None = None, high: float | None = None) -> Interval:
    return Interval(value=value, low=value if low is None else low, high=value if high is None else high)


GOOD = Evidence(
    reduction=interval(0.6, 0.55, 0.65),
    gains={
        "identity": interval(0.03, 0.02, 0.04),
        "symspell": interval(0.02, 0.01, 0.03),
        "champion": interval(0.001, 0.0002, 0.002),
    },
    worse=interval(0.02),
    clean_altered=interval(0.005),
    latency_seconds=0.4,
)


def failed(verdict: Verdict) -> list[str]:
    return [check.rule for check in verdict.checks if not check.passed]


def test_a_challenger_that_keeps_every_rule_is_promoted_for_every_reason() -> None:
    verdict = judge(GOOD, RULES)
    assert verdict.promote, f"fails {failed(verdict)}"
    assert len(verdict.reasons) == len(verdict.checks) == 7, "three systems beaten, four bounds kept"


@pytest.mark.parametrize(
    ("change", "rule", "words"),
    [
        ({"reduction": interval(0.4)}, "min_reduction", "40.0%; at least 50.0% is required"),
        ({"worse": interval(0.031)}, "max_worse", "makes worse: 3.1%; at most 3.0%"),
        ({"clean_altered": interval(0.02)}, "max_clean_altered", "alters: 2.0%; at most 1.0%"),
        ({"latency_seconds": 2.5}, "max_latency_seconds", "takes 2.500 s"),
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


def test_a_tie_with_the_champion_is_no_win() -> None:
    tied = GOOD.model_copy(update={"gains": {**GOOD.gains, "champion": interval(0.0)}})
    verdict = judge(tied, RULES)
    assert failed(verdict) == ["beats_champion"], "newest does not win"
    assert "not shown to be better than the champion" in verdict.reasons[0]


def test_without_a_champion_the_baselines_are_to_beat() -> None:
    alone = GOOD.model_copy(update={"gains": {name: GOOD.gains[name] for name in ("identity", "symspell")}})
    assert judge(alone, RULES).promote


def test_bounds_themselves_are_allowed() -> None:
    edge = GOOD.model_copy(
        update={
            "reduction": interval(0.5),
            "worse": interval(0.03),
            "clean_altered": interval(0.01),
            "latency_seconds": 2.0,
        }
    )
    assert judge(edge, RULES).promote, "at least and at most include the bound"


FRACTION = st.floats(0, 1)


@given(FRACTION, FRACTION, FRACTION, st.floats(-0.1, 0.1), st.floats(0, 0.5))
def test_worse_evidence_never_helps(reduction: float, worse: float, altered: float, gain: float, by: float) -> None:
    def evidence(shift: float) -> Evidence:
        return Evidence(
            reduction=interval(reduction - shift),
            gains={"identity": interval(gain - shift)},
            worse=interval(worse + shift),
            clean_altered=interval(altered + shift),
            latency_seconds=1 + shift,
        )

    better, poorer = judge(evidence(0), RULES), judge(evidence(by), RULES)
    assert set(failed(better)) <= set(failed(poorer)), "a rule that the better evidence breaks is kept by the poorer"
