"""A restorer and documents: what it is asked, and a real one on a page."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mendel.documents.document import ReadingOptions
from mendel.documents.reading import reader
from mendel.documents.restoring import BATCH, restore, restore_segments
from mendel.restorers.restorer import Restorer

from ..restorers.test_channel import folder, restorer
from .conftest import Rewords

__all__ = ["folder", "restorer"]


def test_each_document_has_its_answers_sentence_by_sentence() -> None:
    # given
    rewords = Rewords({"teh": "the"})
    documents = [["One teh. Two teh!  Three", ""], [], ["teh four"]]
    # when
    found = restore_segments(rewords, documents, None)
    # then
    assert rewords.asked == ["One teh.", "Two teh!", "Three", "", "teh four"]
    assert [[each.text for each in some] for some in found] == [["One the. Two the!  Three", ""], [], ["the four"]]
    [edits, *_] = [each.edits for each in found[0]]
    assert [(edit.start, edit.end) for edit in edits] == [(4, 8), (13, 17)], "in positions of the whole text"


def test_the_sentences_of_a_document_are_asked_about_as_such() -> None:
    # given two documents with more sentences than are restored at once
    rewords = Rewords({})
    documents = [[f"Sentence {number}. " * 5 for number in range(BATCH // 4)], ["One more. Another one."]]
    # when
    restore_segments(rewords, documents, None)
    # then all that is asked of one is asked with it, and with its words
    several, two = rewords.documents[0], rewords.documents[-1]
    assert rewords.documents == [several] * (5 * (BATCH // 4)) + [two] * 2
    assert several is not None
    assert two is not None
    assert several is not two
    assert two.words == {"One": 1, "more": 1, "Another": 1, "one": 1}


@pytest.mark.parametrize("word", ["ende.Wb-,d", "what?!Yes", "v1.Next", "“Go.”He"])
def test_a_word_is_asked_about_whole_whatever_stands_in_it(word: str) -> None:
    rewords = Rewords({})
    restore_segments(rewords, [[f"It came to the {word} of it. And on."]], None)
    assert rewords.asked == [f"It came to the {word} of it.", "And on."]


@given(text=st.text("ab .!?\"'“”。」\u3000\n", max_size=60))
def test_sentences_are_the_text_cut_at_white_space(text: str) -> None:
    rewords = Rewords({})
    [[found]] = restore_segments(rewords, [[text]], None)
    assert found.text == text
    assert "".join("".join(rewords.asked).split()) == "".join(text.split())
    assert [word for each in rewords.asked for word in each.split()] == text.split(), "no word is cut"


@pytest.mark.parametrize(("threshold", "expected"), [(0.89, "the end of it\n"), (0.91, "teh end of it\n")])
def test_what_is_less_sure_than_the_threshold_stays(threshold: float, expected: str) -> None:
    found = restore(Rewords({"teh": "the"}), b"teh end of it\n", reader("text"), ReadingOptions(), threshold, "test")
    assert found.data.decode() == expected


def test_a_real_restorer_mends_a_page_and_nothing_else(restorer: Restorer) -> None:
    # given
    beside = "`Securtyi freedom` – “Securtyi freedom american.”"
    page = f"# Page\r\n\r\n> Thee people must. Our nattion\r\n> together the. {beside}\r\n"
    # when
    found = restore(restorer, page.encode(), reader("markdown"), ReadingOptions(), None, "test")
    # then
    text = found.data.decode()
    assert "The people must. Our nation\r\n> together the. `Securtyi freedom` – " in text
    assert text.startswith("# Page\r\n\r\n> ")
