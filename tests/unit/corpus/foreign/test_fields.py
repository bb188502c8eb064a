"""Fields: another value every time, the same one under the same numbered name, capitals where the name is in capitals."""

from __future__ import annotations

import random

import pytest

from mendel.corpus.foreign import words
from mendel.corpus.foreign.fields import Fields, Template
from mendel.corpus.foreign.parts import PARTS


@pytest.fixture
def fields() -> Fields:
    return Fields("fit", random.Random(0))


def test_a_field_has_another_value_every_time_and_a_numbered_one_keeps_it(fields: Fields) -> None:
    assert len({fields["uuid"] for _ in range(20)}) == 20
    assert len({fields["uuid1"] for _ in range(20)}) == 1
    assert fields["uuid1"] != fields["uuid2"]


def test_a_name_in_capitals_gives_capitals(fields: Fields) -> None:
    assert fields["CITY"].isupper()
    assert fields["CITY1"] == fields["city1"].upper()


def test_a_field_ends_where_another_character_begins(fields: Fields) -> None:
    text = Template("@noun1_@noun1@noun1.h ${x} @@property").substitute(fields)
    noun = fields["noun1"]
    assert text == f"{noun}_{noun}{noun}.h ${{x}} @property"


def test_an_isbn_has_its_check_digit(fields: Fields) -> None:
    for _ in range(50):
        digits = [int(digit) for digit in fields["isbn"] if digit.isdigit()]
        assert len(digits) == 13
        assert (sum(digits[::2]) + 3 * sum(digits[1::2])) % 10 == 0, f"{digits}"


@pytest.mark.parametrize("name", words.WORDS)
def test_the_parts_share_no_word_of_a_list(name: str) -> None:
    fit, judge = (words.of(part)[name] for part in PARTS)
    assert fit
    assert judge
    assert not set(fit) & set(judge)
