import hashlib
import json
import random
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from mendel.core.errors import InputError
from mendel.core.manifest import Manifest
from mendel.promotion import ledger
from mendel.promotion.ledger import Decision, History

EPOCH = datetime(2026, 11, 23, tzinfo=UTC)


def candidate(version: int) -> Manifest:
    return Manifest(
        dataset="candidate",
        partition="2026-11-23",
        fingerprint=f"{version:016x}",
        stage="finetune",
        stage_version=1,
        run_id="test",
        inputs=(),
        files=(),
        rows=1,
        digest=f"digest of {version}",
        parameters={},
        metrics={},
        code_version="1",
        started=EPOCH,
        finished=EPOCH,
    )


def decide(history: History, action: str, version: int) -> Decision:
    champion = ledger.state(history).champion
    return Decision.model_validate(
        {
            "number": len(history) + 1,
            "action": action,
            "version": version,
            "candidate": candidate(version),
            "reigning": champion.version if champion else None,
            "reasons": ("because",),
            "run_id": "test",
            "decided": EPOCH,
        }
    )


def after(*events: tuple[str, int]) -> list[Decision]:
    history: list[Decision] = []
    for action, version in events:
        history.append(decide(history, action, version))
    return history


def holders(history: History) -> tuple[int | None, ...]:
    """Versions of champion, previous and candidate."""
    return tuple(holder.version if holder else None for holder in ledger.state(history))


@pytest.mark.parametrize(
    ("events", "expected", "why"),
    [
        ([], (None, None, None), "nothing was decided"),
        ([("declined", 1)], (None, None, 1), "a declined model stays the candidate"),
        ([("promoted", 1)], (1, None, None), "the first champion has no one before it"),
        ([("promoted", 1), ("promoted", 2)], (2, 1, None), "the old champion is the previous one"),
        ([("promoted", 1), ("declined", 2)], (1, None, 2), "the champion stays"),
        ([("promoted", 1), ("declined", 1)], (1, None, None), "the champion is no candidate"),
        ([("declined", 1), ("promoted", 2)], (2, None, None), "who was declined is not the previous champion"),
        (
            [("promoted", 1), ("promoted", 3), ("rolled back", 1)],
            (1, None, None),
            "a rollback leads to the champion before, not to version - 1",
        ),
        (
            [("promoted", 1), ("promoted", 2), ("promoted", 3), ("rolled back", 2), ("rolled back", 1)],
            (1, None, None),
            "two rollbacks go back twice, not to and fro",
        ),
        (
            [("promoted", 1), ("promoted", 2), ("rolled back", 1), ("promoted", 3)],
            (3, 1, None),
            "who was rolled back is no previous champion",
        ),
    ],
)
def test_state(events: list[tuple[str, int]], expected: tuple[int | None, ...], why: str) -> None:
    assert holders(after(*events)) == expected, why


@pytest.mark.parametrize(
    ("events", "version", "expected", "why"),
    [
        ([], 1, None, "there is no champion"),
        ([("promoted", 1)], 2, 1, "the champion is to beat"),
        ([("promoted", 1)], 1, None, "the first champion had beaten nobody"),
        ([("promoted", 1), ("promoted", 2)], 2, 1, "the champion had beaten the one before"),
        ([("promoted", 1), ("promoted", 2), ("rolled back", 1)], 2, 1, "who was rolled back has to win again"),
        ([("promoted", 1), ("promoted", 2), ("rolled back", 1)], 1, None, "a rollback is no victory"),
    ],
)
def test_the_champion_to_beat(events: list[tuple[str, int]], version: int, expected: int | None, why: str) -> None:
    found = ledger.champion_to_beat(after(*events), candidate(version).digest)
    assert (found.version if found else None) == expected, why


def test_whom_to_beat_does_not_change_by_winning() -> None:
    # given any history without rollbacks
    generator = random.Random(11)
    for _ in range(50):
        history = after(*((generator.choice(["promoted", "declined"]), version) for version in range(1, 8)))
        before = ledger.champion_to_beat(history, candidate(9).digest)

        # when the ninth wins
        history.append(decide(history, "promoted", 9))

        # then evaluating it again is the same evaluation
        now = ledger.champion_to_beat(history, candidate(9).digest)
        assert (now and now.version) == (before and before.version), f"{[(d.action, d.version) for d in history]}"


