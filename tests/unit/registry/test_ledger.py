import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mendel.errors import InputError
from mendel.manifest import Manifest
from mendel.registry import ledger
from mendel.registry.ledger import Decision, History

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
    """Versions of champion, previous and challenger."""
    return tuple(holder.version if holder else None for holder in ledger.state(history))


@pytest.mark.parametrize(
    ("events", "expected", "why"),
    [
        ([], (None, None, None), "nothing was decided"),
        ([("declined", 1)], (None, None, 1), "a declined model stays the challenger"),
        ([("promoted", 1)], (1, None, None), "the first champion has no one before it"),
        ([("promoted", 1), ("promoted", 2)], (2, 1, None), "the old champion is the previous one"),
        ([("promoted", 1), ("declined", 2)], (1, None, 2), "the champion stays"),
        ([("promoted", 1), ("declined", 1)], (1, None, None), "the champion does not challenge itself"),
        ([("declined", 1), ("promoted", 2)], (2, None, None), "who was declined is not the previous champion"),
        (
            [("promoted", 1), ("promoted", 3), ("rolled back", 1)],
            (1, None, None),
            "a rollback leads to who reigned before, not to version - 1",
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
        ([], 1, None, "nobody reigns"),
        ([("promoted", 1)], 2, 1, "the champion is to beat"),
        ([("promoted", 1)], 1, None, "the first champion had beaten nobody"),
        ([("promoted", 1), ("promoted", 2)], 2, 1, "the champion had beaten the one before"),
        ([("promoted", 1), ("promoted", 2), ("rolled back", 1)], 2, 1, "who was rolled back has to win again"),
        ([("promoted", 1), ("promoted", 2), ("rolled back", 1)], 1, None, "a rollback is no victory"),
    ],
)
def test_opponent(events: list[tuple[str, int]], version: int, expected: int | None, why: str) -> None:
    found = ledger.opponent(after(*events), candidate(version).digest)
    assert (found.version if found else None) == expected, why


def test_whom_to_beat_does_not_change_by_winning() -> None:
    # given any history without rollbacks
    generator = random.Random(11)
    for _ in range(50):
        history = after(*((generator.choice(["promoted", "declined"]), version) for version in range(1, 8)))
        before = ledger.opponent(history, candidate(9).digest)

        # when the ninth wins
        history.append(decide(history, "promoted", 9))

        # then evaluating it again is the same evaluation
        now = ledger.opponent(history, candidate(9).digest)
        assert (now and now.version) == (before and before.version), f"{[(d.action, d.version) for d in history]}"


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
    reigning = [decision.reigning for decision in history]
    assert reigning == [None, *(decision.version for decision in history[:-1])], "each was made after the one before"


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
