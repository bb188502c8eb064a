"""Tables: quotes, spaces and line ends stay, columns of numbers and ids are left alone."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mendel.core.errors import InputError
from mendel.documents.document import ReadingOptions

from ..conftest import asked, restored

values = st.text(
    st.one_of(st.sampled_from("ab ,;\t\"'\n\ré1|"), st.characters(exclude_categories=["Cs", "Cc"])), max_size=10
)


@given(
    rows=st.lists(st.lists(values, min_size=1, max_size=4), max_size=5),
    raw=st.booleans(),
    mark=st.sampled_from(["", "\ufeff"]),
)
def test_what_is_not_changed_stays_byte_for_byte(rows: list[list[str]], raw: bool, mark: str) -> None:
    # given a table as others write it, or something like one
    text = mark + "\n".join(",".join(row) if raw else written(row) for row in rows)
    assert restored(text, "csv").data == text.encode()


def written(row: list[str]) -> str:
    file = io.StringIO()
    csv.writer(file).writerow(row)
    return file.getvalue().removesuffix("\r\n")


@given(rows=st.lists(st.tuples(values, values), max_size=5))
def test_a_word_changes_and_all_other_fields_stay(rows: list[tuple[str, str]]) -> None:
    # given
    text = "\r\n".join(written(list(row)) for row in [("id", "text"), *rows, ("7", "so zqxj it is"), *rows])
    # when
    found = restored(text, "csv", {"zqxj": 'was, "so"'}).data.decode()
    # then
    before, after = list(csv.reader(io.StringIO(text, newline=""))), list(csv.reader(io.StringIO(found, newline="")))
    assert after == [[cell.replace("zqxj", 'was, "so"') for cell in row] for row in before]
    assert found.replace('"so was, ""so"" it is"', "so zqxj it is") == text


TABLE = 'id,name,note\n1,Smith,"teh ""big"" house, here"\n2,Brown, teh small one \n3,White,\n'


def test_only_columns_of_prose_are_read() -> None:
    assert asked(TABLE, "csv") == ['teh "big" house, here', "teh small one"]
    assert asked(TABLE, "csv", ReadingOptions(fields=("name",))) == ["Smith", "Brown", "White"]


def test_a_column_called_text_is_the_one() -> None:
    assert asked("text,more words\nteh house,teh other house\n", "csv") == ["teh house"]


def test_quoting_stays_as_it_was() -> None:
    assert restored(TABLE, "csv", {"teh": "the", "small": 'sm"ll'}).data.decode() == (
        'id,name,note\n1,Smith,"the ""big"" house, here"\n2,Brown," the sm""ll one "\n3,White,\n'
    )


def test_other_delimiters_are_found() -> None:
    assert asked("a;b\n1;teh house, here\n", "csv") == ["teh house, here"]
    assert asked("a\tb\n1\tteh house, here\n", "tsv") == ["teh house, here"]


def test_a_field_that_is_not_there_is_named() -> None:
    with pytest.raises(InputError, match=r"there is no field 'body'; there is: id, name, note\. Change --field"):
        asked(TABLE, "csv", ReadingOptions(fields=("body",)))
