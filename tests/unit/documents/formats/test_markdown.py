"""Markdown: prose is read without its markup, code and addresses not at all."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ..conftest import asked, restored

PAGE = """---
title: teh title
---

# Teh *big* heading ##

A paragraph with `teh code`, a [link to teh
page](https://example.org/teh "teh title") and **teh bold
word**.  See <https://example.org> &amp; write.

> A quote of teh king
> goes on here.

- teh item
  goes on
    1. a nested teh item

| Name | Text of teh table |
|------|:-----------------:|
| teh  | a \\| teh cell    |

```python
teh = "teh"
```

    teh = indented

<div class="teh">
teh block
</div>

Setext teh heading
==================

[ref]: https://example.org/teh "teh title"

Uses [ref], [teh words][ref] and a note[^teh]. An image: ![teh picture](teh.png)

[^teh]: teh note
"""
lines = st.sampled_from(
    [
        *PAGE.splitlines(),
        "",
        "",
        "***",
        "\t",
        "> - a *b* _c_",
        "1. one",
        "``x` y``",
        "&nbsp;",
        "\\*x\\*",
        "~~~",
        "| a | b |",
        "|--|--|",
    ]
)
documents = st.builds(
    lambda some, end, mark: mark + end.join(some),
    st.lists(st.one_of(lines, st.text("ab*_`[]()<>|#>-+1. \\!&;\t~$", max_size=20)), max_size=12),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from(["", "", "\ufeff"]),
)


@given(text=documents)
def test_what_is_not_changed_stays_byte_for_byte(text: str) -> None:
    assert restored(text, "markdown").data == text.encode()


@given(before=documents, after=documents)
def test_a_word_changes_and_nothing_else(before: str, after: str) -> None:
    text = f"{before}\n\nso zqxj it is\n\n{after}"
    found = restored(text, "markdown", {"zqxj": "was"}).data.decode()
    assert found in (text, text.replace("zqxj", "was")), "it may stand in a block of code"


def test_prose_is_read_without_its_markup() -> None:
    assert asked(PAGE, "markdown") == [
        "Teh big heading",
        "A paragraph with \ufffc, a link to teh page and teh bold word.",
        "See \ufffc & write.",
        "A quote of teh king goes on here.",
        "teh item goes on",
        "a nested teh item",
        "Name",
        "Text of teh table",
        "teh",
        "a | teh cell",
        "Setext teh heading",
        "Uses \ufffc, teh words and a note\ufffc.",
        "An image: teh picture",
        "\ufffc teh note",
    ]


def test_only_prose_changes() -> None:
    found = restored(PAGE, "markdown", {"teh": "the", "Teh": "The"}).data.decode()
    kept = [
        "title: teh title",
        "`teh code`",
        'https://example.org/teh "teh title"',
        'teh = "teh"',
        "teh = indented",
        "teh block",
        'class="teh"',
        "[^teh]",
        "(teh.png)",
    ]
    for part in kept:
        assert part in found, part
    for part in (
        "# The *big* heading ##",
        "**the bold\nword**",
        "| the  | a \\| the cell    |",
        "[the words][ref]",
        "![the picture]",
    ):
        assert part in found, part
    assert len(found) == len(PAGE)


@pytest.mark.parametrize(
    ("text", "words", "expected"),
    [
        ("a **teh w**ord", {"teh word": "the word"}, "a **the w**ord"),
        ("a wo**rd of** it", {"word of": "lord off"}, "a lo**rd off** it"),
        ("> teh\ncat", {"teh cat": "the cat"}, "> the\ncat"),
        ("> the resto\n> ration of\n> it", {"resto ration": "restoration"}, "> the restoration\n> of\n> it"),
        ("a star is born", {"star": "st*r_"}, "a st\\*r\\_ is born"),
    ],
)
def test_changes_keep_the_markup(text: str, words: dict[str, str], expected: str) -> None:
    assert restored(text, "markdown", words).data.decode() == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("In the year\n\nl990. It was", {"l990.": "1990."}),
        ("minus ten\n\n-one is not", {"-one": "- one"}),
        ("so # is\n\nno heading", {"no": "# no"}),
    ],
)
def test_a_change_that_would_make_another_block_is_left_out(text: str, words: dict[str, str]) -> None:
    found = restored(text, "markdown", words)
    assert found.data.decode() == text
    assert len(found.left_out) == 1, "it is said"