def test_of_several_decisions_about_a_candidate_the_latest_counts() -> None:
    history = after(("declined", 1), ("promoted", 2), ("promoted", 1), ("declined", 2))
    assert ledger.about_candidate(history, candidate(1).digest) == history[2]
    assert ledger.about_candidate(history, candidate(3).digest) is None


def test_decisions_are_read_as_they_were_written(tmp_path: Path) -> None:
    written = [
        ledger.append(str(tmp_path), lambda history: decide(history, "promoted", len(history) + 1)) for _ in range(12)
    ]
    assert ledger.read(str(tmp_path)) == written, "all, in the order of their numbers"
    names = sorted(path.name for path in (tmp_path / "ledger").iterdir())
    assert (names[0], names[-1]) == ("000001.json", "000012.json"), "numbers without gaps"


def test_of_writers_at_the_same_time_none_is_lost_and_each_knows_all_before(tmp_path: Path) -> None:
    # given
    def write(version: int) -> Decision:
        return ledger.append(str(tmp_path), lambda history: decide(history, "promoted", version))

    # when
    with ThreadPoolExecutor(8) as pool:
        written = list(pool.map(write, range(1, 41)))

    # then
    history = ledger.read(str(tmp_path))
    assert [decision.number for decision in history] == list(range(1, 41)), "each number once"
    assert {decision.version for decision in history} == set(range(1, 41)), "no decision is lost"
    assert sorted(written, key=lambda decision: decision.number) == history, "each writer knows its own number"
    with_champion = [decision.champion_before for decision in history]
    assert with_champion == [None, *(decision.version for decision in history[:-1])], (
        "each was made after the one before"
    )


def test_a_decision_that_is_there_is_not_written_again(tmp_path: Path) -> None:
    first = ledger.append(str(tmp_path), lambda history: decide(history, "declined", 1))
    again = ledger.append(str(tmp_path), lambda history: history[0])
    assert again == first
    assert len(ledger.read(str(tmp_path))) == 1


def remove_second(folder: Path) -> None:
    (folder / "000002.json").unlink()


def garble_second(folder: Path) -> None:
    (folder / "000002.json").write_text('{"number": 2')


def misspell_second(folder: Path) -> None:
    path = folder / "000002.json"
    path.write_text(path.read_text().replace('"promoted"', '"pormoted"'))


