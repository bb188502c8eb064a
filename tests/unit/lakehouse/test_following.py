"""Tables follow manifests: whatever was committed in whatever order, by whomever, and killed wherever."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable
from hypothesis import given, settings
from hypothesis import strategies as st

from mendel.core import lake, manifest
from mendel.core.errors import InputError
from mendel.core.manifest import Manifest
from mendel.garbage import collection
from mendel.garbage.policy import Policy
from mendel.lakehouse import changes, delta, following, query
from mendel.lakehouse.query import Travel
from mendel.lakehouse.tables import TABLES

from .conftest import WRITER, ask
from .writer import day, rows, snapshot

RESTORED, CORPUS = TABLES["restored"], TABLES["corpus"]
MONDAY, TUESDAY, WEDNESDAY = "2026-11-23", "2026-11-24", "2026-11-25"


def ids(root: str, travel: Travel = query.NOW) -> list[tuple[str, str]]:
    """Day and id of each row of `restored`."""
    return ask(root, "SELECT dt::text, id FROM restored ORDER BY ALL", travel)


def versions(root: str, table: str = "restored") -> list[str | None]:
    """The fingerprints that a table's versions were made for, the oldest first, without its creation."""
    return [commit.fingerprint for commit in query.history(root, table)][::-1][1:]


def files(version: Manifest) -> list[str]:
    """Those of its rows."""
    return [file.path for file in version.files if file.path.split("/")[4].startswith("part-")]


def test_a_table_has_a_days_rows_and_only_those(root: str) -> None:
    made = day(root, MONDAY, rows("a", "b"), rows("c"))

    following.follow(root, made)

    state = delta.load(root, RESTORED)
    assert state is not None
    assert delta.rows(state) == made.rows == 3, "the log counts other rows than the manifest"
    assert ids(root) == [(MONDAY, "a"), (MONDAY, "b"), (MONDAY, "c")]


def test_the_table_and_the_manifest_name_each_other(root: str) -> None:
    made = day(root, MONDAY, rows("a"))
    following.follow(root, made)

    newest = next(query.history(root, "restored"))

    assert (newest.manifest, newest.partition, newest.rows) == (made.path, MONDAY, made.rows)
    assert ids(root, Travel({"restored": made.fingerprint})) == ids(root, Travel({"restored": str(newest.version)}))


def test_nothing_is_copied(disk: str) -> None:
    made = day(disk, MONDAY, rows("a"))
    before = set(lake.list_files(disk))

    following.follow(disk, made)

    added = set(lake.list_files(disk)) - before
    assert added, "there is no log"
    assert {uri.removeprefix(f"{disk}/restored/").split("/")[0] for uri in added} == {"_delta_log"}


def test_a_manifest_is_added_once(root: str) -> None:
    made = day(root, MONDAY, rows("a"))

    for _ in range(2):
        following.follow(root, made)
        assert following.sync(root, RESTORED) == 0, "there was something left to do"

    assert versions(root) == [made.fingerprint]


def test_a_day_that_is_restored_again_replaces_its_rows_and_no_others(root: str) -> None:
    following.follow(root, day(root, MONDAY, rows("a"), rows("b")))
    following.follow(root, day(root, TUESDAY, rows("c")))

    following.follow(root, day(root, MONDAY, rows("a"), rows("late")))

    assert ids(root) == [(MONDAY, "a"), (MONDAY, "late"), (TUESDAY, "c")]
    assert ids(root, Travel({"restored": "2"})) == [(MONDAY, "a"), (MONDAY, "b"), (TUESDAY, "c")], "its past is gone"


def test_a_day_keeps_the_file_of_a_shard_that_was_not_restored_again(disk: str) -> None:
    # Given a day in the table, of which one shard is then restored again: the new manifest shares a file with the old one
    first = day(disk, MONDAY, rows("a"), rows("b"))
    following.follow(disk, first)
    other = day(disk, MONDAY, rows("a"), rows("again"), force=True)
    shared = [file for file in first.files if file.path.endswith("part-00000.parquet") and "/files/" not in file.path]
    mixed = other.model_copy(
        update={"files": (*shared, *(file for file in other.files if not file.path.endswith("part-00000.parquet")))}
    )
    manifest.commit(disk, mixed, replace=True)

    # When the table follows
    following.follow(disk, mixed)

    # Then it has the kept file and the new one
    assert [name for _, name in ids(disk)] == ["a", "again"]
    assert len(versions(disk)) == 2, "it took several steps: between them the day was not whole"


def test_a_repeated_partition_has_no_rows_of_its_own(disk: str) -> None:
    first, second = day(disk, MONDAY, rows("a")), day(disk, TUESDAY, rows("a"))
    assert second.same_as == first.path, "the second lists files of its own"

    assert ids(disk) == [(MONDAY, "a")]

    # and when the first is made anew, the files that the second still lists are its own
    following.follow(disk, day(disk, MONDAY, rows("b")))
    assert ids(disk) == [(MONDAY, "b"), (TUESDAY, "a")]


