"""Documents over HTTP: by the real application, a real champion, and files of several formats."""

from __future__ import annotations

import base64
import io
import zipfile
from collections.abc import Sequence
from typing import Any

import httpx
import pytest

from mendel.documents.document import ReadingOptions
from mendel.documents.reading import reader
from mendel.documents.restoring import restore
from mendel.promotion import champions
from mendel.restorers.restorer import Restorer
from mendel.serving.keys import Keys, new

from .conftest import Store, running, settings, until

PAGE = "# Page\r\n\r\n> The goverment of teh\r\n> people. `goverment` Our cuontry.\r\n"
JSON = {"Accept": "application/json"}


def whole(service: httpx.Client, content: bytes | str, **query: Any) -> dict[str, Any]:
    answered = service.post("/v1/documents", content=content, params=query, headers=JSON)
    assert answered.status_code == 200, answered.text
    return dict(answered.json())


def word(text: str, *, padding: int = 0) -> bytes:
    """A DOCX of one paragraph, beside a picture of so many bytes."""
    target = io.BytesIO()
    space = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr(
            "word/document.xml",
            f'<w:document xmlns:w="{space}"><w:body><w:p><w:r><w:t>{text}</w:t></w:r></w:p></w:body></w:document>',
        )
        with file.open("word/media/picture.bmp", "w") as picture:
            for _ in range(padding // 2**20):
                picture.write(bytes(2**20))
    return target.getvalue()


def test_a_document_comes_back_as_by_the_command_line(with_champion: Store, service: httpx.Client) -> None:
    # given
    restorer = Restorer.load(champions.resolve(with_champion.root).restorer_uri)
    expected = restore(restorer, PAGE.encode(), reader("markdown"), ReadingOptions(), None, "test")
    assert expected.changed, "nothing is restored"
    # when
    answered = service.post("/v1/documents", params={"name": "page.md"}, content=PAGE)
    # then
    assert answered.status_code == 200, answered.text
    assert answered.content == expected.data
    assert answered.headers["Content-Type"] == "text/markdown"
    told = {name: answered.headers[f"X-Mendel-{name}"] for name in ("Version", "Changes", "Unread")}
    assert told == {"Version": "1", "Changes": str(len(expected.changes)), "Unread": "0"}


def test_the_changes_lead_from_the_segments_to_the_document(service: httpx.Client) -> None:
    # when
    answer = whole(service, PAGE, format="markdown")
    # then
    document = base64.b64decode(answer["document"]).decode()
    assert (answer["version"], answer["format"], answer["unread"], answer["left_out"]) == (1, "markdown", 0, [])
    assert answer["changes"], "nothing is restored"
    for change in answer["changes"]:
        segment = answer["segments"][change["segment"]]
        assert segment[change["start"] : change["end"]] == change["original"]
        assert change["replacement"] in document
        assert 0 < change["confidence"] <= 1
    assert "`goverment`" in document, "code was changed"
    assert document.startswith("# Page\r\n\r\n> "), "what is no prose was changed"


@pytest.mark.parametrize(
    ("query", "content_type", "content"),
    [
        ({"name": "a.csv"}, "application/octet-stream", b"id,text\n1,The goverment of teh people.\n"),
        ({}, "text/csv; charset=utf-8", b"id,text\n1,The goverment of teh people.\n"),
        ({"format": "csv", "name": "a.md"}, "text/html", b"id,text\n1,The goverment of teh people.\n"),
        ({}, "application/x-ndjson", b'{"text": "The goverment of teh people."}\n'),
        (
            {"format": "text", "encoding": "windows-1252"},
            "text/plain",
            "The goverment of teh people\u2026".encode("cp1252"),
        ),
        ({"name": "a.docx"}, "", word("The goverment of teh people.")),
    ],
    ids=["by its name", "by its type", "as it is asked for", "JSON Lines", "windows-1252", "DOCX"],
)
def test_the_format_is_that_which_is_asked_for_or_told_by_name_or_type(
    service: httpx.Client, query: dict[str, str], content_type: str, content: bytes
) -> None:
    headers = {"Content-Type": content_type} if content_type else {}
    answered = service.post("/v1/documents", params=query, content=content, headers=headers)
    assert answered.status_code == 200, answered.text
    assert int(answered.headers["X-Mendel-Changes"]) > 0, "nothing was restored"
    if query.get("name") != "a.docx":
        assert b"government" in answered.content


def test_a_threshold_leaves_out_words_that_are_less_sure(service: httpx.Client) -> None:
    free, held = whole(service, PAGE, format="markdown"), whole(service, PAGE, format="markdown", threshold=1.0)
    assert free["changes"]
    assert held["changes"] == [change for change in free["changes"] if change["confidence"] == 1]
    assert base64.b64decode(held["document"]).decode() == PAGE or held["changes"]


def test_only_the_changes_that_are_chosen_are_made(service: httpx.Client) -> None:
    # given
    text = "The goverment of teh people.\n"
    answer = whole(service, text, format="text")
    first, *others = answer["changes"]
    assert others, "there is one change only"
    # when
    asked = {"format": "text", "document": base64.b64encode(text.encode()).decode()}
    some, every, none = (
        service.post("/v1/documents/changes", json={**asked, "changes": chosen})
        for chosen in ([first], [*others, first], [])
    )
    # then
    expected = text[: first["start"]] + first["replacement"] + text[first["end"] :]
    assert (some.status_code, some.text, some.headers["X-Mendel-Changes"]) == (200, expected, "1")
    assert every.content == base64.b64decode(answer["document"]), "in whatever order they are sent"
    assert none.text == text


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ([(3, 0, 3, "The")], "the document has 1 segments"),
        ([(0, 0, 3, "the")], "its original does not stand there"),
        ([(0, 3, 0, "")], "its original does not stand there"),
        ([(0, 0, 3, "The"), (0, 2, 3, "e")], "it overlaps the one before it"),
    ],
)
def test_changes_of_another_document_are_refused(
    service: httpx.Client, changes: Sequence[tuple[int, int, int, str]], told: str
) -> None:
    names = ("segment", "start", "end", "original")
    asked = {
        "format": "text",
        "document": base64.b64encode(b"The people.").decode(),
        "changes": [dict(zip(names, each, strict=True)) | {"replacement": "A", "confidence": 1} for each in changes],
    }
    refused = service.post("/v1/documents/changes", json=asked)
    assert (refused.status_code, told in refused.json()["detail"]) == (400, True), refused.text


