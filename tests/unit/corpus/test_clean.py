"""Cleaning: the plain form, what is stripped, what becomes a sentence, what is not kept and why."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from mendel.corpus.clean import Cleaning, clean

ANY_TEXT = st.text(st.characters(), max_size=200)  # lone surrogates, which JSON can hold, included
MARKUP = st.lists(
    st.sampled_from(["<p>", "</p>", "<b", ">", "&lt;", "&amp;", "<!--", "-->", "[", "]", "(applause)", "<br/>", "\n"])
    | st.sampled_from(
        ["word", " ", "\u2014", "\u2026", "\xa0", "\u201c", "<script>", "</script>", "<td>", "'", "&#x2014;"]
    )
    | st.sampled_from(["你好", "！", "，", "カ", "ｶﾞ", "Ａ", "…", "[笑]"])
    | st.sampled_from(["-\n", "\xad\n", "\xac", "\u2013\n", "and", "Word", "<int>", "](x)", "[word]: x.y\n", "= "]),
    max_size=25,
).map("".join)


@given(ANY_TEXT | MARKUP)
@example("&amp;amp;amp;lt;b&amp;amp;gt;")
@example("[a [b [c] d] e]")
@example("<p>a &lt;p&gt; b</p>")
@example("\ud800 lone")
@example("word-\nword-\nword word-word")
@example("[word][word]\n[word]: x.y")
@example("&lt;b&gt;word&lt;int&gt;</b>")
def test_cleaning_twice_changes_nothing(text: str) -> None:
    once = clean(text)

    assert clean(once) == once, f"{text!r} has two clean forms"


@given(ANY_TEXT | MARKUP)
def test_clean_text_has_neither_odd_spaces_nor_broken_characters(text: str) -> None:
    cleaned = clean(text)

    assert cleaned == cleaned.strip()
    assert "  " not in cleaned
    assert not [line for line in cleaned.split("\n") if line != line.strip()], "a line starts or ends with a space"
    cleaned.encode()  # no lone surrogate is left


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("\u201cWe\u2019ll see,\u201d he said.", '"We\'ll see," he said.'),
        ("heroes\u2014like you\u2014know 1990\u20132009", "heroes--like you--know 1990-2009"),
        ("and so on\u2026", "and so on..."),
        ("a\xa0b\u2009c\td\u3000e", "a b c d e"),
        ("co\xadop\u200berate\ufeff", "cooperate"),
        ("cafe\u0301", "caf\xe9"),
        ("schÃ¶n", "schön"),
        ("AT&amp;T &lt;3", "AT&T <3"),
        ("ﬁne", "fine"),
        ("one\r\ntwo\u2028three", "one\ntwo\nthree"),
        ("domestic problems: \u2022 the economy \u2022 trust", "domestic problems:\nthe economy\ntrust"),
    ],
)
def test_odd_characters_take_their_plain_form(text: str, expected: str) -> None:
    assert clean(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("他来了，她走了！真的吗？", "他来了，她走了！真的吗？"),
        ("彼は「行くぞ！」と言った（笑）。", "彼は「行くぞ！」と言った（笑）。"),
        ("他说：“走吧……”——然后走了。", "他说：“走吧……”——然后走了。"),
        ("Ｄｅｂｉａｎ１１の　ｶﾀｶﾅ｡", "Debian11の カタカナ。"),
        ("ä½\xa0å¥½ï¼\x8cä¸\x96ç\x95\x8cï¼\x81", "你好，世界！"),
        ("안녕하세요！", "안녕하세요！"),
        ("Ｆｕｌｌ ｗｉｄｔｈ！", "Full width!"),
        ("The word 你好！ is Chinese for “hello”.", 'The word 你好! is Chinese for "hello".'),
    ],
)
def test_punctuation_keeps_its_width_where_the_text_is_chinese_japanese_or_korean(text: str, expected: str) -> None:
    assert clean(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I <b>love</b> it.", "I love it."),
        ("<p>One\nline.</p><p>Two.</p>", "One line.\n\nTwo."),
        ("a<br>b", "a\nb"),
        ("<script>var x = 1;</script>Text<style>p {}</style>", "Text"),
        ("<html><head><title>T</title></head><body>Text</body></html>", "Text"),
        ("5 < 6 and 7 > 3", "5 < 6 and 7 > 3"),
        ("if x <y and z> w", "if x <y and z> w"),
        ("<!-- hidden -->shown", "shown"),
        ("<TEI><l n='1'>One</l><lb/> two</TEI>", "One two"),
        ("<b>see</b> vector<int> and x<y", "see vector<int> and x<y"),
        ("one<br>two<p>three", "one\ntwo\n\nthree"),
        ('<a href="https://example.org/?a=1&b=2">link</a>', "link"),
    ],
)
def test_markup_goes_and_its_text_stays(text: str, expected: str) -> None:
    assert clean(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("in 1992. [Laughter] I must", "in 1992. I must"),
        ("Thank you. (Applause.) And now", "Thank you. And now"),
        ("the 3d of March [1815-03-03] last", "the 3d of March last"),
        ("the states (of which there were two) voted", "the states (of which there were two) voted"),
        ("an open [ bracket", "an open [ bracket"),
        ("a [note over\ntwo lines]", "a [note over\ntwo lines]"),
    ],
)
def test_stage_directions_and_editors_notes_go(text: str, expected: str) -> None:
    assert clean(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "a[i] = b[i] + 1",
        "m[0][1] = f(x)[2]",
        "x = [1, 2, 3] + [n for n in y]",
        "[[1, 2], [3, 4]]",
        "print([a, b]) or list[int]",
        "copy [-v] [--help] with [a-z]+ and [$x == 1]",
        "vector<int> and Map<String, List<T>>",
        "Optional<Address> and Promise<Body>",
        "#include <vector> and usage: copy <file> <folder>",
        "std::vector<std::string> names",
    ],
)
def test_the_brackets_of_code_stay(text: str) -> None:
    assert clean(text) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("see [the docs](https://example.org/a_(b)) for more", "see the docs for more"),
        ('see [the docs](a.html "Title"), too', "see the docs, too"),
        ("![A cat](cat.png) sleeps", "A cat sleeps"),
        ("[![Build](badge.svg)](https://ci.example.org) passes", "Build passes"),
        ('see [the docs][1] and [Peers]\n\n[1]: https://example.org\n[peers]: ../b.md "B"', "see the docs and Peers"),
        ("[Applause][Laughter] Thank you", "Thank you"),
    ],
)
def test_the_labels_of_links_stay(text: str, expected: str) -> None:
    assert clean(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("die Immo\u00ad\nbilien", "die Immobilien"),
        ("die Immo&shy;\r\nbilien", "die Immobilien"),
        ("<p>die Immo&shy;\nbilien</p>", "die Immobilien"),
        ("a solu-\ntion is", "a solution is"),
        ("a solu- \r\n  tion is", "a solution is"),
        ("a solu\u2010\ntion is", "a solution is"),
        ("A SOLU-\nTION IS", "A SOLUTION IS"),
        ("a cross-\nsectional and a cross-sectional", "a cross-sectional and a cross-sectional"),
        ("Cross-sectional. A cross-\nsectional study", "Cross-sectional. A cross-sectional study"),
        ("a mother-in-\nlaw, as mother-in-law", "a mother-in-law, as mother-in-law"),
        ("die Immo\u00ac\nbilien", "die Immobilien"),
        ("die Immo\u00ac bilien, Immo\u00acbilien", "die Immobilien, Immobilien"),
        ("a cross\u00ac\nsectional, cross-sectional", "a cross-sectional, cross-sectional"),
        ("a parent\u2013\nchild process", "a parent-child process"),
        ("two-\nand three-fold", "two-\nand three-fold"),
        ("Haus-\nund Hof", "Haus-\nund Hof"),
        ("Jean-\nPaul", "Jean-\nPaul"),
        ("1990-\n2000", "1990-\n2000"),
        ("he said--\nand went", "he said--\nand went"),
        ("a list\n- one\n- two", "a list\n- one\n- two"),
        ("not p: \u00acp", "not p: \u00acp"),
    ],
)
def test_words_that_a_lines_end_divides_are_joined(text: str, expected: str) -> None:
    assert clean(text) == expected


def test_a_hyphen_before_a_capital_or_a_digit_joins_wrapped_lines_and_half_a_compound_does_not() -> None:
    text = "In 1990-\n2000 Jean-\nPaul made two-\nand three-fold gains."

    assert Cleaning(wrapped_lines=True).sentences(text) == ["In 1990-2000 Jean-Paul made two- and three-fold gains."]


def test_sentences_end_where_they_end_and_not_at_abbreviations() -> None:
    text = "Mr. Speaker, the U.S. economy grew 2.5 percent. It did! Did it?\nA heading\nThen Dr. King spoke."

    assert Cleaning().sentences(text) == [
        "Mr. Speaker, the U.S. economy grew 2.5 percent.",
        "It did!",
        "Did it?",
        "A heading",
        "Then Dr. King spoke.",
    ]


def test_wrapped_lines_are_joined_when_asked_for() -> None:
    text = "It was the best\nof times.\n\nIt was the\nworst of times."

    assert Cleaning(wrapped_lines=True).sentences(text) == ["It was the best of times.", "It was the worst of times."]
    assert Cleaning().sentences(text)[0] == "It was the best"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("彼は東京に\n行った。", "彼は東京に行った。"),
        ("他用的是，\n“新”系统。", "他用的是，“新”系统。"),
        ("他用的是 Debian\n系统。", "他用的是 Debian 系统。"),
        ("ฉันไปโรงเรียน\nแล้ว", "ฉันไปโรงเรียนแล้ว"),
        ("그는 집에\n갔다.", "그는 집에 갔다."),
    ],
)
def test_wrapped_lines_are_joined_without_a_space_in_scripts_that_have_none(text: str, expected: str) -> None:
    assert Cleaning(wrapped_lines=True, language="ja").sentences(text) == [expected]


@given(ANY_TEXT | MARKUP, st.booleans())
def test_no_text_is_lost_or_made_up_between_sentences(text: str, wrapped: bool) -> None:
    sentences = Cleaning(wrapped_lines=wrapped).sentences(text)

    assert "".join("".join(sentences).split()) == "".join(clean(text).split())


@pytest.mark.parametrize(
    ("sentence", "reason", "detail"),
    [
        ("Too short.", "too_short", "10 characters"),
        ("x" * 300 + ".", "too_long", "301 characters"),
        ("A café is what we need now.", "not_ascii", "é"),
        ("These \ue1e5 are my \U000f0001 words.", "unprintable", "U+E1E5 U+F0001"),
        ("RECORD OF PROGRESS AND MORE", "unterminated", "ends in 'E'"),
    ],
)
def test_what_is_not_kept_has_a_reason(sentence: str, reason: str, detail: str) -> None:
    assert Cleaning(ascii_only=reason == "not_ascii").fault(sentence) == (reason, detail)


@pytest.mark.parametrize(
    "sentence", ["این متن را می\u200cخوانم و می\u200cفهمم.", "A family 👨\u200d👩\u200d👧 of three came."]
)
def test_invisible_joiners_are_part_of_the_spelling(sentence: str) -> None:
    assert clean(sentence) == sentence
    assert Cleaning().fault(sentence) is None


@pytest.mark.parametrize("ending", [".", "!", "?", '."', ".)", "?'"])
def test_sentences_may_end_in_quotes_and_brackets(ending: str) -> None:
    assert Cleaning(ascii_only=True).fault(f"This sentence is long enough{ending}") is None


@pytest.mark.parametrize(
    ("sentence", "short"), [("他们今天都来了。", True), ("他们今天都到这里来了。", False), ("They came here.", True)]
)
def test_a_character_of_a_wide_script_counts_as_two(sentence: str, short: bool) -> None:
    assert (Cleaning(language="zh").fault(sentence) == ("too_short", f"{len(sentence)} characters")) == short


def test_filters_can_be_loosened() -> None:
    loose = Cleaning(min_chars=1, max_chars=10_000, terminated=False)

    assert [loose.fault(text) for text in ("é", "x" * 5000, "No end")] == [None, None, None]


def test_filters_that_keep_nothing_are_refused() -> None:
    with pytest.raises(ValidationError, match="min_chars 30 is above max_chars 20"):
        Cleaning(min_chars=30, max_chars=20)


@pytest.mark.timeout(20)
@pytest.mark.parametrize("piece", ["a", "a-", "a-\n", "a\xac", "[a", "[a](", "<a ", "<a b=c ", "- "])
def test_a_text_made_to_be_slow_is_cleaned_in_time(piece: str) -> None:
    clean(f"{piece * 20_000}-\n{'b' * 20_000} c-d")
