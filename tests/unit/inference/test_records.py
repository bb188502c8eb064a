"""Records of the inbox: what the reader gives, with ids and a bound on the length."""

from __future__ import annotations

from pathlib import Path

import pytest

from mendel.inference.records import InboxRecord, RecordRules, Rejection, parse, read

RULES = RecordRules(text_key="text", max_characters=50)


def read_lines(folder: Path, content: bytes) -> list[InboxRecord | Rejection]:
    path = folder / "a.jsonl"
    path.write_bytes(content)
    return list(read(path, "inbox/dt=2026-11-20/a.jsonl", RULES))


def test_the_records_own_id_is_kept_and_others_get_one_from_their_place(tmp_path: Path) -> None:
    items = read_lines(
        tmp_path,
        b'{"id": "a/1", "text": "x"}\n{"id": 17, "text": "x"}\n{"id": null, "text": "x"}\n{"id": "", "text": "x"}',
    )

    own, number, none, empty = [item.id for item in items if isinstance(item, InboxRecord)]
    assert (own, number) == ("a/1", "17")
    assert none == "151edc4390c3e51ba471e0dd8f3b60a5", "the id made of a place has changed: results would come anew"
    assert none != empty, "equal texts in different lines are different records"


def test_a_fault_is_a_rejection_at_its_place(tmp_path: Path) -> None:
    _, bad = read_lines(tmp_path, b'{"text": "fine"}\n{"text": 7}')

    assert isinstance(bad, Rejection), f"accepted: {bad}"
    assert (bad.file, bad.ordinal, bad.reason, bad.excerpt) == (
        "inbox/dt=2026-11-20/a.jsonl",
        2,
        "not_text",
        '{"text": 7}',
    )


@pytest.mark.parametrize(("characters", "accepted"), [(50, True), (51, False)])
def test_a_text_may_be_so_long(characters: int, accepted: bool) -> None:
    item = parse(b"x" * characters, "txt", "topic/0", 7, RULES)

    if accepted:
        assert isinstance(item, InboxRecord), f"rejected: {item}"
    else:
        assert isinstance(item, Rejection), "a longer text is accepted"
        assert (item.reason, item.detail) == ("too_long", "51 characters; max_characters is 50")
