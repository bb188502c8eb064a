"""Manual pages: text without macros and escape sequences; what is not known is left out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mendel.corpus.foreign.roff import plain


@pytest.mark.parametrize(
    ("source", "text"),
    [
        (r"Use \fB\-\-all\fR here.", "Use --all here."),
        (".B bold words", "bold words"),
        (".BR ls (1),", "ls(1),"),
        ('.BI "a b" c', "a bc"),
        (r".\" a comment", ""),
        (r"It\(aqs \f[I]so\f[]", "It's so"),
    ],
)
def test_macros_and_escapes_become_text(source: str, text: str) -> None:
    assert plain(source).strip() == text


def test_other_macros_end_a_paragraph() -> None:
    assert plain("one\n.PP\ntwo\n.SH NAME\nthree").split() == ["one", "two", "three"]
    assert plain("one\n.PP\ntwo").count("\n\n") == 1


def test_a_paragraph_with_an_unknown_escape_is_left_out() -> None:
    assert plain("good\n.PP\nbad \\*(Xy\n.PP\ngood").split() == ["good", "good"]


@given(st.text())
def test_no_source_is_an_error_and_no_escape_is_left(source: str) -> None:
    assert "\\" not in plain(source)
