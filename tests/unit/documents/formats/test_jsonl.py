"""JSON Lines: spaces, escapes and order stay; strings change alone."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mendel.core.errors import InputError
from mendel.documents.document import ReadingOptions

from ..conftest import asked, restored

strings = st.text(st.one_of(st.characters(), st.sampled_from('ab "\\/\n\té\ud83d\ude00')), max_size=12)
values: st.SearchStrategy[Any] = st.recursive(
    st.one_of(strings, st.integers(), st.booleans(), st.none(), st.floats(allow_nan=False)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(strings, inner, max_size=3)),
    max_leaves=6,
)


def line(value: Any, ascii_only: bool, wide: bool) -> str:
    text = json.dumps(value, ensure_ascii=ascii_only, separators=(" , ", " :  ") if wide else None)
    return text if ascii_only else text.encode(errors="replace").decode()


@given(
    some=st.lists(values, max_size=4), ascii_only=st.booleans(), wide=st.booleans(), end=st.sampled_from(["\n", "\r\n"])
)
def test_what_is_not_changed_stays_byte_for_byte(some: list[Any], ascii_only: bool, wide: bool, end: str) -> None:
    text = end.join(line(value, ascii_only, wide) for value in some)
    assert restored(text, "jsonl").data == text.encode()


@given(some=st.lists(values, max_size=3), ascii_only=st.booleans(), wide=st.booleans())
def test_a_word_changes_and_nothing_else(some: list[Any], ascii_only: bool, wide: bool) -> None:
    text = "\n".join(line(value, ascii_only, wide) for value in [*some, {"a": [{"b": "so zqxj it is"}]}, *some])
    found = restored(text, "jsonl", {"zqxj": 'w"s'}, ReadingOptions(fields=("a.b",)))
    assert found.data.decode() == text.replace("zqxj", 'w\\"s')


LINES = '{"id": "abc-1",  "title":"teh \\u00e9tude", "body": {"text": "teh\\nold house\\/"}, "tags": ["teh one", "x"]}\n\n{}\n'


def test_strings_of_prose_are_read() -> None:
    assert asked(LINES, "jsonl") == ["teh étude", "teh old house/", "teh one"]
    assert asked(LINES, "jsonl", ReadingOptions(fields=("id",))) == ["abc-1"]
    assert asked('{"text": "teh house", "title": "teh other one"}', "jsonl") == ["teh house"]


def test_only_what_changes_is_written_anew() -> None:
    assert restored(LINES, "jsonl", {"teh": "thé"}).data.decode() == LINES.replace("teh", "th\\u00e9")


@pytest.mark.parametrize(
    ("text", "message"),
    [('{"a": "x y"}\n{"a": \n', "line 2 is not JSON"), ('{"a": "x y"}', r"no field 'b'; there is: a\. Change --field")],
)
def test_what_cannot_be_read_is_named(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        asked(text, "jsonl", ReadingOptions(fields=("b",)))
