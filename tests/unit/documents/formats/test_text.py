"""Plain text: lines that are one paragraph are read as one, and stay lines."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mendel.core.errors import InputError
from mendel.documents.document import ReadingOptions
from mendel.documents.protected import OBJECT

from ..conftest import asked, restored

WRAPPED = "It was the best of times and it was the worst\nof times, it was the age of wisdom, it was teh\nage of foolishness.\n"
ITEMS = (
    "the best of times and the worst of times and\nthe age of wisdom and the age of foolishness",
    "the season of light and the season of darkness\nand the spring of hope and a winter of despair",
)
anything = st.text(
    st.one_of(
        st.characters(exclude_categories=["Cs"], exclude_characters="\0"), st.sampled_from(" \n\r\t-\u00ad’“—.ab>")
    ),
    max_size=80,
)


@given(text=anything)
def test_what_is_not_changed_stays_byte_for_byte(text: str) -> None:
    assert restored(text, "text").data == text.encode()


@given(before=anything, after=anything)
def test_one_word_changes_and_nothing_else(before: str, after: str) -> None:
    # given a word that is nowhere else, and marked off
    text = f"{before}\n\nso zqxj it is\n\n{after}"
    # when
    found = restored(text, "text", {"zqxj": "was"})
    # then
    assert found.data.decode() == f"{before}\n\nso was it is\n\n{after}"


def test_lines_broken_by_width_are_read_as_one() -> None:
    assert asked(WRAPPED, "text") == [WRAPPED.replace("\n", " ").strip()]


@pytest.mark.parametrize("start", ["own. It was", "is. It was", "V. Debs of", "12. It was", "ix) of all", "- of all"])
def test_a_line_broken_by_width_goes_on_whatever_it_begins_with(start: str) -> None:
    # given a line that begins as an item of a list could, in the middle of a sentence
    text = WRAPPED.replace("\nof", f"\n{start}")
    # when, then it is asked about as it would be on one line
    assert asked(text, "text") == asked(text.replace("\n", " "), "text")


@pytest.mark.parametrize("marks", ["1) 2)", "(a) (b)", "ix) x)", "- -", "* *"])
def test_items_of_a_list_are_read_one_by_one_though_their_lines_are_full(marks: str) -> None:
    items = [f"{mark} {words}" for mark, words in zip(marks.split(), ITEMS, strict=True)]
    assert asked("\n".join(items), "text") == [item.replace("\n", " ") for item in items]


def test_lines_of_a_script_without_spaces_are_read_without_any_and_stay_lines() -> None:
    text = "".join(
        f"春天来了，花园里的花都开了，孩子们在院子{number}\n里跑来跑去，大人们坐在树下喝茶聊天，很高\n"
        for number in "甲乙丙丁戊己庚"
    )
    [line] = asked(text, "text")
    assert line == text.replace("\n", "")
    found = restored(text, "text", {"戊里跑来": "戊里走来", "很高春": "很好春"}).data.decode()
    assert found == text.replace("戊\n里跑来", "戊\n里走来").replace("很高\n春", "很好\n春")


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_changed_word_stays_on_its_line(end: str) -> None:
    text = WRAPPED.replace("\n", end)
    assert restored(text, "text", {"teh": "the", "was the worst": "is a worst"}).data.decode() == text.replace(
        "teh", "the"
    ).replace("was the worst", "is a worst")


def test_a_change_over_a_line_end_keeps_the_line_end() -> None:
    text = "They saw teh\ngovernmnet of all the people who had\ncome."
    assert restored(text, "text", {"teh governmnet": "the government"}).data.decode() == (
        "They saw the\ngovernment of all the people who had\ncome."
    )


def test_a_word_put_together_over_a_line_end_stands_before_it() -> None:
    text = "They asked for resto\nration of the\nking and no more."
    assert restored(text, "text", {"resto ration": "restoration"}).data.decode() == (
        "They asked for restoration\nof the\nking and no more."
    )


DIVIDED = "They asked for the resto-\nration of the king, and for cross-\nsectional cross-sectional things.\n"


def test_a_divided_word_is_read_whole_and_stays_divided() -> None:
    assert asked(DIVIDED, "text") == [
        "They asked for the restoration of the king, and for cross-sectional cross-sectional things."
    ]
    assert restored(DIVIDED, "text").data.decode() == DIVIDED


def test_a_change_in_a_divided_word_leaves_it_divided() -> None:
    wrong = DIVIDED.replace("ration of", "ratoin of")
    assert restored(wrong, "text", {"restoratoin": "restoration"}).data.decode() == DIVIDED


def test_a_change_over_the_hyphen_keeps_it() -> None:
    assert restored("They wanted resot-\nration for all.", "text", {"resotration": "restoration"}).data.decode() == (
        "They wanted resto-\nration for all."
    )


def test_lines_of_their_own_are_read_one_by_one() -> None:
    assert asked("The first item\nThe second item\n- third\n- fourth\nA\tB column\n", "text") == [
        "The first item",
        "The second item",
        "- third",
        "- fourth",
        "B column",
    ]


def test_what_is_no_prose_is_not_asked_about() -> None:
    text = "See https://example.org/a?b=c, write to me@example.org or look into /etc/hosts and main.py now.\n1234 = 5\n"
    assert asked(text, "text") == [f"See {OBJECT}, write to {OBJECT} or look into {OBJECT} and {OBJECT} now."]


def test_a_change_of_what_is_protected_is_left_out() -> None:
    text = "See https://example.org/a for teh story.\n"
    found = restored(text, "text", {f"See {OBJECT} for teh": "See it for the"})
    assert found.data.decode() == text
    assert len(found.left_out) == 1
    assert restored(text, "text", {f"{OBJECT} for teh": f"{OBJECT}, for the"}).data.decode() == (
        "See https://example.org/a, for the story.\n"
    )


@pytest.mark.parametrize(
    ("text", "expected"), [("The state of the union", "The state of the union"), ("It was. It is", "It was. It is.")]
)
def test_a_heading_gets_no_full_stop(text: str, expected: str) -> None:
    words = {"union": "union.", "is": "is."}
    assert restored(text, "text", words).data.decode() == expected


def test_characters_that_are_not_changed_keep_their_form() -> None:
    text = "\ufeffHe said: “teh  king’s — ｆｕｌｌ café e\u0301te\u0301” and left…\n"
    assert asked(text, "text") == ['He said: "teh king\'s -- full café été" and left...']
    assert restored(text, "text", {"\"teh king's --": '"the kings --'}).data.decode() == (
        text.replace("teh", "the").replace("king’s", "kings")
    )


def test_quoted_mail_keeps_its_marks() -> None:
    text = "> they saw teh\n> governmnet of all\n>> and more\n"
    assert restored(text, "text", {"teh governmnet": "the government"}).data.decode() == (
        "> they saw the\n> government of all\n>> and more\n"
    )


@pytest.mark.parametrize("encoding", ["windows-1252", "latin-1", "utf-16-le"])
def test_a_declared_encoding_is_read_and_written(encoding: str) -> None:
    data = "Señor teh Presidente".encode(encoding)
    found = restored(data, "text", {"teh": "the"}, ReadingOptions(encoding=encoding))
    assert found.data == "Señor the Presidente".encode(encoding)


def test_a_character_that_the_encoding_lacks_is_left_out() -> None:
    data = "Señor teh Presidente".encode("latin-1")
    found = restored(data, "text", {"teh": "th\u0119"}, ReadingOptions(encoding="latin-1"))
    assert (found.data, len(found.left_out)) == (data, 1)


def test_utf16_with_its_mark_is_read() -> None:
    data = "teh house".encode("utf-16")
    assert restored(data, "text", {"teh": "the"}).data == "the house".encode("utf-16")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("Señor".encode("latin-1"), r"byte 3 \(0xf1\) is not utf-8: .*--encoding windows-1252"),
        (b"PK\x03\x04\0\0", r"character 5 is U\+0000: it is no text"),
    ],
)
def test_what_is_no_text_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        restored(data, "text")
