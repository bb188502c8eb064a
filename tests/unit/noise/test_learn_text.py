import pytest
from hypothesis import given
from hypothesis import strategies as st

from mendel.core.errors import InputError
from mendel.noise.learn_text import SUFFIXES, read

HOCR = b"""<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">
<html><head><title>page</title></head><body><div class='ocr_page' title='bbox 0 0 9 9'>
<span class='ocr_line'><span class='ocrx_word' title='x_wconf 90'>Teh</span> <span class='ocrx_word'><strong>c</strong>at
</span></span><br/><span class='ocr_line'><span class='ocrx_word'>&amp;c.</span></span></div></body></html>"""
ALTO = b"""<alto xmlns="http://www.loc.gov/standards/alto/ns-v4#"><Layout><Page><TextLine><String CONTENT="Teh"/><SP/>
<String CONTENT="prop"/><HYP CONTENT="-"/></TextLine><TextLine><String CONTENT="erty"/></TextLine></Page></Layout></alto>"""
PAGE = b"""<PcGts xmlns="http://schema.primaresearch.org/PAGE/gts/pagecontent/2019-07-15"><Page><TextRegion><TextLine>
<Word><TextEquiv><Unicode>Teh</Unicode></TextEquiv></Word><TextEquiv index="1"><Unicode>The cat</Unicode></TextEquiv>
<TextEquiv index="0"><Unicode>Teh cat</Unicode></TextEquiv></TextLine><TextLine><TextEquiv><Unicode>sat</Unicode>
</TextEquiv></TextLine><TextEquiv><Unicode>Teh cat sat</Unicode></TextEquiv></TextRegion></Page></PcGts>"""


@pytest.mark.parametrize(
    ("data", "name", "text"),
    [
        ("\ufeffTeh  cat\r\nsat\n".encode(), "page.txt", "Teh cat sat"),
        (HOCR, "page.hocr", "Teh cat &c."),
        (ALTO, "page.xml", "Teh prop- erty"),
        (PAGE, "page.xml", "Teh cat sat"),
    ],
)
def test_each_format_gives_its_words_once_and_in_order(data: bytes, name: str, text: str) -> None:
    assert read(data, name) == text


@pytest.mark.parametrize(
    ("data", "name", "reason"),
    [
        (b"\xff", "page.txt", "not UTF-8"),
        (b"<alto", "page.xml", "not XML"),
        (b"<svg/>", "page.xml", "'svg'"),
        (b"<html>Teh cat</html>", "page.html", "no hOCR"),
    ],
)
def test_what_is_no_such_file_is_named(data: bytes, name: str, reason: str) -> None:
    with pytest.raises(InputError, match=reason) as error:
        read(data, name)
    assert name in str(error.value)


@given(st.binary() | st.text(alphabet='<>/&;="! aocrx_word\n', max_size=80).map(str.encode), st.sampled_from(SUFFIXES))
def test_any_bytes_are_read_or_refused(data: bytes, suffix: str) -> None:
    name = f"page{suffix}"
    try:
        outcome = read(data, name)
    except InputError as error:
        outcome = name if name in str(error) else "a refusal that does not  name the file"
    assert outcome == " ".join(outcome.split())
