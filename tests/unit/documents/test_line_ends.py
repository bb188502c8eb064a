"""Line ends that noise took or put in, in text of which the lines are broken by width."""

from __future__ import annotations

import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from .conftest import asked, restored

WORDS = (
    "it was the best of times and it was the worst of times, it was the age of wisdom, it was the age of light and we "
)
PROSE = textwrap.fill(WORDS * 8, 60)
LINES = PROSE.split("\n")


def with_end(number: int, end: str) -> str:
    """The prose with something else where a line ends."""
    return "\n".join([*LINES[:number], LINES[number] + end + LINES[number + 1], *LINES[number + 2 :]])


def around(number: int, between: str) -> str:
    """The words at the end of a line and the beginning of the next one, with something between them."""
    return LINES[number].split()[-1] + between + LINES[number + 1].split()[0]


@pytest.mark.parametrize("noise", ["", "x", "#"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\n> ", "\n    "])
def test_a_line_end_that_was_lost_is_put_back(noise: str, end: str) -> None:
    # given
    text = with_end(3, noise).replace("\n", end)
    # when the restorer puts a space there
    found = restored(text, "text", {around(3, noise): around(3, " ")})
    # then
    assert found.data.decode().replace(end, "\n") == PROSE


def test_a_space_that_was_lost_inside_a_line_is_a_space() -> None:
    text = PROSE.replace("best of times", "bestof times", 1)
    assert restored(text, "text", {"bestof": "best of"}).data.decode() == PROSE


def test_a_line_end_that_was_put_into_a_word_goes() -> None:
    text = PROSE.replace("wisdom", "wis\ndom", 1)
    assert restored(text, "text", {"wis dom": "wisdom"}).data.decode() == PROSE


def test_a_word_that_noise_divided_where_the_line_ends_stands_before_its_end() -> None:
    # given a line whose last letters stand in the next one: both are wider than one
    number = next(at for at, line in enumerate(LINES[:-1]) if len(line.split()[-1]) > 2)
    word = LINES[number].split()[-1]
    text = PROSE.replace(f"{LINES[number]}\n", f"{LINES[number][:-2]}\n{word[-2:]} ", 1)
    # when / then
    assert restored(text, "text", {f"{word[:-2]} {word[-2:]}": word}).data.decode() == PROSE


def test_without_lines_that_are_broken_by_width_no_line_end_is_put_in() -> None:
    text = PROSE.replace("\n", " ") + "\n"
    assert restored(text.replace("best of", "bestof"), "text", {"bestof": "best of"}).data.decode() == text


def test_a_row_of_a_table_is_not_broken() -> None:
    row = "name      " + "a" * 45 + " ofthe " + "b" * 20
    found = restored(f"{PROSE}\n\n{row}\n", "text", {"ofthe": "of the"})
    assert found.data.decode().endswith(row.replace("ofthe", "of the") + "\n")


def test_a_sentence_is_read_over_a_blank_line_that_noise_put_in_and_the_line_stays() -> None:
    # given
    text = with_end(3, "\n\n")
    # when / then
    assert asked(text, "text") == [PROSE.replace("\n", " ")]
    assert restored(text, "text").data.decode() == text


@pytest.mark.parametrize("after", ["Another paragraph.", "- an item of a list", "1. an item", "two    columns"])
def test_what_a_blank_line_parts_on_purpose_is_read_by_itself(after: str) -> None:
    [first, *_] = asked(f"{PROSE}\n\n{after}", "text")
    assert first == PROSE.replace("\n", " ")


def test_a_short_line_before_a_blank_one_is_read_by_itself() -> None:
    assert asked(f"{PROSE}\n\nthe heading\n\nand more of it", "text")[-2:] == ["the heading", "and more of it"]


@given(st.lists(st.sampled_from([*LINES, "", "  ", "- it was", "name    age", "The end."]), max_size=30))
def test_clean_lines_come_back_as_they_were(lines: list[str]) -> None:
    text = "\n".join(lines)
    assert restored(text, "text").data.decode() == text
    assert restored(text, "text", {"wisdom": "wisdoms"}).data.decode() == text.replace("wisdom", "wisdoms")
