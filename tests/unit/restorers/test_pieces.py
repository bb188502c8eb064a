"""Long texts in pieces."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mendel.restorers.pieces import LONGEST, Piece, by_sentence, cut, join
from mendel.restorers.restorer import Restoration, spans

texts = st.text(st.sampled_from("ab. !\n\t。」"), max_size=200)


@pytest.mark.parametrize("word", ["ende.Wb-,d", "what?!Yes", "v1.Next", "“Go.”He"])
def test_a_word_stays_whole_whatever_stands_in_it(word: str) -> None:
    pieces = by_sentence(f"It came to the {word} of it. And on.", "en")
    assert pieces == [(f"It came to the {word} of it.", " "), ("And on.", "")]


@given(text=st.text("ab .!?\"'“”。」\u3000\n", max_size=60))
def test_sentences_are_the_text_cut_at_white_space_or_behind_a_mark_that_needs_none(text: str) -> None:
    pieces = by_sentence(text, "en")
    assert "".join(piece.text + piece.gap for piece in pieces) == text
    assert all(piece.gap.isspace() or "。" in piece.text for piece in pieces[:-1]), "a word was cut"
    assert all(piece.text == piece.text.rstrip() for piece in pieces)


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("en", "Mr. Smith saw Abb. The end.", ["Mr. Smith saw Abb. ", "The end."]),
        ("de", "Hr. Smith sah Abb. Das Ende.", ["Hr. Smith sah Abb. Das Ende."]),
        ("zh", "他来了。 我们走吧！“好。”他说。", ["他来了。 ", "我们走吧！", "“好。”", "他说。"]),
    ],
)
def test_sentences_end_by_the_rules_of_the_language(language: str, text: str, expected: list[str]) -> None:
    assert [piece.text + piece.gap for piece in by_sentence(text, language)] == expected


def test_a_long_text_without_spaces_is_cut_behind_sentences() -> None:
    assert [piece.text for piece in cut("他来了。我们走吧！好。", "zh", 6)] == ["他来了。", "我们走吧！", "好。"]


@given(texts, st.integers(1, 40))
def test_pieces_are_short_and_make_up_the_text(text: str, longest: int) -> None:
    pieces = cut(text, "en", longest)
    assert "".join(piece.text + piece.gap for piece in pieces) == text
    assert all(len(piece.text) <= longest for piece in pieces)
    assert all(piece.text for piece in pieces[:-1]), "an empty piece"
    assert all(not piece.gap or piece.gap.isspace() for piece in pieces)


def test_a_text_is_cut_after_a_sentence_else_between_words_else_anywhere() -> None:
    assert [piece.text for piece in cut("One is. Two is not three.", "en", 12)] == ["One is.", "Two is not", "three."]
    assert [piece.text for piece in cut("abcdefgh", "en", 3)] == ["abc", "def", "gh"]
    assert cut("x" * LONGEST, "en") == [("x" * LONGEST, "")]


@given(texts)
def test_joined_edits_lead_from_the_text_to_its_restoration(text: str) -> None:
    # Given pieces whose every "a" is restored to "xy"
    pieces = cut(text, "en", 10)
    restored = []
    for piece in pieces:
        better = piece.text.replace("a", "xy")
        restored.append(
            Restoration(text=better, confidence=0.9, edits=spans(piece.text, better), fallback=better == piece.text)
        )
    # When they are joined
    joined = join(pieces, restored)
    # Then the edits, applied to the text, give the joined one
    result, position = "", 0
    for edit in joined.edits:
        result += text[position : edit.start] + edit.replacement
        position = edit.end
    assert result + text[position:] == joined.text == text.replace("a", "xy")
    assert abs(joined.confidence - 0.9 ** len(pieces)) < 1e-9
    assert joined.fallback == ("a" not in text)


def test_one_piece_with_a_gap_keeps_it() -> None:
    restored = Restoration(text="a", confidence=1.0, edits=(), fallback=False)
    assert join([Piece("a", " ")], [restored]).text == "a "
