"""Copies on this machine: right by content, whole, shared by processes, bounded."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import ClassVar

import pytest

from mendel.core import cache, digest, lake
from mendel.core.errors import InputError
from mendel.core.manifest import FileEntry, InputEntry, Manifest
from mendel.core.stage import Context, Draft, Outcome, Stage, execute

DAY = "2026-11-23"


class Train(Stage):
    """Weights of one length, which are others each time."""

    name: ClassVar[str] = "finetune"
    stage_version: ClassVar[int] = 1
    dataset: ClassVar[str] = "candidate"

    def inputs(self, context: Context) -> Sequence[InputEntry]:
        return []

    def run(self, inputs: Mapping[str, InputEntry], draft: Draft) -> Outcome:
        (draft.folder / "adapter").mkdir()
        (draft.folder / "adapter" / "weights").write_text(uuid.uuid4().hex)
        return Outcome(rows=1, digest=digest.of_files(draft.folder))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MENDEL_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "entries"


@pytest.fixture
def context() -> Context:
    return Context(f"memory://{uuid.uuid4().hex}", DAY)


def folder(context: Context, made: Manifest) -> Path:
    return context.local_folder(made.as_input())


def weights(context: Context, made: Manifest) -> str:
    return (folder(context, made) / "adapter" / "weights").read_text()


def in_lake(context: Context, made: Manifest) -> str:
    return lake.read_text(lake.join(context.root, made.files[0].path))


def made(key: str, size: int) -> Path:
    return cache.entry(key, lambda target: (target / "a").write_bytes(b"x" * size))


def test_weights_that_were_made_again_are_read_again(home: Path, context: Context) -> None:
    # given
    first = execute(Train(), context)
    before = weights(context, first)

    # when: other weights, under the same name and as long
    forced = execute(Train(), Context(context.root, DAY, force=True))

    # then
    assert forced.path == first.path, "the version has another name, so this test shows nothing"
    assert in_lake(context, forced) != before, "the weights are the same, so this test shows nothing"
    assert weights(context, forced) == in_lake(context, forced), "the old weights were read"


def test_a_restorer_that_was_made_again_is_loaded_again(home: Path, context: Context) -> None:
    uri = f"{context.root}/exported"
    lake.write(f"{uri}/restorer.json", b"old")
    assert (cache.local(uri) / "restorer.json").read_text() == "old"

    lake.write(f"{uri}/restorer.json", b"new")

    assert (cache.local(uri) / "restorer.json").read_text() == "new", "the old file was read"


def test_a_copy_is_brought_once_whatever_it_is_called(
    home: Path, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given
    found = execute(Train(), context)
    first = folder(context, found)

    # when
    monkeypatch.setattr(lake, "download", None)

    # then
    assert folder(context, found) == first, "the same version has two copies"
    assert cache.local(lake.join(context.root, found.folder)) == first, "the same folder by its URI has two copies"


def test_a_local_lake_is_read_where_it_is(home: Path, tmp_path: Path) -> None:
    context = Context(str(tmp_path / "lake"), DAY)

    found = execute(Train(), context)

    assert folder(context, found) == tmp_path / "lake" / found.folder
    assert not home.exists(), "a copy of a local file was made"


def test_what_came_otherwise_than_it_was_listed_is_no_copy(home: Path, context: Context) -> None:
    found = execute(Train(), context)
    lake.write(lake.join(context.root, found.files[0].path), b"f" * 32)

    for _ in range(2):
        with pytest.raises(InputError, match=r"adapter/weights: expected 32 bytes with sha256 \w+, found 32 with \w+"):
            folder(context, found)

    assert [*home.iterdir()] == [], "something was left in the cache"


@pytest.mark.parametrize("damage", [b"short", b"f" * 32, None])
def test_a_copy_that_was_damaged_is_made_again(home: Path, context: Context, damage: bytes | None) -> None:
    found = execute(Train(), context)
    path = folder(context, found) / "adapter" / "weights"
    path.unlink() if damage is None else path.write_bytes(damage)

    assert weights(context, found) == in_lake(context, found), "the damaged copy was used"
    assert [*home.iterdir()] == [path.parents[2]], "the damaged copy is still there"


def test_an_attempt_that_failed_leaves_nothing(home: Path) -> None:
    def fail(target: Path) -> None:
        (target / "half").touch()
        raise RuntimeError("killed")

    with pytest.raises(RuntimeError):
        cache.entry("key", fail)

    assert [*home.iterdir()] == [], "half an entry was left"


USE = """
    import sys, time
    from mendel.core import cache
    cache.entry(sys.argv[1], lambda target: (target / "a").write_bytes(b"x" * 600))
    print("ready", flush=True)
    sys.stdin.read()
