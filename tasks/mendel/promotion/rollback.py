"""Rollback: the champion before the present one comes into force again."""

from __future__ import annotations

from datetime import UTC, datetime

from mendel.core import manifest
from mendel.core.errors import InputError
from mendel.promotion import ledger
from mendel.promotion.ledger import Decision, History


def plan(root: str, run_id: str) -> Decision:
    """What a rollback would decide now. Raises InputError where there was no champion before, or the files are not whole."""
    decision = _decide(ledger.read(root), run_id)
    manifest.verify(root, decision.candidate)
    return decision


def roll_back(root: str, run_id: str) -> Decision:
    """Write the decision. Raises InputError as `plan`, or where the champion changes meanwhile."""
    planned = plan(root, run_id)

    def judge(history: History) -> Decision:
        decision = _decide(history, run_id)
        if (decision.champion_before, decision.version) != (planned.champion_before, planned.version):
            raise InputError("the champion changed meanwhile: look at mendel registry list, then decide again")
        return decision

    return ledger.append(root, judge)


def _decide(history: History, run_id: str) -> Decision:
    champion, previous, _ = ledger.state(history)
    if champion is None:
        raise InputError("there is nothing to roll back: no model has been promoted yet")
    if previous is None:
        raise InputError(
            f"there is nothing to roll back to: version {champion.version} is the first champion left. "
            f"Promote another model instead."
        )
    return Decision(
        number=len(history) + 1,
        action="rolled back",
        version=previous.version,
        candidate=previous.candidate,
        champion_before=champion.version,
        reasons=(f"rolled back from version {champion.version}",),
        run_id=run_id,
        decided=datetime.now(UTC),
    )
