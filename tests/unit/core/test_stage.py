"""What `execute` does for every stage: name, stop early, reuse, run, commit; and what a kill leaves."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import uuid
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import date, timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest
from fsspec.implementations.memory import MemoryFileSystem
from pydantic import ValidationError

from mendel.core import digest, lake, manifest
from mendel.core.code_version import code_version
from mendel.core.errors import InputError
from mendel.core.manifest import InputEntry
from mendel.core.stage import Context, Draft, Outcome, Stage, execute, explain

DAY, WEEK_LATER = "2026-11-23", "2026-11-30"


class Source(Stage):
    """Writes its text; counts its runs in the lake's neighbourhood, since a stage holds no state."""

    name: ClassVar[str] = "ingest"
    stage_version: ClassVar[int] = 1
    dataset: ClassVar[str] = "corpus"

    text: str = "four score"
    runs: str

    def identity(self) -> object:
        return {"text": self.text}

    def inputs(self, context: Context) -> Sequence[InputEntry]:
        return []

    def run(self, inputs: Mapping[str, InputEntry], draft: Draft) -> Outcome:
        with Path(self.runs).open("a") as file:
            file.write("run\n")
        (draft.folder / "split=train").mkdir()
        (draft.folder / "split=train" / "part.txt").write_text(self.text)
        if self.text == "broken":
            raise RuntimeError("the disk is full")
        return Outcome(rows=1, digest=digest.of_digests([self.text]), metrics={"characters": len(self.text)})


class Copy(Stage):
    name: ClassVar[str] = "corrupt"
    stage_version: ClassVar[int] = 1
    dataset: ClassVar[str] = "pairs"

    validated: bool = False

    def inputs(self, context: Context) -> Sequence[InputEntry]:
        return [context.require("corpus", validated=self.validated)]

    def run(self, inputs: Mapping[str, InputEntry], draft: Draft) -> Outcome:
        [uri] = draft.context.uris(inputs["corpus"], "part.txt")
        (draft.folder / "copy.txt").write_bytes(lake.read_bytes(uri))
        return Outcome(rows=1, digest=lake.sha256(uri))


class Validate(Stage):
    name: ClassVar[str] = "validate corpus"
    stage_version: ClassVar[int] = 1
    dataset: ClassVar[str] = "corpus_validation"

    def inputs(self, context: Context) -> Sequence[InputEntry]:
        return [context.require("corpus")]

    def run(self, inputs: Mapping[str, InputEntry], draft: Draft) -> Outcome:
        return Outcome(rows=1, digest=inputs["corpus"].digest)


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    path = tmp_path / "runs"
    path.touch()
    return path