"""


def use(key: str) -> subprocess.Popen[str]:
    """Another process that uses an entry until its input ends."""
    code = "\n".join(line.strip() for line in USE.splitlines())
    process = subprocess.Popen(
        [sys.executable, "-c", code, key], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n", "the other process failed"
    return process


def test_beyond_the_limit_what_was_not_used_for_longest_goes(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # given three entries of 600 bytes, made by a process that is gone, the oldest used again
    monkeypatch.setenv("MENDEL_CACHE_GB", "1")
    for key in "abc":
        use(key).communicate()
    os.utime(home / "b" / "listing.json", (1, 1))

    # when
    monkeypatch.setenv("MENDEL_CACHE_GB", "2e-6")
    made("d", 600)

    # then
    assert sorted(path.name for path in home.iterdir()) == ["a", "c", "d"], "the wrong entry went"


def test_an_entry_in_use_stays(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # given
    monkeypatch.setenv("MENDEL_CACHE_GB", "1e-6")
    other = use("other")

    # when: two at once are more than there is room for
    mine = made("mine", 600)

    # then
    assert (home / "other" / "files" / "a").exists(), "it went while a process used it"
    other.communicate()
    made("third", 600)
    assert not (home / "other").exists(), "nobody uses it, and it stayed beyond the limit"
    assert mine.exists(), "this process still uses it"


def test_what_killed_processes_left_goes_after_a_day(home: Path) -> None:
    for name, age in {".new-old": 2 * 24 * 3600, ".new-young": 3600}.items():
        (home / name).mkdir(parents=True)
        os.utime(home / name, (time.time() - age,) * 2)

    made("key", 1)

    assert sorted(path.name for path in home.iterdir()) == [".new-young", "key"]


def test_processes_that_make_one_entry_at_once_agree(home: Path) -> None:
    started = [use("key") for _ in range(4)]

    for process in started:
        process.communicate()

    assert [path.name for path in home.iterdir()] == ["key"]
    assert json.loads((home / "key" / "listing.json").read_text())["a"][0] == 600


@pytest.mark.parametrize("limit", ["much", "20 GB"])
def test_a_limit_that_is_no_number_is_named(home: Path, monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    monkeypatch.setenv("MENDEL_CACHE_GB", limit)
    with pytest.raises(InputError, match=r"MENDEL_CACHE_GB=.*write gigabytes as a number"):
        made("key", 1)


def test_a_cache_that_cannot_be_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("MENDEL_CACHE", str(tmp_path / "file"))
    with pytest.raises(InputError, match=r"the cache .*file/entries cannot be made: .* Set MENDEL_CACHE"):
        made("key", 1)


def test_a_listing_is_of_its_folder_alone() -> None:
    root = f"memory://{uuid.uuid4().hex}"
    found = execute(Train(), Context(root, DAY))

    from mendel.core import manifest

    assert manifest.listed(lake.join(root, found.folder)) == (
        FileEntry(path="adapter/weights", bytes=32, sha256=found.files[0].sha256),
    )
    assert manifest.listed(lake.join(root, found.path, "attempt=other")) == (), "another attempt's files were listed"
