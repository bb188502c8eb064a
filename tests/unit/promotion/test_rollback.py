from collections.abc import Sequence

import pytest

from mendel.core.errors import InputError
from mendel.promotion import ledger, rollback

from .conftest import WEEK_1, WEEK_2, Store, decide_on


@pytest.mark.parametrize(
    ("promoted", "message"),
    [
        ([], "nothing to roll back: no model has been promoted yet"),
        ([WEEK_1], "nothing to roll back to: version 1 is the first champion left"),
    ],
)
def test_without_a_champion_before_there_is_nothing_to_roll_back_to(
    candidates: Store, promoted: Sequence[str], message: str
) -> None:
    # given
    for week in promoted:
        decide_on(candidates.context(week), "promoted")
    before = ledger.read(candidates.root)

    # when / then
    with pytest.raises(InputError, match=message):
        rollback.roll_back(candidates.root, "test")
    assert ledger.read(candidates.root) == before, "nothing was decided"


def test_it_goes_to_the_champion_before_not_to_the_version_before(candidates: Store) -> None:
    # given version 1 was declined, version 2 was champion, then version 1 was promoted over it
    for week, action in ((WEEK_1, "declined"), (WEEK_2, "promoted"), (WEEK_1, "promoted")):
        decide_on(candidates.context(week), action)

    # when
    decision = rollback.roll_back(candidates.root, "test")

    # then
    assert (decision.number, decision.action, decision.version, decision.champion_before) == (4, "rolled back", 2, 1)
    champion = ledger.state(ledger.read(candidates.root)).champion
    assert champion == decision, "version 2 is champion again"


def test_planning_writes_nothing(candidates: Store) -> None:
    # given
    for week in (WEEK_1, WEEK_2):
        decide_on(candidates.context(week), "promoted")
    before = ledger.read(candidates.root)

    # when
    planned = rollback.plan(candidates.root, "test")

    # then
    assert (planned.champion_before, planned.version) == (2, 1)
    assert ledger.read(candidates.root) == before


def test_a_model_whose_files_are_gone_does_not_come_back(candidates: Store) -> None:
    # given
    first = decide_on(candidates.context(WEEK_1), "promoted")
    decide_on(candidates.context(WEEK_2), "promoted")
    (candidates.lake / first.candidate.folder / "restorer.json").unlink()

    # when / then
    with pytest.raises(InputError, match=r"restorer\.json is listed by the manifest .* and is gone"):
        rollback.roll_back(candidates.root, "test")
    assert len(ledger.read(candidates.root)) == 2, "nothing was decided"


def test_a_promotion_meanwhile_is_not_rolled_back_unseen(candidates: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    # given somebody promotes between the look and the decision
    for week in (WEEK_1, WEEK_2):
        decide_on(candidates.context(week), "promoted")
    plan = rollback.plan

    def plan_then_promotion(root: str, run_id: str) -> ledger.Decision:
        planned = plan(root, run_id)
        decide_on(candidates.context(WEEK_1), "promoted")
        return planned

    monkeypatch.setattr(rollback, "plan", plan_then_promotion)

    # when / then
    with pytest.raises(InputError, match="the champion changed meanwhile"):
        rollback.roll_back(candidates.root, "test")
    assert len(ledger.read(candidates.root)) == 3, "the promotion stands, nothing was rolled back"
