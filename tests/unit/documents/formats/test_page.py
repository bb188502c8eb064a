"""PAGE: regions, lines and words say the same text, before and after."""

from __future__ import annotations

from xml.sax.saxutils import escape

from hypothesis import given
from hypothesis import strategies as st

from ..conftest import asked, restored


def equivalent(text: str) -> str:
    return f"<TextEquiv conf='0.9'>\r\n<Unicode>{escape(text)}</Unicode></TextEquiv>\n"


def page(*lines: str, words: bool = True, region: bool = True) -> str:
    def line(text: str) -> str:
        below = "".join(f"<Word id='w'><Coords/>{equivalent(word)}</Word>" for word in text.split(" ")) if words else ""
        return f"<TextLine><Coords points='1,2'/>{below}{equivalent(text)}</TextLine>"

    return (
        "<?xml version='1.0'?><PcGts xmlns='http://schema.primaresearch.org/PAGE/gts/pagecontent/2019-07-15'><Page>"
        f"<TextRegion id='r'>{''.join(map(line, lines))}{equivalent(chr(10).join(lines)) if region else ''}</TextRegion>"
        "</Page></PcGts>"
    )


LINES = "Teh king & queen", "asked for resto-", "ratoin of it"
CHANGED = "The king & queen", "asked for resto-", "ration of it"
WORDS = {"Teh king": "The king", "restoratoin": "restoration"}


def test_each_level_says_the_new_text() -> None:
    for words in (True, False):
        for region in (True, False):
            assert asked(page(*LINES, words=words, region=region), "xml") == [
                "Teh king & queen asked for restoratoin of it"
            ]
            found = restored(page(*LINES, words=words, region=region), "xml", WORDS).data.decode()
            assert found == page(*CHANGED, words=words, region=region), (words, region)


def test_a_region_alone_is_read() -> None:
    own = equivalent("teh first line\nof it")
    text = f"<PcGts><TextRegion>{own}</TextRegion></PcGts>"
    assert restored(text, "xml", {"teh": "the"}).data.decode() == text.replace("teh", "the")


lines = st.lists(st.text("ab-<&é“ ", max_size=15), max_size=3)


@given(some=lines, words=st.booleans(), region=st.booleans())
def test_what_is_not_changed_stays_byte_for_byte(some: list[str], words: bool, region: bool) -> None:
    text = page(*some, words=words, region=region)
    assert restored(text, "xml").data == text.encode()


@given(some=lines, words=st.booleans(), region=st.booleans())
def test_a_word_changes_and_nothing_else(some: list[str], words: bool, region: bool) -> None:
    text = page(*some, "so the word zqxj stands here among others for all to see", words=words, region=region)
    assert restored(text, "xml", {"zqxj": "was"}).data.decode() == text.replace("zqxj", "was")
