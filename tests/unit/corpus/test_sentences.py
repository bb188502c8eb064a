"""Sentences in many languages: where they end, what is no end, and how much text the library sees at once."""

from __future__ import annotations

from typing import Any

import pytest
import sentencex
from hypothesis import given
from hypothesis import strategies as st

from mendel.corpus import sentences

ANY_LINE = st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"]), max_size=300)
PIECES = st.sampled_from(
    [
        "。",
        "！",
        "」",
        "「",
        "”",
        "“",
        "（",
        "）",
        "と",
        "他来了",
        "M.",
        " J.-C.",
        "Mme.",
        " ",
        "word",
        ". ",
        '" ',
        "! ",
        "।",
        "ไป",
        " กลับ",
        ";",
    ]
)
LANGUAGES = st.sampled_from(["en", "fr", "es", "de", "ru", "zh", "ja", "th", "el", "xx"])


def split(text: str, language: str) -> list[str]:
    return [sentence.strip() for sentence in sentences.split(text, language)]


@given(ANY_LINE | st.lists(PIECES, max_size=60).map("".join), LANGUAGES)
def test_sentences_join_to_the_line(line: str, language: str) -> None:
    assert "".join(sentences.split(line, language)) == line


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("zh", "他来了。她走了！真的吗？好", ["他来了。", "她走了！", "真的吗？", "好"]),
        ("zh", "他说：“你好！”然后走了。", ["他说：“你好！”", "然后走了。"]),
        ("zh", "『好。』天气（很）不错。", ["『好。』", "天气（很）不错。"]),
        ("en", "他来了。She left. 他走了。", ["他来了。", "She left.", "他走了。"]),
        (
            "ja",
            "「行くぞ！」と言った。「本当？」彼女は聞いた。",
            ["「行くぞ！」と言った。", "「本当？」", "彼女は聞いた。"],
        ),
        ("ja", "彼は「今日は雨。明日も雨。」と言う。", ["彼は「今日は雨。明日も雨。」と言う。"]),
        ("ja", "晴れだ。（終わり。）次です。", ["晴れだ。", "（終わり。）", "次です。"]),
        ("ja", "「雨」が降る。", ["「雨」が降る。"]),
        ("hi", 'यह है। उसने कहा, "दूसरा है॥" तीसरा?', ["यह है।", 'उसने कहा, "दूसरा है॥"', "तीसरा?"]),
        ("ar", "ما هذا؟ هذا كتاب. نعم", ["ما هذا؟", "هذا كتاب.", "نعم"]),
        ("ur", "یہ کیا ہے؟ یہ کتاب ہے۔ جی", ["یہ کیا ہے؟", "یہ کتاب ہے۔", "جی"]),
        ("el", "Τι κάνεις; Καλά. Ο κ. Παπάς.", ["Τι κάνεις;", "Καλά.", "Ο κ. Παπάς."]),
        ("am", "ይህ ነው። ሌላ ነው፧ አዎ።", ["ይህ ነው።", "ሌላ ነው፧", "አዎ።"]),
        ("hy", "Սա է։ Այն է։", ["Սա է։", "Այն է։"]),
        ("my", "ကျွန်တော် သွားတယ်။ သူလာတယ်။", ["ကျွန်တော် သွားတယ်။", "သူလာတယ်။"]),
        ("km", "ខ្ញុំទៅសាលា។ គាត់មក។", ["ខ្ញុំទៅសាលា។", "គាត់មក។"]),
        ("fr", '" Quelle chance ! " Puis il partit.', ['" Quelle chance ! "', "Puis il partit."]),
        ("fr", "Il vécut av. J.-C. à Rome. Oui.", ["Il vécut av. J.-C. à Rome.", "Oui."]),
        ("de", '"Nein!" Dann ging er am 3. Mai. Gut.', ['"Nein!"', "Dann ging er am 3. Mai.", "Gut."]),
        ("es", "¿Qué tal? ¡Bien! D.ª Ana vino.", ["¿Qué tal?", "¡Bien!", "D.ª Ana vino."]),
        ("ru", "А. С. Пушкин, т. е. поэт, жил в г. Москве. Да.", ["А. С. Пушкин, т. е. поэт, жил в г. Москве.", "Да."]),
    ],
)
def test_sentences_end_where_the_language_ends_them(language: str, text: str, expected: list[str]) -> None:
    assert split(text, language) == expected


