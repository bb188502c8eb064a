from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mendel.core.errors import InputError
from mendel.inference import inbox
from mendel.inference.records import InboxRecord, RecordRules, Rejection

DAY = "2026-11-20"
RULES = RecordRules(text_key="text", max_characters=100)
NOBODY = 65534


@contextmanager
def without_privileges() -> Iterator[None]:
    """As an ordinary user, also where the tests run as root, whom no file refuses."""
    if os.geteuid():
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def day() -> Iterator[Path]:
    """The inbox of the day, in a lake that every user may enter."""
    with tempfile.TemporaryDirectory() as root:
        Path(root).chmod(0o755)
        folder = Path(root) / "inbox" / f"dt={DAY}"
        folder.mkdir(parents=True)
        yield folder
        folder.chmod(0o755)


def root_of(day: Path) -> str:
    return day.parent.parent.as_uri()


def everything(day: Path) -> list[InboxRecord | Rejection]:
    return [item for file in inbox.files(root_of(day), DAY) for item in inbox.records(file, RULES)]


def test_a_day_that_is_not_there_has_no_files(day: Path) -> None:
    assert inbox.files(root_of(day), "2020-01-01") == []


def test_files_come_in_order_of_name_and_markers_are_left_alone(day: Path) -> None:
    for name in ("b.txt", "a.txt", ".upload.txt", "_SUCCESS"):
        (day / name).write_text("x")

    names = [file.name for file in inbox.files(root_of(day), DAY)]

    assert names == [f"inbox/dt={DAY}/a.txt", f"inbox/dt={DAY}/b.txt"]


@pytest.mark.parametrize("name", ["a b.txt", "a#b.txt", "a?b.txt", "a%20b.txt", "a::b.txt", "*.txt", "é.txt"])
def test_any_file_name_is_read(day: Path, name: str) -> None:
    (day / name).write_text("one\ntwo")

    assert [item.text for item in everything(day) if isinstance(item, InboxRecord)] == ["one", "two"], name


def test_a_name_that_is_not_utf8_is_spelled_out(day: Path) -> None:
    (day / os.fsdecode(b"caf\xe9.txt")).write_text("one")

    (item,) = everything(day)

    assert isinstance(item, InboxRecord), f"rejected: {item}"
    assert item.file == f"inbox/dt={DAY}/caf\\xe9.txt"


def test_folders_and_broken_links_are_rejected_by_name(day: Path) -> None:
    (day / "folder.txt").mkdir()
    (day / "link.txt").symlink_to(day / "gone")

    items = everything(day)

    assert [(item.file, item.ordinal) for item in items] == [
        (f"inbox/dt={DAY}/folder.txt", None),
        (f"inbox/dt={DAY}/link.txt", None),
    ]
    assert {item.reason for item in items if isinstance(item, Rejection)} == {"unreadable"}


def test_a_file_without_permission_is_rejected_and_the_others_are_read(day: Path) -> None:
    (day / "closed.txt").write_text("secret")
    (day / "closed.txt").chmod(0)
    (day / "open.txt").write_text("fine")

    with without_privileges():
        closed, opened = everything(day)
        (checksum, _) = [file.sha256() for file in inbox.files(root_of(day), DAY)]

    assert isinstance(closed, Rejection)
    assert (closed.reason, closed.detail) == ("unreadable", "no permission to read it")
    assert isinstance(opened, InboxRecord)
    assert checksum == "unreadable", "when the permission is given, the day must have another digest"


def test_a_folder_without_permission_says_what_to_do(day: Path) -> None:
    (day / "a.txt").write_text("x")
    day.chmod(0)

    with (
        without_privileges(),
        pytest.raises(InputError, match=f"dt={DAY} may not be listed: give this user permission"),
    ):
        inbox.files(root_of(day), DAY)


def test_the_digest_knows_the_day_the_names_and_the_contents() -> None:
    digests = {
        inbox.digest("2026-11-20", []),
        inbox.digest("2026-11-21", []),
        inbox.digest("2026-11-20", [("a", "1")]),
        inbox.digest("2026-11-20", [("a", "2")]),
        inbox.digest("2026-11-20", [("b", "1")]),
        inbox.digest("2026-11-20", [("a", "1"), ("b", "1")]),
    }

    assert len(digests) == 6, "two different days have one digest"
