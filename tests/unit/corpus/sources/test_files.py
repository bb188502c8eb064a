"""Files as a source: which are found, what they are called, what is reported of those that cannot be read."""

from __future__ import annotations

import gzip
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest

from mendel.core.errors import InputError
from mendel.corpus.sources.base import Document, Rejected
from mendel.corpus.sources.files import FileSource

NOBODY = 65534


def source(glob: str | Path, **settings: Any) -> FileSource:
    return FileSource(kind="files", name="news", glob=str(glob), **settings)


def documents(files: FileSource) -> dict[str, str]:
    return {item.id: item.text for item in files.read() if isinstance(item, Document)}


def refusals(files: FileSource) -> dict[str, str]:
    return {item.uri: item.reason for item in files.read() if isinstance(item, Rejected)}


def details(files: FileSource) -> dict[str, str]:
    return {item.uri: item.detail for item in files.read() if isinstance(item, Rejected)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "b").mkdir()
    (tmp_path / "a.txt").write_text("Four score.")
    (tmp_path / "b" / "c.txt.gz").write_bytes(gzip.compress(b"Seven years."))
    (tmp_path / "b" / "d.jsonl").write_text('{"text": "Ago.", "key": 7}\n')
    return tmp_path


@pytest.fixture
def without_rights() -> Iterator[Path]:
    """A folder in which a test is an ordinary user, even where it runs as root, whom permissions do not bind."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    (folder / "open.txt").write_text("Four score.")
    (folder / "open.txt").chmod(0o644)
    documents(source(folder / "*.txt"))  # what is imported on first use may lie where only root can read
    user = os.geteuid()
    if user == 0:
        os.seteuid(NOBODY)
    try:
        yield folder
    finally:
        os.seteuid(user)
        for path in folder.rglob("*"):
            path.chmod(0o755)
        shutil.rmtree(folder)


def as_owner(path: Path, mode: int) -> None:
    user = os.geteuid()
    os.seteuid(os.getuid())
    path.chmod(mode)
    os.seteuid(user)


def test_documents_are_called_by_their_place_below_the_pattern(folder: Path) -> None:
    found = documents(source(folder / "**" / "*", id_key="key"))

    assert found == {"a.txt": "Four score.", "b/c.txt.gz": "Seven years.", "b/d.jsonl#7": "Ago."}


def test_any_file_system_serves(folder: Path) -> None:
    store = f"memory://{uuid.uuid4().hex}"
    fs, path = fsspec.core.url_to_fs(store)
    fs.put(f"{folder}/", path, recursive=True)

    remote, local = source(f"{store}/**/*.txt*"), source(folder / "**" / "*.txt*")

    assert documents(remote) == documents(local)
    assert len(documents(remote)) == 2, "nothing was compared"
    assert remote.entry().digest == local.entry().digest, "where the files lie must not count"


def test_the_digest_follows_names_and_contents_and_not_the_place(folder: Path, tmp_path: Path) -> None:
    before = source(folder / "**" / "*").entry()

    copy = tmp_path.parent / f"{tmp_path.name}-copy"
    shutil.copytree(folder, copy)
    assert source(copy / "**" / "*").entry().digest == before.digest

    (copy / "a.txt").write_text("Four scorn.")
    changed = source(copy / "**" / "*").entry().digest
    assert changed != before.digest, "changed content went unseen"

    (copy / "a.txt").write_text("Four score.")
    (copy / "a.txt").rename(copy / "e.txt")
    assert source(copy / "**" / "*").entry().digest not in (before.digest, changed), "a new name went unseen"


def test_the_place_of_the_files_is_no_part_of_the_identity(folder: Path) -> None:
    assert source(folder / "*").identity() == source("s3://bucket/*").identity()
    assert source(folder / "*").identity() != source(folder / "*", text_key="body").identity()


def test_a_document_keeps_its_split_when_others_come(folder: Path) -> None:
    for number in range(50):
        (folder / f"{number}.txt").write_text(f"Document {number}.")
    before = {item.id: item.split for item in source(folder / "*.txt").read() if isinstance(item, Document)}
    for number in range(50, 80):
        (folder / f"{number}.txt").write_text(f"Document {number}.")

    after = {item.id: item.split for item in source(folder / "*.txt").read() if isinstance(item, Document)}

    assert len(after) == len(before) + 30
    assert before.items() <= after.items()
    assert set(before.values()) == {"train", "validation", "test"}, "the splits are not all tried"


def test_every_kind_of_bad_file_is_reported_by_name_and_the_good_one_is_read(folder: Path) -> None:
    (folder / "latin1.txt").write_bytes("caf\xe9".encode("latin-1"))
    (folder / "empty.txt").touch()
    (folder / "binary.txt").write_bytes(bytes(range(256)))
    (folder / "cut.txt.gz").write_bytes(gzip.compress(b"Four score and seven years ago." * 50)[:-9])
    (folder / "lines.jsonl").write_text('{"text": "Good."}\n{"body": "x"}\nnot JSON\n{"text": 7}\n')
    (folder / "dangling.txt").symlink_to(folder / "nowhere")
    os.mkfifo(folder / "pipe.txt")

    files = source(folder / "*")

    assert {uri.removeprefix(f"file://{folder}/"): reason for uri, reason in refusals(files).items()} == {
        "latin1.txt": "not_utf8",
        "empty.txt": "empty",
        "binary.txt": "binary",
        "cut.txt.gz": "damaged",
        "lines.jsonl:2": "no_text",
        "lines.jsonl:3": "not_json",
        "lines.jsonl:4": "not_text",
        "dangling.txt": "unreadable",
        "pipe.txt": "unreadable",
    }
    assert sorted(documents(files).values()) == ["Four score.", "Good."]


def test_a_file_that_may_not_be_read_is_reported_by_name(without_rights: Path) -> None:
    as_owner(without_rights / "open.txt", 0o000)

    assert details(source(without_rights / "*.txt")) == {
        f"file://{without_rights}/open.txt": "cannot be opened: Permission denied"
    }


@pytest.mark.parametrize("pattern", ["**/*.txt", "*/*.txt"])
def test_a_folder_that_may_not_be_listed_is_reported_by_name(without_rights: Path, pattern: str) -> None:
    user = os.geteuid()
    os.seteuid(os.getuid())
    (without_rights / "closed").mkdir(mode=0o700)
    (without_rights / "closed" / "a.txt").write_text("Unseen.")
    (without_rights / "closed").chmod(0o000)
    os.seteuid(user)

    assert details(source(without_rights / pattern)) == {
        f"file://{without_rights}/closed": "cannot be listed: Permission denied"
    }


def test_a_folder_that_the_pattern_does_not_reach_is_no_concern(without_rights: Path) -> None:
    user = os.geteuid()
    os.seteuid(os.getuid())
    (without_rights / "closed").mkdir(mode=0o700)
    (without_rights / "closed").chmod(0o000)
    os.seteuid(user)

    assert refusals(source(without_rights / "*.txt")) == {}


def test_an_outage_is_no_fault_of_the_files(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = source(folder / "*.txt")

    def unreachable(*_: object, **__: object) -> bytes:
        raise ConnectionError("the store is down")

    monkeypatch.setattr(fsspec.implementations.local.LocalFileSystem, "cat_file", unreachable)

    with pytest.raises(ConnectionError):
        list(files.read())


@pytest.mark.parametrize(
    ("glob", "said"),
    [
        ("*.md", r"\*\.md matches no file"),
        ("b", r"it is a folder: write .*/b/\*\*/\*\.txt"),
        ("no/*", "matches no file"),
    ],
)
def test_a_pattern_that_matches_nothing_is_an_error(folder: Path, glob: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        source(folder / glob).entry()


def test_names_that_are_not_text_and_names_that_look_like_uris_are_read(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"caf\xe9.txt")).write_text("Latin name.")
    (tmp_path / "a::b[1].txt").write_text("Odd name.")

    found = documents(source(tmp_path / "*.txt"))

    assert found == {r"caf\xe9.txt": "Latin name.", "a::b[1].txt": "Odd name."}


def test_records_go_by_their_own_id_or_by_their_text_wherever_it_lies(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "Four score."}\n{"text": "Ago."}\n')
    (tmp_path / "b.ndjson").write_text('{"text": "Ago."}')

    names = list(documents(source(tmp_path / "*")))

    assert names == ["a.jsonl#8b54d2dffdcfec3f", "a.jsonl#294dc7b549aa55e4", "b.ndjson#294dc7b549aa55e4"]


def test_an_id_that_cannot_be_printed_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "Four score.", "key": "a\\u0007"}\n{"text": "Ago.", "key": "b"}\n')

    files = source(tmp_path / "*", id_key="key")

    assert refusals(files) == {f"file://{tmp_path}/a.jsonl:1": "bad_id"}
    assert documents(files) == {"a.jsonl#b": "Ago."}


def test_a_file_without_a_record_is_reported(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("\n\n")

    assert refusals(source(tmp_path / "*")) == {f"file://{tmp_path}/a.jsonl": "empty"}
