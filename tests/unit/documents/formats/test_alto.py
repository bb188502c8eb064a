"""ALTO: words are attributes, and a divided word says itself twice."""

from __future__ import annotations

from xml.sax.saxutils import quoteattr

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mendel.core.errors import InputError

from ..conftest import asked, restored


def page(*lines: str) -> str:
    strings = (
        "<SP/>".join(f'<String ID="s" HPOS="1" CONTENT={quoteattr(word)}/>' for word in line.split(" "))
        for line in lines
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<alto xmlns="http://www.loc.gov/standards/alto/ns-v4#"><Layout><Page>\n'
        f"<TextBlock>{''.join(f'<TextLine>{line}</TextLine>' for line in strings)}</TextBlock></Page></Layout></alto>"
    )


HYPHENATED = (
    "<alto:alto xmlns:alto='a'><alto:TextBlock><alto:TextLine><alto:String CONTENT='for'/>"
    "<alto:String CONTENT='resto' SUBS_TYPE='HypPart1' SUBS_CONTENT='{whole}'/><alto:HYP CONTENT='-'/></alto:TextLine>"
    "<alto:TextLine><alto:String SUBS_TYPE='HypPart2' SUBS_CONTENT='{whole}' CONTENT='{second}'/>"
    '<alto:String CONTENT="&quot;x&quot; y"/></alto:TextLine></alto:TextBlock></alto:alto>'
)


def test_words_of_a_block_are_one_text() -> None:
    assert asked(page("Teh king & queen", "of all"), "xml") == ["Teh king & queen of all"]


def test_words_change_where_they_are() -> None:
    found = restored(page("Teh king & queen", "of all"), "xml", {"Teh": "The", "& queen of": "<queens of"})
    assert found.data.decode() == page("The king", "of all").replace(
        '"king"/>',
        '"king"/><SP/><String ID="s" HPOS="1" CONTENT="&amp;"/><SP/><String ID="s" HPOS="1" CONTENT="queen"/>',
    )
    assert len(found.left_out) == 1, "two words for three have no places"


def test_a_divided_word_changes_in_all_its_places() -> None:
    text = HYPHENATED.format(whole="restoratoin", second="ratoin")
    assert asked(text, "xml") == ['for restoratoin "x" y']
    assert restored(text, "xml", {"restoratoin": "restoration"}).data.decode() == (
        HYPHENATED.format(whole="restoration", second="ration")
    )


words = st.lists(
    st.text(st.one_of(st.sampled_from("ab-<&>\"'é“"), st.characters(categories=["L", "P"])), min_size=1, max_size=9)
)


@given(lines=st.lists(words, max_size=3))
def test_what_is_not_changed_stays_byte_for_byte(lines: list[list[str]]) -> None:
    text = page(*(" ".join(line) for line in lines))
    assert restored(text, "xml").data == text.encode()


@given(lines=st.lists(words, max_size=3))
def test_a_word_changes_and_nothing_else(lines: list[list[str]]) -> None:
    text = page("so the word zqxj stands here among others for all to see", *(" ".join(line) for line in lines))
    assert restored(text, "xml", {"zqxj": "was"}).data.decode() == text.replace("zqxj", "was")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("<alto><a></alto>", "it is not XML: mismatched tag"),
        ("<svg/>", "its first element is svg; of XML, ALTO and PAGE are known"),
    ],
)
def test_other_files_are_refused(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        asked(text, "xml")
