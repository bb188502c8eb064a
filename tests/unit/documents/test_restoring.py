"""A restorer and documents: what it is asked, and a real one on a page."""

from __future__ import annotations

import pytest

from mendel.documents.document import ReadingOptions, SegmentedDocument
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


def test_what_may_be_a_heading_gets_no_full_stop() -> None:
    rewords = Rewords({"road": "road."})
    [found] = restore_segments(rewords, [["The road", "It ends. The road"]], None)
    assert [each.text for each in found] == ["The road", "It ends. The road."]


@pytest.mark.parametrize(
    ("language", "text", "sentences"),
    [
        ("de", "Vgl. Abb. 3 und Kap. 4. Das geht.", ["Vgl. Abb. 3 und Kap. 4.", "Das geht."]),
        ("fr", "Voici M. Dupont. Il arrive.", ["Voici M. Dupont.", "Il arrive."]),
        ("zh", "他来了。我们走吧！好。", ["他来了。", "我们走吧！", "好。"]),
        ("ja", "「行こう。」と彼は言った。雨が降っている。", ["「行こう。」と彼は言った。", "雨が降っている。"]),
    ],
)
def test_a_document_is_cut_by_the_rules_of_the_language_that_the_restorer_has_learned(
    language: str, text: str, sentences: list[str]
) -> None:
    # given
    rewords = Rewords({"geht": "steht", "arrive": "est là", "走吧": "走罢", "雨が": "雪が"})
    rewords.language = language
    # when
    found = restore(rewords, f"{text}\n".encode(), reader("text"), ReadingOptions(), None, "test")
    # then
    assert rewords.asked == sentences
    [change] = found.changes
    assert found.data.decode() == text.replace(change.before, change.span.replacement) + "\n"


@pytest.mark.parametrize(("threshold", "expected"), [(0.89, "the end of it\n"), (0.91, "teh end of it\n")])
def test_what_is_less_sure_than_the_threshold_stays(threshold: float, expected: str) -> None:
    found = restore(Rewords({"teh": "the"}), b"teh end of it\n", reader("text"), ReadingOptions(), threshold, "test")
    assert found.data.decode() == expected


def test_what_would_harm_a_document_is_found_in_few_readings() -> None:
    # given a hundred paragraphs, of which every second would say something that is never read
    readings = 0

    def read(data: bytes, options: ReadingOptions) -> SegmentedDocument:
        nonlocal readings
        readings += 1
        return reader("text")(data, options)

    text = "They say teh word.\n\nThey say wwwx and no more.\n\n" * 50
    # when
    found = restore(Rewords({"teh": "the", "wwwx": "www.x.com"}), text.encode(), read, ReadingOptions(), None, "test")
    # then
    assert found.data.decode() == text.replace("teh", "the")
    assert [len(found.changes), len(found.left_out)] == [50, 50]
    assert readings <= 3, "that of the document, one that finds the harm, one without it"


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
