"""The lake on a disk and on an object store (fsspec's memory file system stands in for a remote one)."""

from __future__ import annotations

import os
import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from fsspec.core import url_to_fs
from hypothesis import given
from hypothesis import strategies as st

from mendel.core import lake
from mendel.core.errors import InputError


@pytest.fixture(params=["disk", "remote"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(tmp_path) if request.param == "disk" else f"memory://{uuid.uuid4().hex}"


def test_create_makes_a_file_once_and_keeps_the_first_bytes(root: str) -> None:
    uri = lake.join(root, "a", "b.json")

    first, second = lake.create(uri, b"first"), lake.create(uri, b"second")

    assert (first, second) == (True, False), "create must say who was first"
    assert lake.read_bytes(uri) == b"first", "a second create changed the file"


def test_write_replaces(root: str) -> None:
    uri = lake.join(root, "a.txt")

    lake.write(uri, b"old and long")
    lake.write(uri, b"new")

    assert lake.read_text(uri) == "new", "write left old bytes"


def test_removing_is_done_once_and_twice(root: str) -> None:
    uri = lake.join(root, "a.txt")
    lake.write(uri, b"old")

    lake.remove(uri)
    lake.remove(uri)

    assert not lake.exists(uri), "the file is still there"


def test_of_many_writers_at_once_one_creates(tmp_path: Path) -> None:
    uri = str(tmp_path / "deep" / "manifest.json")
    writers = 16
    together = threading.Barrier(writers)

    def create(number: int) -> bool:
        together.wait()
        return lake.create(uri, f"{number}".encode() * 1000)

    with ThreadPoolExecutor(writers) as pool:
        won = list(pool.map(create, range(writers)))

    assert sum(won) == 1, f"{sum(won)} writers believe they created the file"
    assert lake.read_bytes(uri) == f"{won.index(True)}".encode() * 1000, "the file is not the winner's"
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["manifest.json"], "losers left files behind"


def test_a_reader_never_sees_a_part_of_a_write(tmp_path: Path) -> None:
    uri = str(tmp_path / "current.json")
    values = [bytes([letter]) * 300_000 for letter in b"ab"]
    lake.write(uri, values[0])
    seen: set[bytes] = set()
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            seen.add(lake.read_bytes(uri))

    reader = threading.Thread(target=read)
    reader.start()
    for turn in range(60):
        lake.write(uri, values[turn % 2])
    done.set()
    reader.join()

    assert seen, "the reader read nothing"
    assert seen <= set(values), "a reader saw bytes that were never written as a whole"


def test_lists_files_below_and_folders_directly_below(root: str) -> None:
    for path in ("x/1.txt", "x/y/2.txt", "z/3.txt"):
        lake.write(lake.join(root, path), b"-")

    files = [uri.rsplit("/", 1)[-1] for uri in lake.list_files(root)]

    assert files == ["1.txt", "2.txt", "3.txt"], "list_files must find all files, sorted"
    assert lake.list_folders(root) == ["x", "z"], "list_folders must name the folders directly below, sorted"
    assert lake.list_files(lake.join(root, "nothing")) == [], "an absent folder has no files"
    assert lake.list_folders(lake.join(root, "nothing")) == [], "an absent folder has no folders"


def test_listed_files_start_as_the_folder_does_whether_it_is_a_path_or_a_uri(root: str) -> None:
    lake.write(lake.join(root, "x", "1.txt"), b"-")

    assert lake.list_files(root) == [lake.join(lake.normalise(root), "x/1.txt")]
    assert lake.list_files(lake.normalise(root)) == lake.list_files(root)


def test_size_and_checksum_are_those_of_the_bytes(root: str) -> None:
    uri = lake.join(root, "a")
    lake.write(uri, b"abc")

    assert lake.size(uri) == 3
    # The test vector of FIPS 180-2.
    assert lake.sha256(uri) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_a_folder_goes_up_and_a_file_comes_down(root: str, tmp_path: Path) -> None:
    folder = tmp_path / "draft"
    (folder / "split=train").mkdir(parents=True)
    (folder / "split=train" / "part.bin").write_bytes(b"\x00\x01")

    lake.upload(folder, lake.join(root, "version"))
    lake.download(lake.join(root, "version/split=train/part.bin"), tmp_path / "new" / "part.bin")

    assert (tmp_path / "new" / "part.bin").read_bytes() == b"\x00\x01", "the file changed on its way"


def test_spark_calls_s3_by_another_name_and_nothing_else() -> None:
    assert lake.spark_uri("s3://bucket/a") == "s3a://bucket/a"
    assert lake.spark_uri("file:///a/s3://b") == "file:///a/s3://b"


def test_only_a_local_uri_has_a_path(tmp_path: Path) -> None:
    assert lake.local_path(tmp_path.as_uri()) == tmp_path
    assert lake.local_path("memory://a") is None


def test_a_plain_path_becomes_an_absolute_uri(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)

    assert lake.normalise("lake/") == f"file://{tmp_path}/lake"
    assert lake.normalise("file://lake") == f"file://{tmp_path}/lake"
    assert lake.normalise("s3://bucket/lake/") == "s3://bucket/lake"


@given(st.from_regex(r"/?[ab_][ab./ _-]{0,30}", fullmatch=True))
def test_normalising_twice_changes_nothing(path: str) -> None:
    once = lake.normalise(path)

    assert lake.normalise(once) == once, f"{path!r} has two normal forms"


def test_what_others_write_to_a_store_is_seen_by_a_process_that_goes_on() -> None:
    pytest.importorskip("s3fs", reason="s3fs is not installed: pip install s3fs")
    fs, _ = url_to_fs("s3://bucket/lake")
    fs.dircache["bucket/lake"] = [{"name": "bucket/lake/ledger", "type": "directory"}]
    assert "bucket/lake" not in fs.dircache, "listings are remembered"


def test_a_lake_below_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    for place in ("file", "file/lake", "file/a/b"):
        with pytest.raises(
            InputError, match=rf"the lake file://{tmp_path}/{place} cannot be: {tmp_path}/file is a file"
        ):
            lake.reach(lake.normalise(str(tmp_path / place)))
        with pytest.raises(InputError, match=rf"{tmp_path}/{place}.* cannot be written: .*MENDEL_LAKE"):
            lake.create(str(tmp_path / place / "a.txt"), b"x")
    lake.reach(lake.normalise(str(tmp_path / "not" / "there" / "yet")))


def test_what_a_user_may_not_do_is_named_with_the_file(
    users_folder: Path, without_privileges: Callable[[], AbstractContextManager[None]]
) -> None:
    (users_folder / "closed.txt").write_text("x")
    (users_folder / "closed.txt").chmod(0)
    users_folder.chmod(0o555)
    with without_privileges():
        refused: list[tuple[Callable[[], object], str]] = [
            (lambda: lake.write(str(users_folder / "a.txt"), b"x"), "a.txt cannot be written"),
            (lambda: lake.create(str(users_folder / "a.txt"), b"x"), "a.txt cannot be written"),
            (lambda: lake.make_folder(users_folder / "deep" / "er"), "er cannot be written"),
            (lambda: lake.remove(str(users_folder / "closed.txt")), "closed.txt cannot be removed"),
            (lambda: lake.read_bytes(str(users_folder / "closed.txt")), "closed.txt cannot be read"),
            (lambda: lake.sha256(str(users_folder / "closed.txt")), "closed.txt cannot be read"),
        ]
        for doing, what in refused:
            with pytest.raises(
                InputError, match=f"{users_folder}.*{what}: Permission denied. Give this user the right"
            ):
                doing()


@pytest.mark.parametrize(
    ("uri", "environment", "said"),
    [
        ("s3://bucket/lake", {}, "Unable to locate credentials"),
        ("s3://bucket/lake", {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}, "Could not connect"),
        ("nowhere://bucket/lake", {}, "Protocol not known: nowhere"),
    ],
)
def test_a_store_that_does_not_answer_is_named_with_what_to_look_at(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, uri: str, environment: dict[str, str], said: str
) -> None:
    s3fs = pytest.importorskip("s3fs", reason="s3fs is not installed: pip install s3fs")
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    alone = {"AWS_EC2_METADATA_DISABLED": "true", "AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_MAX_ATTEMPTS": "1"}
    for name, value in (alone | environment).items():
        monkeypatch.setenv(name, value)
    s3fs.S3FileSystem.clear_instance_cache()

    with pytest.raises(InputError, match=f"the lake {uri} cannot be reached: {said}.*AWS_ENDPOINT_URL.*MENDEL_LAKE"):
        lake.reach(uri)


def test_a_store_that_answers_is_reached_whatever_lies_in_it(root: str) -> None:
    lake.reach(root)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("file:/a/b c%20.jsonl", "file:///a/b c%20.jsonl"),
        ("file:///a/b", "file:///a/b"),
        ("s3a://bucket/a", "s3://bucket/a"),
    ],
)
def test_a_path_that_spark_gives_is_the_lakes(given: str, expected: str) -> None:
    assert lake.from_spark(given) == expected
