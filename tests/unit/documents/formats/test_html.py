"""HTML: text over tags, without scripts and code; whatever the page, its bytes stay."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ..conftest import asked, restored

PAGE = """<!DOCTYPE html>
<html><head><title>Teh title</title><style>p { teh: teh }</style>
<script>if (teh < 1 && a > b) { "<p>teh</p>" }</script></head>
<body class="teh">
<h1 title='teh'>Teh <em>big</em> heading</h1>
<p>Teh <b>bo<i>ld</i></b> word &amp; more&nbsp;of
   it<!-- teh --> here. <code>teh</code> Then teh end.<br>Next line
<pre>teh code</pre>
<ul><li>teh item<li translate="no">teh name</li></ul>
<p>Unclosed <a href="https://teh.example">teh link
</body></html>
"""
pieces = st.one_of(
    st.sampled_from(
        ["<p>", "</p>", "<b>", "</b>", "<code>", "</code>", "<br/>", "<!-- x -->", "<script>", "</script>", "<pre>", "&amp;",
         "&#233;", "&lt", "&", "<", ">", "<a href='x y'>", "\n", "\r\n", " ", "teh word", "<![CDATA[", "]]>", "<?x", "<!", "</"]
    ),
    st.text("ab <>&;/!-\"'=\n", max_size=8),
)  # fmt: skip
pages = st.lists(pieces, max_size=14).map("".join)


@given(text=pages)
def test_what_is_not_changed_stays_byte_for_byte(text: str) -> None:
    assert restored(text, "html").data == text.encode()


@given(before=pages, after=pages)
def test_a_word_changes_and_nothing_else(before: str, after: str) -> None:
    text = f"{before}<p>so zqxj it is</p>{after}"
    found = restored(text, "html", {"zqxj": "was"}).data.decode()
    assert found in (text, text.replace("zqxj", "was")), "it may stand in a script"


def test_text_is_read_over_tags() -> None:
    assert asked(PAGE, "html") == [
        "Teh title",
        "Teh big heading",
        "Teh bold word & more of it here.",
        "\ufffc Then teh end.",
        "Next line",
        "teh item",
        "Unclosed teh link",
    ]


def test_only_text_changes() -> None:
    found = restored(PAGE, "html", {"teh": "the", "Teh bold": "The bald", "& more": "<more>"}).data.decode()
    assert found == (
        PAGE.replace("Teh <b>bo<i>ld</i></b> word &amp; more", "The <b>ba<i>ld</i></b> word &lt;more&gt;")
        .replace("Then teh end", "Then the end")
        .replace("<li>teh item", "<li>the item")
        .replace("teh link", "the link")
    )


@pytest.mark.parametrize(
    ("text", "words", "expected"),
    [
        ("a w<b>ro</b>d", {"wrod": "word"}, "a w<b>or</b>d"),
        ("to<b>get her</b>", {"toget her": "together"}, "to<b>gether</b>"),
        ("the<b> eople</b>", {" eople": " people"}, "the<b> people</b>"),
        ("The <b>eople</b>", {"eople": "people"}, "The <b>people</b>"),
        ("<i>te</i><b>h</b> end", {"teh": "a"}, "<i>a</i><b></b> end"),
    ],
)
def test_changes_keep_the_tags(text: str, words: dict[str, str], expected: str) -> None:
    assert restored(text, "html", words).data.decode() == expected


def test_a_page_says_its_encoding() -> None:
    page = '<meta charset="iso-8859-1"><p>Señor teh\n'
    assert restored(page.encode("latin-1"), "html", {"teh": "the"}).data == page.replace("teh", "the").encode("latin-1")