@pytest.fixture(params=["disk", "remote"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return lake.normalise(str(tmp_path / "lake")) if request.param == "disk" else f"memory://{uuid.uuid4().hex}"


def count(runs: Path) -> int:
    return len(runs.read_text().splitlines())


def test_a_version_is_made_once(root: str, runs: Path) -> None:
    source = Source(runs=str(runs))

    first = execute(source, Context(root, DAY))
    second = execute(source, Context(root, DAY))

    assert second == first, "the second run made another version"
    assert count(runs) == 1, "the second run was no no-op"
    assert first.metrics == {"characters": 10}
    assert [lake.read_text(uri) for uri in Context(root, DAY).uris(first.as_input())] == ["four score"]


def test_a_version_names_the_commit_that_made_it(root: str, runs: Path) -> None:
    made = execute(Source(runs=str(runs)), Context(root, DAY))

    assert made.code_version == code_version(), "nobody can find the code that made it"


def test_a_lake_may_be_given_as_a_path(tmp_path: Path, runs: Path) -> None:
    made = execute(Source(runs=str(runs)), Context(str(tmp_path), DAY))

    assert [file.path.split("/")[0] for file in made.files] == ["corpus"], "paths must be relative to the lake"
    manifest.verify(str(tmp_path), made)


def test_force_makes_it_again_with_the_same_digest(root: str, runs: Path) -> None:
    source = Source(runs=str(runs))
    first = execute(source, Context(root, DAY))

    forced = execute(source, Context(root, DAY, force=True))

    assert count(runs) == 2, "--force did not run the stage"
    assert (forced.fingerprint, forced.digest) == (first.fingerprint, first.digest)
    assert manifest.current(root, "corpus", DAY) == forced


def test_unchanged_input_in_a_later_partition_reuses_the_files(root: str, runs: Path) -> None:
    source = Source(runs=str(runs))
    first = execute(source, Context(root, DAY))

    later = execute(source, Context(root, WEEK_LATER))
    latest = execute(source, Context(root, "2026-12-07"))

    assert count(runs) == 1, "unchanged input was worked on again"
    assert later.same_as == first.path
    assert latest.same_as == first.path, "a reused version must name the one that was made, not another reuse"
    assert later.files == first.files
    assert later.partition == WEEK_LATER
    manifest.verify(root, later)


def test_another_configuration_is_another_version_beside_the_first(root: str, runs: Path) -> None:
    first = execute(Source(runs=str(runs)), Context(root, DAY))

    second = execute(Source(text="seven years", runs=str(runs)), Context(root, DAY))

    assert second.fingerprint != first.fingerprint
    assert manifest.current(root, "corpus", DAY) == second, "the newest version must be in force"
    manifest.verify(root, first)


def test_going_back_to_an_earlier_configuration_puts_its_version_in_force(root: str, runs: Path) -> None:
    first = execute(Source(runs=str(runs)), Context(root, DAY))
    execute(Source(text="seven years", runs=str(runs)), Context(root, DAY))

    execute(Source(runs=str(runs)), Context(root, DAY))

    assert manifest.current(root, "corpus", DAY) == first


def test_a_failed_run_leaves_no_version(root: str, runs: Path) -> None:
    with pytest.raises(RuntimeError, match="the disk is full"):
        execute(Source(text="broken", runs=str(runs)), Context(root, DAY))

    assert manifest.partitions(root, "corpus") == []


def test_a_failed_run_leaves_no_files(root: str, runs: Path) -> None:
    with pytest.raises(RuntimeError, match="the disk is full"):
        execute(Source(text="broken", runs=str(runs)), Context(root, DAY))

    left = [uri for uri in lake.list_files(root) if "attempt=" in uri]
    assert left == [], "what the failed attempt wrote takes up the disk for ever"


def test_who_comes_second_leaves_no_files(root: str, runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # given another process that commits while this one runs
    commit = manifest.commit

    def late(root: str, made: manifest.Manifest, *, replace: bool = False) -> manifest.Manifest:
        monkeypatch.undo()
        execute(Source(runs=str(runs)), Context(root, DAY))
        return commit(root, made, replace=replace)

    monkeypatch.setattr(manifest, "commit", late)

    # when
    made = execute(Source(runs=str(runs)), Context(root, DAY))

    # then
    assert count(runs) == 2
    written = [uri for uri in lake.list_files(root) if uri.endswith("part.txt")]
    assert written == [lake.join(lake.normalise(root), made.files[0].path)], "the second writer's files are still there"


@pytest.mark.parametrize("damage", ["gone", "short"])
def test_a_version_whose_files_are_not_whole_is_made_again(root: str, runs: Path, damage: str) -> None:
    # given
    first = execute(Source(runs=str(runs)), Context(root, DAY))
    uri = lake.join(root, first.files[0].path)
    lake.remove(uri) if damage == "gone" else lake.write(uri, b"four")

    # when
    again = execute(Source(runs=str(runs)), Context(root, DAY))

    # then
    assert count(runs) == 2, "it was believed to be there without a look"
    assert (again.fingerprint, again.digest) == (first.fingerprint, first.digest)
    assert manifest.current(root, "corpus", DAY) == again
    manifest.verify(root, again)


@pytest.mark.parametrize("damage", ["gone", "short"])
def test_files_that_are_not_whole_are_not_reused_in_a_later_partition(root: str, runs: Path, damage: str) -> None:
    first = execute(Source(runs=str(runs)), Context(root, DAY))
    uri = lake.join(root, first.files[0].path)
    lake.remove(uri) if damage == "gone" else lake.write(uri, b"four")

    later = execute(Source(runs=str(runs)), Context(root, WEEK_LATER))

    assert count(runs) == 2, "files that are not whole were reused"
    manifest.verify(root, later)


def test_all_is_on_the_disk_before_the_manifest_says_so(
    tmp_path: Path, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given
    root, synced = tmp_path / "lake", []
    sync = os.fsync

    def watched(descriptor: int) -> None:
        place = Path(f"/proc/self/fd/{descriptor}").readlink()
        synced.append((place, bool(list(root.glob("*/*/*/_manifest.json")))))
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", watched)

    # when
    made = execute(Source(runs=str(runs)), Context(str(root), DAY))

    # then
    before = {place for place, committed in synced if not committed}
    file = root / made.files[0].path
    assert file in before, "the file's bytes may be lost though the manifest lists it"
    folders = {folder for folder in file.parents if folder.is_relative_to(root)}
    assert folders <= before, f"names in {folders - before} may be lost though the manifest is there"
    assert (root / made.path, True) in synced, "the manifest's own name may be lost"


def test_what_is_made_already_can_be_had_from_a_lake_that_may_only_be_read(
    runs: Path, users_folder: Path, without_privileges: Callable[[], AbstractContextManager[None]]
) -> None:
    # given
    made = execute(Source(runs=str(runs)), Context(str(users_folder / "lake"), DAY))
    for path in (users_folder / "lake").rglob("*"):
        path.chmod(0o555 if path.is_dir() else 0o444)

    # when
    with without_privileges():
        again = execute(Source(runs=str(runs)), Context(str(users_folder / "lake"), DAY))

        # then
        assert again == made
        with pytest.raises(InputError, match="cannot be written: Permission denied"):
            execute(Source(runs=str(runs)), Context(str(users_folder / "lake"), WEEK_LATER))


class Counted:
    """Counts what is asked of the store."""

    ASKED = ("cat_file", "pipe_file", "ls", "find", "exists", "info", "open", "get_file", "rm_file")

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls: Counter[str] = Counter()
        for name in self.ASKED:
            monkeypatch.setattr(MemoryFileSystem, name, self._counting(name, getattr(MemoryFileSystem, name)))

    def _counting(self, name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        def counting(*arguments: Any, **options: Any) -> Any:
            self.calls[name] += 1
            return method(*arguments, **options)

        return counting


def asked_of_a_lake_with(partitions: int, runs: Path, monkeypatch: pytest.MonkeyPatch) -> list[Counter[str]]:
    """What the store is asked for a version that is made, one that is found in another partition, one that is there."""
    root = f"memory://{uuid.uuid4().hex}"
    first = execute(Source(runs=str(runs)), Context(root, DAY))
    start = date(1990, 1, 1)
    for number in range(partitions):
        key = (start + timedelta(number)).isoformat()
        manifest.commit(root, first.model_copy(update={"partition": key, "fingerprint": f"{number:016x}"}))
    found = []
    for source, partition in [("new", DAY), ("new", WEEK_LATER), ("new", WEEK_LATER)]:
        with monkeypatch.context() as patch:
            counted = Counted(patch)
            execute(Source(text=source, runs=str(runs)), Context(root, partition))
            found.append(counted.calls)
    return found


def test_what_a_stage_asks_of_the_store_does_not_grow_with_history(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    few = asked_of_a_lake_with(10, runs, monkeypatch)
    many = asked_of_a_lake_with(1000, runs, monkeypatch)

    assert few == many, "a stage costs more where there are more partitions"
    assert all(sum(calls.values()) < 25 for calls in many), "a stage asks the store more often than it must"


def test_a_lake_without_an_index_gets_one(root: str, runs: Path) -> None:
    # given a lake that an earlier release wrote
    first = execute(Source(runs=str(runs)), Context(root, DAY))
    lake.remove_folder(lake.join(root, "_index"))

    # when
    later = execute(Source(runs=str(runs)), Context(root, WEEK_LATER))

    # then
    assert later.same_as == first.path, "a version of an old lake was not found"
    assert lake.list_files(lake.join(root, "_index")), "the next stage looks through all partitions again"


def test_inputs_are_recorded_with_their_digests(root: str, runs: Path) -> None:
    corpus = execute(Source(runs=str(runs)), Context(root, DAY))

    pairs = execute(Copy(), Context(root, DAY))

    assert pairs.input("corpus").digest == corpus.digest
    assert pairs.input("corpus").uri == corpus.path


def test_other_input_gives_another_fingerprint(root: str, runs: Path) -> None:
    execute(Source(runs=str(runs)), Context(root, DAY))
    first = execute(Copy(), Context(root, DAY))
    execute(Source(text="seven years", runs=str(runs)), Context(root, DAY))

    second = execute(Copy(), Context(root, DAY))

    assert second.fingerprint != first.fingerprint


def test_an_input_that_is_not_there_says_what_is(root: str, runs: Path) -> None:
    execute(Source(runs=str(runs)), Context(root, DAY))

    with pytest.raises(InputError, match=rf"corpus has no version in partition {WEEK_LATER}.*choose one of: {DAY}"):
        execute(Copy(), Context(root, WEEK_LATER))


def test_a_damaged_input_stops_the_next_stage_and_is_named(root: str, runs: Path) -> None:
    corpus = execute(Source(runs=str(runs)), Context(root, DAY))
    lake.write(lake.join(root, corpus.files[0].path), b"four scorn")

    with pytest.raises(InputError, match=r"part\.txt: expected sha256"):
        execute(Copy(), Context(root, DAY))


def test_validation_must_be_of_this_very_version(root: str, runs: Path) -> None:
    execute(Source(runs=str(runs)), Context(root, DAY))
    with pytest.raises(InputError, match="Run: mendel validate corpus --partition 2026-11-23"):
        execute(Copy(validated=True), Context(root, DAY))

    execute(Validate(), Context(root, DAY))
    assert execute(Copy(validated=True), Context(root, DAY)).rows == 1, "a validated corpus was refused"

    execute(Source(text="seven years", runs=str(runs)), Context(root, DAY))
    with pytest.raises(InputError, match="has not passed validation"):
        execute(Copy(validated=True), Context(root, DAY))


def test_a_local_folder_has_the_files_as_the_stage_wrote_them(
    root: str, runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MENDEL_CACHE", str(tmp_path / "cache"))
    corpus = execute(Source(runs=str(runs)), Context(root, DAY))

    folder = Context(root, DAY).local_folder(corpus.as_input())

    assert (folder / "split=train" / "part.txt").read_text() == "four score"


def test_a_typo_in_a_stage_is_named(runs: Path) -> None:
    with pytest.raises(ValidationError) as caught:
        Source.model_validate({"runs": str(runs), "txet": "four score"})

    assert "txet" in str(explain(caught.value, "demo.yaml"))


KILLED = """
    import os, signal, sys
    from pathlib import Path
    from test_stage import Source
    from mendel.core import manifest
    from mendel.core.stage import Context, Draft, execute

    point, root, runs = sys.argv[1:]

    def die(*_, **__):
        os.kill(os.getpid(), signal.SIGKILL)

    if point == "between two files":
        Draft.files = die
    elif point == "before the commit":
        manifest.commit = die
    else:
        manifest.set_current = die
    execute(Source(runs=runs), Context(root, "2026-11-23"))
"""


@pytest.mark.parametrize("point", ["between two files", "before the commit", "before it is in force"])
def test_killed_anywhere_a_rerun_ends_in_the_same_state(point: str, tmp_path: Path, runs: Path) -> None:
    root = lake.normalise(str(tmp_path / "lake"))
    undisturbed = execute(Source(runs=str(runs)), Context(str(tmp_path / "other"), DAY))

    killed = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(KILLED), point, root, str(runs)],
        cwd=Path(__file__).parent,
        check=False,
        capture_output=True,
        text=True,
    )
    assert killed.returncode == -signal.SIGKILL, f"the process was not killed {point}: {killed.stderr}"
    assert manifest.current(root, "corpus", DAY) is None, f"killed {point}, a version is in force"

    again = execute(Source(runs=str(runs)), Context(root, DAY))

    assert (again.fingerprint, again.digest) == (undisturbed.fingerprint, undisturbed.digest)
    assert manifest.current(root, "corpus", DAY) == again
    manifest.verify(root, again)
    assert [path.rsplit("/", 1)[1] for path in (file.path for file in again.files)] == ["part.txt"]
