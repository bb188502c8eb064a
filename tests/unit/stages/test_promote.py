"""What becomes of a candidate; and that nothing is lost or half done whenever the process is killed."""

from collections.abc import Sequence
from pathlib import Path

import mlflow
import pytest

from mendel.core import lake, manifest
from mendel.core.errors import InputError
from mendel.core.stage import execute
from mendel.promotion import ledger, model_card, model_registry

from ..promotion.conftest import (
    MODEL,
    WEEK_1,
    WEEK_2,
    Commands,
    Store,
    aliases,
    candidates,
    candidates_template,
    commands,
    evaluate,
    evaluated,
    evaluated_template,
    make_candidate,
    promote,
    with_champion,
    with_champion_template,
)
from ..retraining.conftest import MakeRetraining

__all__ = [
    "candidates",
    "candidates_template",
    "commands",
    "evaluated",
    "evaluated_template",
    "with_champion",
    "with_champion_template",
]


def actions(store: Store) -> list[tuple[str, int]]:
    return [(decision.action, decision.version) for decision in ledger.read(store.root)]


def test_who_passed_the_gate_before_any_champion_is_promoted(evaluated: Store) -> None:
    # when
    decision = promote(evaluated.context(WEEK_1))

    # then
    assert (decision.number, decision.action, decision.version) == (1, "promoted", 1), "the first decision"
    assert decision.champion_before is None, "there was no champion before"
    assert any("SymSpell" in reason for reason in decision.reasons), "the gate's findings are the reasons"
    assert decision.evaluation is not None
    judged = manifest.current(evaluated.root, "evaluation", WEEK_1)
    assert judged is not None
    assert decision.evaluation.digest == judged.digest, "it says what it was decided on"


def test_who_beats_the_champion_takes_its_place(with_champion: Store) -> None:
    decision = promote(with_champion.context(WEEK_2))
    assert (decision.action, decision.version, decision.champion_before) == ("promoted", 2, 1), f"{decision.reasons}"


def test_the_ledger_and_the_card_tell_why_production_asked_for_the_training(with_champion: Store) -> None:
    # given a week that has asked for a training, and what came of it
    context = with_champion.context(WEEK_2)
    reasons = ("drift: an alarm, by ks_edits", "feedback: readers rejected 45.0%")
    retraining = execute(MakeRetraining(reasons=reasons), context)
    make_candidate(context, order=7)
    evaluate(context)

    # when
    decision = promote(context)

    # then
    assert decision.trained_because == reasons
    promotion = manifest.current(with_champion.root, "promotion", WEEK_2)
    assert promotion is not None
    (uri,) = context.uris(promotion.as_input(), model_card.NAME)
    card = lake.read_text(uri)
    assert (
        "It was trained because of what was seen of the champion before it:\n\n- drift: an alarm, by ks_edits\n" in card
    )
    assert f"| retraining | `{retraining.path}` |" in card
    # and the model that nobody asked for says nothing
    assert ledger.read(with_champion.root)[0].trained_because == ()


def test_promoting_again_changes_nothing(with_champion: Store) -> None:
    # given
    first = promote(with_champion.context(WEEK_2))

    # when
    again = promote(with_champion.context(WEEK_2))

    # then
    assert again == first, "the same decision"
    assert actions(with_champion) == [("promoted", 1), ("promoted", 2)], "none was added"


def test_a_second_promotion_by_force_is_declined_as_unchanged(with_champion: Store) -> None:
    promote(with_champion.context(WEEK_2))
    decision = promote(with_champion.context(WEEK_2, force=True))
    assert decision.action == "declined", "the champion is not promoted over itself"
    assert decision.reasons == ("unchanged: this is the champion, version 2, already",)
    assert ledger.state(ledger.read(with_champion.root)).candidate is None, "the champion is no candidate"


def test_who_was_judged_against_another_champion_is_declined(evaluated: Store) -> None:
    # given both were judged when there was no champion, and one was promoted
    promote(evaluated.context(WEEK_2))

    # when
    decision = promote(evaluated.context(WEEK_1))

    # then
    assert decision.action == "declined", "the weaker one must not follow just because it is the newer decision"
    assert "the champion changed since the evaluation (it is version 1 now)" in decision.reasons[0]