def test_a_partition_that_is_withdrawn_leaves_the_table(root: str) -> None:
    following.follow(root, day(root, MONDAY, rows("a")))
    following.follow(root, day(root, TUESDAY, rows("b")))

    manifest.withdraw(root, "restored", MONDAY)

    assert ids(root) == [(TUESDAY, "b")]


def test_of_a_partition_that_cannot_be_read_the_rows_stay(disk: str) -> None:
    following.follow(disk, day(disk, MONDAY, rows("a")))
    following.follow(disk, day(disk, TUESDAY, rows("b")))
    lake.write(lake.join(disk, "restored", f"dt={MONDAY}", "_current.json"), b"{")
    day(disk, WEDNESDAY, rows("c"))

    assert ids(disk) == [(MONDAY, "a"), (TUESDAY, "b"), (WEDNESDAY, "c")]


def test_a_day_without_shards_has_no_rows(disk: str) -> None:
    following.follow(disk, day(disk, MONDAY))

    assert delta.load(disk, RESTORED) is None, "a table cannot be without columns"
    following.follow(disk, day(disk, TUESDAY, rows("a")))
    assert ids(disk) == [(TUESDAY, "a")]


def test_a_corpus_is_the_newest_snapshot(root: str) -> None:
    following.follow(root, snapshot(root, MONDAY, "old"))
    following.follow(root, snapshot(root, WEDNESDAY, "old", "new"))

    following.follow(root, snapshot(root, TUESDAY, "between"))  # a backfill

    assert ask(root, "SELECT text FROM corpus ORDER BY text") == [("new",), ("old",)]
    assert ask(root, "SELECT text FROM corpus", Travel(as_of=date.fromisoformat(MONDAY))) == [("old",)]


@pytest.mark.parametrize(("broken", "shown"), [(MONDAY, WEDNESDAY), (WEDNESDAY, TUESDAY)])
def test_a_snapshot_that_cannot_be_read_hides_no_newer_one(disk: str, broken: str, shown: str) -> None:
    for key in (MONDAY, TUESDAY):
        following.follow(disk, snapshot(disk, key, key))
    snapshot(disk, WEDNESDAY, WEDNESDAY)
    lake.write(lake.join(disk, "corpus", f"dt={broken}", "_current.json"), b"{")

    assert ask(disk, "SELECT text FROM corpus") == [(shown,)]


def test_snapshots_that_were_missed_are_in_the_tables_past(disk: str) -> None:
    made = [snapshot(disk, key, key) for key in (MONDAY, TUESDAY, WEDNESDAY)]

    following.sync(disk, CORPUS)

    assert versions(disk, "corpus") == [version.fingerprint for version in made]


