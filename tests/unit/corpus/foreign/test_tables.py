"""Tables: columns under each other, and cells that can be read back."""

from __future__ import annotations

import csv

from hypothesis import given
from hypothesis import strategies as st

from mendel.corpus.foreign.tables import aligned, piped, separated

ROWS = [["name", "price"], ["ale", "$1,250.00"], ["buttermilk", "3"]]


def test_columns_are_under_each_other() -> None:
    assert aligned(ROWS).split("\n") == ["name        price", "ale         $1,250.00", "buttermilk  3"]


def test_a_table_of_markdown_has_a_rule_below_its_header() -> None:
    header, rule, *body = piped(ROWS).split("\n")
    assert header == "| name       | price     |"
    assert rule == "|------------|-----------|"
    assert len(body) == 2


@given(st.lists(st.lists(st.text('ab," ;', min_size=1), min_size=2, max_size=2), min_size=1))
def test_separated_values_can_be_read_back(rows: list[list[str]]) -> None:
    assert list(csv.reader(separated(rows).split("\n"))) == rows