def test_a_persons_no_is_written_down_and_can_be_taken_back(with_champion: Store) -> None:
    # when
    rejected = promote(with_champion.context(WEEK_2), rejected_by="Ada")

    # then
    assert (rejected.action, rejected.rejected_by) == ("declined", "Ada")
    assert rejected.reasons == ("rejected by Ada",), "the gate had nothing against it"

    # when she changes her mind
    accepted = promote(with_champion.context(WEEK_2))

    # then
    assert (accepted.number, accepted.action) == (3, "promoted"), "a decision of its own"


def test_the_candidate_must_be_the_one_that_was_evaluated(evaluated: Store) -> None:
    # given another candidate in the partition, made after the evaluation
    context = evaluated.context(WEEK_1)
    make_candidate(context, order=2)

    # when / then
    with pytest.raises(InputError, match=rf"judged another candidate.*mendel evaluate --partition {WEEK_1}"):
        promote(context)


def test_without_an_evaluation_the_error_says_what_to_make(candidates: Store) -> None:
    with pytest.raises(InputError, match="evaluation has no version in partition"):
        promote(candidates.context(WEEK_1))


def final_state(store: Store) -> dict[str, object]:
    """All that a promotion or a rollback is to leave behind."""
    promoted = manifest.current(store.root, "promotion", WEEK_2)
    return {
        "ledger": actions(store),
        "aliases": aliases(),
        "versions": [
            (int(found.version), found.tags["digest"]) for found in mlflow.MlflowClient().search_model_versions()
        ],
        "promotion": promoted.digest if promoted else None,
    }


@pytest.mark.parametrize("command", [["promote", "-p", WEEK_2], ["registry", "rollback"]], ids=["promote", "rollback"])
def test_killed_before_any_of_its_writes_the_next_run_ends_in_the_same_state(
    with_champion_template: Store, commands: Commands, tmp_path: Path, command: Sequence[str]
) -> None:
    # given how it ends undisturbed
    def fresh(name: str) -> Store:
        store = with_champion_template.copied(tmp_path / name)
        if "rollback" in command:
            with store.in_use():
                promote(store.context(WEEK_2))
                model_registry.follow(store.root, MODEL)
        return store

    undisturbed = fresh("undisturbed")
    assert commands.run(undisturbed, command) == 0
    with undisturbed.in_use():
        expected = final_state(undisturbed)

    # when it is killed before its first write, its second, and so on
    survived = 0
    while True:
        store = fresh(f"killed-{survived + 1}")
        before = len(ledger.read(store.root))
        code = commands.run(store, command, die_before_write=survived + 1)
        if code == 0:
            break
        assert code == -9, f"write {survived + 1}: ended with {code} before the kill"
        decided = len(ledger.read(store.root)) > before
        survived += 1

        # and run again; a rollback that is in the ledger is not to be asked for twice, any command lets MLflow follow
        again = ["promote", "-p", WEEK_2] if decided and "rollback" in command else command
        assert commands.run(store, again) == 0, f"killed before write {survived}: the next run failed"

        # then
        with store.in_use():
            assert final_state(store) == expected, f"killed before write {survived}"
    assert survived >= 3, "ledger and two aliases at least: the kills have hit something"


def test_of_two_promotions_at_the_same_time_one_wins_and_none_is_lost(evaluated: Store, commands: Commands) -> None:
    # given two candidates that were judged when there was no champion
    jobs = [["promote", "-p", WEEK_1], ["promote", "-p", WEEK_2]]

    # when
    assert commands.run_together(evaluated, jobs) == [0, 0], "a declined promotion is a good run too"

    # then
    first, second = ledger.read(evaluated.root)
    assert {first.candidate.partition, second.candidate.partition} == {WEEK_1, WEEK_2}, "both are in the ledger"
    assert (first.action, second.action) == ("promoted", "declined"), "the later one knows of the earlier one"
    assert "the champion changed since the evaluation" in second.reasons[0]
    expected = {"champion": first.version, "candidate": second.version, "challenger": second.version}
    assert aliases() == expected, "MLflow follows, under the former name too"
