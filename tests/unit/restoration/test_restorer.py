"""Changes as spans, and folders on other machines."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mendel import lake
from mendel.errors import InputError
from mendel.restoration.restorer import DESCRIPTION, Restorer, Span, local_copy, spans

short = st.text("abc ", max_size=12)


@given(before=short, after=short)
def test_spans_lead_from_one_text_to_the_other(before: str, after: str) -> None:
    made, at = "", 0
    for span in spans(before, after):
        assert before[span.start : span.end] != span.replacement, "a span that changes nothing"
        made += before[at : span.start] + span.replacement
        at = span.end
    assert made + before[at:] == after


def test_neighbouring_changes_are_one_span() -> None:
    assert spans("abcdef", "abXYef") == (Span(start=2, end=4, replacement="XY"),)
    assert spans("same", "same") == ()


def test_a_remote_folder_is_brought_here_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MENDEL_CACHE", str(tmp_path))
    uri = f"memory://{uuid.uuid4().hex}/candidate"
    lake.write(f"{uri}/{DESCRIPTION}", b"{}")
    lake.write(f"{uri}/adapter/config.json", b"1")

    first = local_copy(uri)
    inode = (first / DESCRIPTION).stat().st_ino

    assert (first / "adapter" / "config.json").read_bytes() == b"1"
    assert local_copy(uri) == first
    assert (first / DESCRIPTION).stat().st_ino == inode, "it was downloaded again"


def test_a_folder_without_a_restorer_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"{tmp_path} holds no restorer: {DESCRIPTION}"):
        Restorer.load(str(tmp_path))