@pytest.mark.parametrize(
    ("query", "content", "status", "told"),
    [
        ({}, b"a", 415, "choose one of text, markdown"),
        ({"format": "pdf"}, b"a", 415, "?format=text; choose one of"),
        ({"name": "table.parquet"}, b"PAR1", 415, "choose one of text, markdown"),
        ({"name": "a.xml"}, b"<svg/>", 415, "its first element is svg"),
        ({"name": "a.docx"}, b"PK", 400, "it is not DOCX"),
        ({"name": "a.docx"}, word("a", padding=300 * 2**20), 400, "unpacked it has"),
        ({"format": "text"}, b"caf\xe9", 400, "as in encoding windows-1252"),
        ({"format": "text", "encoding": "nought"}, b"a", 400, "encoding nought: there is no such encoding"),
        ({"format": "text", "encoding": "nought"}, b"", 400, "encoding nought: there is no such encoding"),
        ({"format": "text", "encoding": "a\0"}, b"a", 400, "there is no such encoding"),
        ({"format": "text", "encoding": "idna"}, b"xn--a.b" * 9, 400, "there is no such encoding"),
        ({"format": "text", "encoding": "unicode_escape"}, b"a \\ud800", 400, "U+D800: it is no text"),
        (
            {"format": "csv", "field": "note"},
            b"text\na b c\n",
            400,
            "there is no field 'note'; there is: text. Change field",
        ),
        ({"format": "text", "threshold": "2"}, b"a", 422, "threshold"),
        ({"format": "text", "version": "9"}, b"a", 404, "no version 9"),
        ({"format": "text"}, b"a people. " * 6000, 413, "characters of prose; at most 50000"),
        ({"format": "text"}, b"x" * 1_000_001, 413, "larger than 1000000 bytes"),
    ],
)
def test_what_cannot_be_read_is_refused_with_what_to_change(
    service: httpx.Client, query: dict[str, str], content: bytes, status: int, told: str
) -> None:
    refused = service.post("/v1/documents", params=query, content=content)
    assert (refused.status_code, told in refused.json()["detail"]) == (status, True), refused.text
    assert refused.headers["content-type"] == "application/problem+json"


def test_what_does_not_get_its_turn_in_time_stays_as_it_is(with_champion: Store) -> None:
    text = "The goverment of teh people. " * 1500
    with running(with_champion.root, settings(document_seconds=0.5)) as client:
        until(lambda: client.get("/readyz").status_code == 200)
        answer = whole(client, text, format="text")
    restored = base64.b64decode(answer["document"]).decode()
    assert 0 < answer["unread"] < 1500, f"{answer['unread']} of 1500 sentences were not read"
    assert restored.startswith("The government of the people."), "the first sentences have their turn first"
    assert restored.endswith("The goverment of teh people. "), "the last one was restored after the time"


@pytest.mark.parametrize("content", ["", "\n \n", "```\nteh code\n```\n"])
def test_a_document_without_prose_comes_back_and_the_service_goes_on(service: httpx.Client, content: str) -> None:
    answered = service.post("/v1/documents", params={"format": "markdown"}, content=content)
    assert (answered.status_code, answered.text) == (200, content)
    assert service.post("/v1/restore", json={"text": "and"}).status_code == 200, "the queue stands still"


def test_documents_need_a_key_as_all_else(with_champion: Store) -> None:
    key, digest = new()
    with running(with_champion.root, settings(), Keys({"reports": digest})) as client:
        until(lambda: client.get("/readyz").status_code == 200)
        query = {"format": "text"}
        statuses = [
            client.post("/v1/documents", params=query, content=b"a", headers=headers).status_code
            for headers in ({}, {"X-API-Key": key})
        ]
    assert statuses == [401, 200]