@settings(max_examples=20)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([MONDAY, TUESDAY, WEDNESDAY]),
            st.sampled_from(["make", "make again", "withdraw"]),
            st.lists(st.sampled_from("abc"), max_size=2, unique=True),
            st.booleans(),
        ),
        min_size=1,
        max_size=8,
    )
)
def test_after_any_commits_a_table_holds_what_the_manifests_say(steps: list[tuple[str, str, list[str], bool]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        # Given commits in any order, after each of which the table followed or the process was killed
        root = Path(folder).as_uri()
        for key, what, names, followed in steps:
            if what == "withdraw":
                manifest.withdraw(root, "restored", key)
                continue
            made = day(root, key, *(rows(name) for name in ["always", *names]), force=what == "make again")
            if followed:
                following.follow(root, made)

        # When the table is brought up to them
        following.sync(root, RESTORED)

        # Then each file that a manifest in force lists is there once, under a day that lists it, and nothing else is
        in_force = [manifest.current(root, "restored", key) for key in manifest.partitions(root, "restored")]
        days_of: dict[str, set[str]] = {}
        for version in in_force:
            assert version is not None
            for path in files(version):
                days_of.setdefault(path, set()).add(version.partition)
        state = delta.load(root, RESTORED)
        if state is None:
            assert not days_of
            return
        found = delta.listed(state, RESTORED)
        assert found.keys() == {path.removeprefix("restored/") for path in days_of}
        for path, (value,) in found.items():
            assert value in days_of[f"restored/{path}"], f"{path} is under {value}"
        expected = Counter(
            name for path in days_of for name in pq.read_table(lake.local_path(lake.join(root, path)))["id"].to_pylist()
        )
        assert Counter(name for _, name in ids(root)) == expected
        assert following.sync(root, RESTORED) == 0, "a second look found more to do"


def test_two_writers_at_once_lose_nothing(root: str, writer: Callable[..., subprocess.Popen[str]]) -> None:
    # Given two processes, each with days of its own
    days = {
        who: [f"2026-{month}-{number:02d}" for number in range(1, 7)] for who, month in (("a", 1 + 9), ("b", 2 + 9))
    }
    processes = [writer(root, who, "1", *keys) for who, keys in days.items()]

    # When both commit at the same time
    logs = [_finish(process) for process in processes]

    # Then the table has all of them, with nobody's help afterwards
    state = delta.load(root, RESTORED)
    assert state is not None, logs
    found = {value for (value,) in delta.listed(state, RESTORED).values()}
    assert found == {key for keys in days.values() for key in keys}, logs
    assert delta.rows(state) == 24
    assert following.sync(root, RESTORED) == 0


def test_two_writers_of_the_same_days_leave_each_day_once(
    root: str, writer: Callable[..., subprocess.Popen[str]]
) -> None:
    keys = [MONDAY, TUESDAY, WEDNESDAY]
    processes = [writer(root, who, "3", *keys) for who in ("a", "b")]

    logs = [_finish(process) for process in processes]

    assert len(versions(root)) > len(keys), logs
    assert following.sync(root, RESTORED) == 0, f"the table was left behind: {logs}"
    expected = []
    for key in keys:
        made = manifest.current(root, "restored", key)
        assert made is not None
        expected += [(key, lake.join(root, path)) for path in files(made)]
    assert len(expected) == 6
    found = [(key, name) for key, uri in expected for name in _ids(uri)]
    assert ids(root) == sorted(found), logs


def _finish(process: subprocess.Popen[str]) -> str:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()
    return _ended(process)


def _ended(process: subprocess.Popen[str]) -> str:
    _, log = process.communicate(timeout=120)
    assert process.returncode == 0, log
    assert "behind" not in log, log
    return log


def _ids(uri: str) -> list[str]:
    with lake.open_uri(uri) as file:
        names: list[str] = pq.read_table(file)["id"].to_pylist()
    return names


def test_a_commit_is_refused_where_the_table_has_moved_on(disk: str) -> None:
    # Given a table that two writers have read, and two versions of one day
    following.follow(disk, day(disk, MONDAY, rows("a")))
    one, other = delta.load(disk, RESTORED), delta.load(disk, RESTORED)
    assert one is not None
    assert other is not None
    first, second = day(disk, TUESDAY, rows("first")), day(disk, TUESDAY, rows("second"))

    # When each adds its own, which contradict each other in no file
    for state, version in ((one, first), (other, second)):
        [change] = changes.of_partition(RESTORED, version, delta.listed(state, RESTORED))
        if state is one:
            delta.commit(disk, RESTORED, state, change)
        else:
            with pytest.raises(delta.BehindError):
                delta.commit(disk, RESTORED, state, change)

    # Then the day is there once, and a look at the manifests makes it the one in force
    assert ids(disk) == [(MONDAY, "a"), (TUESDAY, "second")]


@pytest.mark.parametrize("moment", ["before the log", "after the log"])
def test_a_commit_that_was_killed_is_there_at_the_next_question(
    disk: str, tmp_path: Path, moment: str, writer: Callable[..., subprocess.Popen[str]]
) -> None:
    # Given a writer that is killed between its manifest and the table's log, or right behind that
    program = tmp_path / "killed.py"
    order = (
        "os.kill(os.getpid(), 9); write(*a, **k)"
        if moment == "before the log"
        else "write(*a, **k); os.kill(os.getpid(), 9)"
    )
    program.write_text(
        "import os, sys, deltalake\n"
        f"sys.path.insert(0, {str(WRITER.parent)!r})\n"
        "import writer\n"
        "write = deltalake.DeltaTable.create_write_transaction\n"
        f"def killed(*a, **k): {order}\n"
        "deltalake.DeltaTable.create_write_transaction = killed\n"
        "writer.main(*sys.argv[1:])\n"
    )
    process = writer(disk, "a", "1", MONDAY, program=str(program))
    assert process.stdin is not None
    process.communicate("\n", timeout=60)
    assert process.returncode == -signal.SIGKILL
    assert manifest.current(disk, "restored", MONDAY) is not None, "it was killed too early"

    # Then who asks next sees the day once
    assert ids(disk) == [(MONDAY, f"a-{MONDAY}-0"), (MONDAY, f"a-{MONDAY}-second")]
    assert len(versions(disk)) == 1


def test_a_log_that_is_broken_is_made_again(disk: str) -> None:
    following.follow(disk, day(disk, MONDAY, rows("a")))
    log = lake.join(disk, "restored", delta.FOLDER)
    lake.write(lake.join(log, f"{1:020}.json"), b"{")

    with pytest.raises(InputError, match="delete that folder"):
        following.sync(disk, RESTORED)

    lake.remove_folder(log)
    assert ids(disk) == [(MONDAY, "a")]


def test_a_stage_does_not_fail_with_its_table(disk: str, capsys: pytest.CaptureFixture[str]) -> None:
    following.follow(disk, day(disk, MONDAY, rows("a")))
    lake.write(lake.join(disk, "restored", delta.FOLDER, f"{1:020}.json"), b"{")

    following.follow(disk, day(disk, TUESDAY, rows("b")))

    assert "the table is behind" in capsys.readouterr().out


def test_new_columns_come_and_old_rows_have_none(root: str) -> None:
    following.follow(root, day(root, MONDAY, [{"id": "a", "text": "old"}]))
    following.follow(root, day(root, TUESDAY, [{"id": "b", "text": "new", "model": 2}]))
    following.follow(root, day(root, WEDNESDAY, [{"id": "c"}]))

    assert ask(root, "SELECT id, text, model FROM restored ORDER BY id") == [
        ("a", "old", None),
        ("b", "new", 2),
        ("c", None, None),
    ]


def test_a_column_whose_type_changes_is_refused_and_nothing_is_lost(
    disk: str, capsys: pytest.CaptureFixture[str]
) -> None:
    following.follow(disk, day(disk, MONDAY, [{"id": "a", "ordinal": 1}]))
    made = day(disk, TUESDAY, [{"id": "b", "ordinal": "one"}])
    day(disk, WEDNESDAY, [{"id": "c", "ordinal": 3}])

    following.follow(disk, made)
    with pytest.raises(InputError, match=r"column ordinal is .*long.* in the table and .*string"):
        following.sync(disk, RESTORED)

    assert "the table is behind" in capsys.readouterr().out
    assert manifest.current(disk, "restored", TUESDAY) == made, "the day is gone"
    assert ids(disk) == [(MONDAY, "a"), (WEDNESDAY, "c")], "one day keeps others out"


def test_garbage_collection_is_the_tables_vacuum(disk: str) -> None:
    # Given a table whose first version lists files that nobody needs any more
    following.follow(disk, day(disk, MONDAY, rows("old")))
    following.follow(disk, day(disk, MONDAY, rows("new")))
    later = datetime.now(UTC) + timedelta(days=30)

    # When garbage is collected
    items = collection.find(disk, Policy(newest=0), later)
    collection.remove(disk, items)

    # Then the table is as it was, its log too, and its past says that it is gone
    assert [item.because for item in items] == ["nothing refers to it"]
    assert ids(disk) == [(MONDAY, "new")]
    assert len(versions(disk)) == 2
    with pytest.raises(InputError, match=r"version 1 of restored is gone: dt=2026-11-23/.* was removed \(mendel gc\)"):
        ids(disk, Travel({"restored": "1"}))


def test_vacuum_of_another_engine_takes_nothing(disk: str) -> None:
    following.follow(disk, day(disk, MONDAY, rows("old")))
    following.follow(disk, day(disk, MONDAY, rows("new")))

    long_ago = (datetime.now(UTC) - timedelta(days=400)).timestamp()
    for uri in lake.list_files(disk):
        os.utime(str(lake.local_path(uri)), (long_ago, long_ago))
    before = set(lake.list_files(disk))
    table = DeltaTable(delta.uri(disk, RESTORED))

    table.vacuum(full=True, dry_run=False)
    with pytest.raises(Exception, match="retention"):
        table.vacuum(retention_hours=24 * 365, full=True, dry_run=False)

    assert before <= set(lake.list_files(disk))


def test_a_lake_that_is_moved_takes_its_tables_with_it(disk: str, tmp_path: Path) -> None:
    following.follow(disk, day(disk, MONDAY, rows("a")))

    shutil.move(tmp_path / "lake", tmp_path / "moved")

    state = DeltaTable((tmp_path / "moved" / "restored").as_uri())
    assert pa.table(state.to_pyarrow_dataset().to_table())["id"].to_pylist() == ["a"]


def test_a_long_log_is_read_from_its_checkpoint(disk: str) -> None:
    following.follow(disk, day(disk, MONDAY, rows("first")))
    taking_turns = [day(disk, TUESDAY, rows("even")), day(disk, TUESDAY, rows("odd"))]
    for number in range(105):
        manifest.set_current(disk, taking_turns[number % 2])
        following.follow(disk, taking_turns[number % 2])

    assert [uri for uri in lake.list_files(disk) if uri.endswith(".checkpoint.parquet")], "the log grows without one"
    assert ids(disk) == [(MONDAY, "first"), (TUESDAY, "even")]
    assert len(versions(disk)) == 106, "a checkpoint has cost the table its past"
