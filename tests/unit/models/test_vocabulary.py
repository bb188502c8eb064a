"""Code points to symbols and back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mendel.core.errors import InputError
from mendel.models.vocabulary import FIRST_CHARACTER, UNKNOWN, Vocabulary, code_points, to_text

any_text = st.text(st.characters(), max_size=30)


@given(st.text(st.characters(exclude_categories=[]), max_size=30))
def test_code_points_tell_the_whole_text_lone_surrogates_too(text: str) -> None:
    assert to_text(code_points(text)) == text
    assert code_points(text).tolist() == [ord(character) for character in text]


@given(any_text, any_text)
def test_known_characters_keep_apart_and_others_are_unknown(known: str, text: str) -> None:
    # given
    vocabulary = Vocabulary.of([known])
    # when
    symbols = vocabulary.encode(text)
    # then
    assert len(vocabulary) == FIRST_CHARACTER + len(set(known))
    for character, symbol in zip(text, symbols, strict=True):
        if character in known:
            assert chr(vocabulary.code_points[symbol - FIRST_CHARACTER]) == character, f"{character!r} became another"
        else:
            assert symbol == UNKNOWN, f"{character!r} is not in the vocabulary"


def test_rare_characters_are_left_out() -> None:
    assert to_text(Vocabulary.of(["abba", "bc"], minimum_count=2).code_points) == "ab"


@pytest.mark.parametrize("codes", [[98, 97], [97, 97], [[97]]])
def test_code_points_out_of_order_are_refused(codes: list[int]) -> None:
    with pytest.raises(InputError, match="ascending order"):
        Vocabulary(np.array(codes, np.int32))
