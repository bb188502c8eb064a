"""What the targets share: the command line, and the stage's last words."""

from __future__ import annotations

import pytest

from mendel_airflow.command import command_line, last_message


def test_empty_options_are_left_out_and_mapped_ones_follow() -> None:
    found = command_line(["restore", "shard", "", "--partition", "2026-11-23"], {"shard": 3})
    assert found == ["restore", "shard", "--partition", "2026-11-23", "--shard", "3"]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["a", "mendel: old", "b", "mendel: new", "  - why", ""], "mendel: new\n  - why"),
        (["a", "b", "  "], "b"),
        ([], "it said nothing"),
    ],
)
def test_last_message(lines: list[str], message: str) -> None:
    assert last_message(lines) == message
