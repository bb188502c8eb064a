"""DOCX: texts of runs change, and the rest of the file does not."""

from __future__ import annotations

import io
import zipfile
from xml.sax.saxutils import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mendel.core.errors import InputError

from ..conftest import asked, restored

BEGIN = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\r\n<w:document xmlns:w="w" xmlns:m="m" xmlns:wps="p"><w:body>'
END = "</w:body></w:document>"


def run(text: str, inside: str = "") -> str:
    space = ' xml:space="preserve"' if text != text.strip() else ""
    return f"<w:r>{inside}<w:t{space}>{escape(text)}</w:t></w:r>"


def document(*paragraphs: str, note: str = "") -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("[Content_Types].xml", "<Types/>")
        made.writestr(zipfile.ZipInfo("word/document.xml", (2020, 1, 2, 3, 4, 6)), BEGIN + "".join(paragraphs) + END)
        made.writestr("word/footnotes.xml", f"<w:footnotes xmlns:w='w'><w:p>{run(note)}</w:p></w:footnotes>")
        made.writestr("word/media/image1.png", b"\x89PNG teh", zipfile.ZIP_STORED)
    return file.getvalue()


def body(data: bytes) -> str:
    with zipfile.ZipFile(io.BytesIO(data)) as file:
        return file.read("word/document.xml").decode()


BOLD = "<w:rPr><w:b/></w:rPr>"
CODE = '<w:rPr><w:rStyle w:val="SourceCode"/></w:rPr>'
PAGE = (
    f"<w:p><w:pPr><w:pStyle w:val='Title'/></w:pPr>{run('Teh ti')}{run('tle', BOLD)}{run(' & more')}</w:p>",
    f"<w:p>{run('See ')}{run('teh_code', CODE)}{run(' of teh king.')}<w:r><w:tab/></w:r>{run('Teh column')}</w:p>",
    "<w:p><w:del><w:r><w:delText>teh</w:delText></w:r></w:del><w:r><w:instrText>teh link</w:instrText></w:r>"
    f"<m:r><m:t>teh</m:t></m:r><w:r><wps:txbx><w:p>{run('Teh box')}</w:p></wps:txbx></w:r>{run('Teh text')}</w:p>",
)


def test_text_is_read_over_runs() -> None:
    assert asked(document(*PAGE, note="teh note"), "docx") == [
        "Teh title & more",
        "See \ufffc of teh king.",
        "Teh column",
        "Teh box",
        "\ufffcTeh text",
        "teh note",
    ]


def test_runs_keep_their_formats_and_the_file_its_members() -> None:
    # given
    data = document(*PAGE, note="teh note")
    # when
    found = restored(data, "docx", {"Teh title": "The titel", "of teh": "of the"}).data
    # then
    assert body(found) == (
        body(data)
        .replace(run("Teh ti") + run("tle", BOLD), run("The ti") + run("tel", BOLD))
        .replace("of teh king", "of the king")
    )
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(io.BytesIO(found)) as new:
        for before, after in zip(old.infolist(), new.infolist(), strict=True):
            assert (before.filename, before.date_time, before.compress_type) == (
                after.filename,
                after.date_time,
                after.compress_type,
            )
            if before.filename != "word/document.xml":
                assert old.read(before) == new.read(after), before.filename


def test_a_space_at_the_end_of_a_run_counts() -> None:
    data = document(f"<w:p>{run('the')}{run('king', BOLD)}</w:p>")
    found = body(restored(data, "docx", {"theking": "the king"}).data)
    assert run("the ") in found
    assert run("king", BOLD) in found


texts = st.lists(
    st.text(st.one_of(st.sampled_from(" ab<&>é’"), st.characters(categories=["L", "P", "Zs"])), max_size=9), max_size=4
)


@given(before=texts, after=texts)
def test_a_word_changes_and_nothing_else(before: list[str], after: list[str]) -> None:
    paragraphs = [f"<w:p>{''.join(map(run, some))}</w:p>" for some in (before, ["so zq", "xj it is"], after)]
    data = document(*paragraphs)
    assert restored(data, "docx").data == data
    assert body(restored(data, "docx", {"zqxj": "wqxw"}).data) == body(data).replace(">so zq<", ">so wq<").replace(
        ">xj it is<", ">xw it is<"
    )


def test_other_files_are_refused() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as made:
        made.writestr("content.xml", "<a/>")
    for data, message in [(b"no zip", "it is not DOCX, or it is damaged"), (file.getvalue(), "no word/document.xml")]:
        with pytest.raises(InputError, match=message):
            asked(data, "docx")
