"""The gate: whether a challenger is promoted, and why, in plain words. Nothing here reads or writes anything."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field

from mendel.frozen import Frozen
from mendel.registry.interval import Interval

MEANING = {
    "identity": "leaving the text as it is",
    "symspell": "SymSpell",
    "champion": "the champion",
}
"""How the reasons name those that a challenger has to beat."""


class Rules(Frozen):
    """What a challenger has to keep. Fractions are of 1."""

    min_reduction: float = Field(0.3, ge=0, lt=1, description="share of the character errors to remove")
    max_worse: float = Field(0.03, ge=0, le=1, description="sentences that have more errors than before")
    max_clean_altered: float = Field(0.01, ge=0, le=1, description="uncorrupted sentences that do not stay as they are")
    max_latency_seconds: float = Field(2.0, gt=0, description="95th percentile of the time for one sentence by itself")


class Evidence(Frozen):
    """What was measured of a challenger."""

    reduction: Interval
    gains: Mapping[str, Interval]
    """By how much the challenger's CER is below that of each system it has to beat (keys of MEANING), paired."""
    worse: Interval
    clean_altered: Interval
    latency_seconds: float


class Check(Frozen):
    """One rule: what was observed, what is asked for, whether it holds."""

    rule: str
    observed: float
    bound: float
    passed: bool
    reason: str


class Verdict(Frozen):
    """Promote only if every check passed."""

    promote: bool
    reasons: tuple[str, ...]
    """What speaks against the promotion, or, where nothing does, what speaks for it."""
    checks: tuple[Check, ...]


def judge(evidence: Evidence, rules: Rules) -> Verdict:
    """Compare what was measured with the rules.

    A system is beaten when the paired 95% interval of the difference in CER lies above zero: a tie is no win.
    """
    checks = (
        _at_least(
            "min_reduction",
            "share of the character errors that it removes",
            evidence.reduction.value,
            rules.min_reduction,
        ),
        *(_beats(name, gain) for name, gain in evidence.gains.items()),
        _at_most("max_worse", "share of the sentences that it makes worse", evidence.worse.value, rules.max_worse),
        _at_most(
            "max_clean_altered",
            "share of the uncorrupted sentences that it alters",
            evidence.clean_altered.value,
            rules.max_clean_altered,
        ),
        Check(
            rule="max_latency_seconds",
            observed=evidence.latency_seconds,
            bound=rules.max_latency_seconds,
            passed=evidence.latency_seconds <= rules.max_latency_seconds,
            reason=f"one sentence takes {evidence.latency_seconds:.3f} s (95th percentile); "
            f"at most {rules.max_latency_seconds:g} s are allowed",
        ),
    )
    promote = all(check.passed for check in checks)
    reasons = tuple(check.reason for check in checks if check.passed == promote)
    return Verdict(promote=promote, reasons=reasons, checks=checks)


def _at_least(rule: str, what: str, observed: float, bound: float) -> Check:
    reason = f"{what}: {observed:.1%}; at least {bound:.1%} is required"
    return Check(rule=rule, observed=observed, bound=bound, passed=observed >= bound, reason=reason)


def _at_most(rule: str, what: str, observed: float, bound: float) -> Check:
    reason = f"{what}: {observed:.1%}; at most {bound:.1%} is allowed"
    return Check(rule=rule, observed=observed, bound=bound, passed=observed <= bound, reason=reason)


def _beats(name: str, gain: Interval) -> Check:
    passed = gain.low > 0
    finding = "better than" if passed else "not shown to be better than"
    return Check(
        rule=f"beats_{name}",
        observed=gain.low,
        bound=0.0,
        passed=passed,
        reason=f"{finding} {MEANING[name]}: CER lower by {100 * gain.value:.2f} points "
        f"(95% interval {100 * gain.low:.2f} to {100 * gain.high:.2f}; it must lie above 0)",
    )