@pytest.mark.parametrize(
    ("language", "abbreviation"),
    [
        ("fr", "M."),
        ("fr", "Mme."),
        ("fr", "Mlle."),
        ("de", "Dr."),
        ("de", "Nr."),
        ("es", "D."),
        ("es", "Dña."),
        ("es", "Sr."),
        ("ru", "им."),
        ("ru", "рис."),
        ("it", "Sig."),
        ("pt", "Sr."),
    ],
)
@pytest.mark.parametrize("before", ["", "Si. ", '"', "("])
def test_an_abbreviation_ends_no_sentence_wherever_it_stands(language: str, abbreviation: str, before: str) -> None:
    # When
    last = split(f"{before}{abbreviation} Dupont est.", language)[-1]

    # Then
    assert last.endswith(f"{abbreviation} Dupont est."), f"{abbreviation} ends a sentence in {language}"


def test_thai_which_has_no_marks_is_cut_at_spaces_into_texts_of_some_length() -> None:
    clause = "ฉันไปโรงเรียนแล้วกลับบ้าน"

    found = split(" ".join([clause] * 12), "th")

    assert len(found) == 4
    assert {text.count(clause) for text in found} == {3}, "three clauses of 25 characters come to 60"


@pytest.mark.parametrize(
    "sentence",
    [
        "Yes.",
        '"Yes!"',
        "(Really?)",
        "真的。",
        "「真的。」",
        "真的！”",
        "はい……",
        "यह है।",
        "نعم۔",
        "ما هذا؟",
        "አዎ።",
        "Այն է։",
        "សាលា។",
        "သွားတယ်။",
        "Τι κάνεις;",
        '" Quelle chance ! "',
        "ไปโรงเรียน",
    ],
)
def test_what_ends_a_sentence_is_known_in_any_script(sentence: str) -> None:
    assert sentences.TERMINATED.search(sentence), f"{sentence!r} is taken for unterminated"


@pytest.mark.parametrize("text", ["A heading", "one;", "nation's", "标题", "一，", 'he said "no', "Τίτλος"])
def test_a_heading_does_not_end_as_a_sentence(text: str) -> None:
    assert not sentences.TERMINATED.search(text), f"{text!r} is taken for a sentence"


@pytest.mark.parametrize("piece", ["他来了，真的吗? ", "The word is here. ", "word ", "word", '"Yes. ', "「", "M. "])
def test_the_library_sees_each_part_of_a_long_line_about_once_and_little_at_a_time(
    piece: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a line of 400,000 characters, and the library's sizes on record
    line, seen, segment = piece * (400_000 // len(piece)), list[int](), sentencex.segment

    def counted(language: str, text: str) -> Any:
        seen.append(len(text))
        return segment(language, text)

    monkeypatch.setattr(sentencex, "segment", counted)

    # When
    found = "".join(sentences.split(line, "fr"))

    # Then
    assert found == line
    assert max(seen) <= sentences.WINDOW
    assert sum(seen) < 1.1 * len(line), "the library reads parts of the line again and again"


@pytest.mark.parametrize("length", [100, sentences.WINDOW - 1, sentences.WINDOW + 1, 3 * sentences.WINDOW])
def test_a_long_sentence_stays_whole_and_its_neighbours_apart(length: int) -> None:
    # Given
    long = "Word " * (length // 5) + "end."

    # When, then
    assert split(f"One is here. {long} Two is there.", "en") == ["One is here.", long, "Two is there."]