@pytest.mark.parametrize("damage", [remove_second, garble_second, misspell_second])
def test_a_damaged_ledger_is_an_error_that_names_the_file(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    # given
    for _ in range(3):
        ledger.append(str(tmp_path), lambda history: decide(history, "promoted", 1))
    damage(tmp_path / "ledger")

    # when / then
    with pytest.raises(InputError, match=r"(?s)ledger/000002\.json.*[Rr]estore it from a copy"):
        ledger.read(str(tmp_path))


def test_what_writers_leave_behind_when_they_are_killed_is_no_decision(tmp_path: Path) -> None:
    ledger.append(str(tmp_path), lambda history: decide(history, "promoted", 1))
    (tmp_path / "ledger" / ".tmp-x").write_text("half a decision")
    assert len(ledger.read(str(tmp_path))) == 1


def promote_three(folder: Path) -> None:
    for version in (1, 2, 3):
        ledger.append(str(folder), partial(decide, action="promoted", version=version))


def rewrite(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text, f"{path} has no {old}"
    path.write_text(text.replace(old, new))


def test_each_entry_holds_the_digest_of_the_file_before(tmp_path: Path) -> None:
    promote_three(tmp_path)
    history = ledger.read(str(tmp_path))
    files = [(tmp_path / "ledger" / f"00000{number}.json").read_bytes() for number in (1, 2)]
    assert [decision.before_sha256 for decision in history] == [None, *(hashlib.sha256(f).hexdigest() for f in files)]


def edit_first(folder: Path) -> None:
    rewrite(folder / "ledger/000001.json", '"promoted"', '"declined"')


def edit_second(folder: Path) -> None:
    rewrite(folder / "ledger/000002.json", '"version": 2', '"version": 1')


def edit_newest(folder: Path) -> None:
    rewrite(folder / "ledger/000003.json", '"version": 3', '"version": 1')


def delete_newest(folder: Path) -> None:
    (folder / "ledger/000003.json").unlink()


def delete_all(folder: Path) -> None:
    shutil.rmtree(folder / "ledger")


def delete_second_and_close_the_gap(folder: Path) -> None:
    (folder / "ledger/000002.json").unlink()
    (folder / "ledger/000003.json").rename(folder / "ledger/000002.json")


def unchain_newest(folder: Path) -> None:
    path = folder / "ledger/000003.json"
    told = json.loads(path.read_text())
    path.write_text(json.dumps({**told, "before_sha256": None}))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (edit_first, r"chain is broken at .*000001\.json"),
        (edit_second, r"chain is broken at .*000002\.json"),
        (edit_newest, r"000003\.json was changed: .*promotion/_ledger\.json has seen"),
        (delete_newest, r"lost ledger/000003\.json, which .*promotion/_ledger\.json has seen"),
        (delete_all, r"lost ledger/000003\.json"),
        (delete_second_and_close_the_gap, r"000002\.json holds decision 3: it was moved"),
        (unchain_newest, r"000003\.json does not name the entry before it"),
    ],
)
def test_what_was_edited_or_deleted_is_an_error_that_says_where(
    tmp_path: Path, damage: Callable[[Path], None], message: str
) -> None:
    # given
    promote_three(tmp_path)
    damage(tmp_path)

    # when / then reading and deciding both refuse
    with pytest.raises(InputError, match=rf"{message}.*[Rr]estore it from a copy"):
        ledger.read(str(tmp_path))
    with pytest.raises(InputError, match=message):
        ledger.append(str(tmp_path), lambda history: decide(history, "promoted", 4))


def test_a_ledger_of_0_1_0_is_read_and_its_chain_begins_with_the_next_decision(tmp_path: Path) -> None:
    # given entries without the field, and no witness
    folder = tmp_path / "ledger"
    folder.mkdir()
    for old in after(("promoted", 1), ("promoted", 2)):
        told = old.model_dump_json(exclude={"before_sha256"})
        (folder / f"{old.number:06d}.json").write_text(told)
    assert len(ledger.read(str(tmp_path))) == 2

    # when
    third = ledger.append(str(tmp_path), lambda history: decide(history, "promoted", 3))

    # then the last old one is covered
    assert third.before_sha256 == hashlib.sha256((folder / "000002.json").read_bytes()).hexdigest()
    rewrite(folder / "000002.json", '"version":2', '"version":1')
    with pytest.raises(InputError, match=r"chain is broken at .*000002\.json"):
        ledger.read(str(tmp_path))


def test_a_writer_that_was_stopped_before_the_witness_is_made_good(tmp_path: Path) -> None:
    # given
    promote_three(tmp_path)
    witness = tmp_path / "promotion/_ledger.json"
    known = witness.read_text()
    witness.unlink()

    # when the same decision is asked for again
    ledger.append(str(tmp_path), lambda history: history[-1])

    # then
    assert witness.read_text() == known, "the newest entry has its witness"


def test_a_ledger_that_shrinks_or_changes_while_it_is_followed_is_noticed() -> None:
    history = after(("promoted", 1), ("promoted", 2))
    ledger.check_growth(history[:1], history)
    with pytest.raises(InputError, match=r"ledger/000002\.json is gone"):
        ledger.check_growth(history, history[:1])
    with pytest.raises(InputError, match=r"ledger/000002\.json was changed"):
        ledger.check_growth(history, after(("promoted", 1), ("declined", 2)))


def test_a_lake_keeps_its_identity_and_no_other_has_it(tmp_path: Path) -> None:
    one, other = ledger.identify(str(tmp_path / "one")), ledger.identify(str(tmp_path / "other"))
    assert one != other
    moved = (tmp_path / "one").rename(tmp_path / "moved")
    assert ledger.identify(str(moved)) == one
