"""Days of documents, and files that are put together again, through the real stages."""

from __future__ import annotations

import gzip
import io
import json
import signal
import time
import zipfile
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mendel.core import lake, manifest
from mendel.core.errors import InputError
from mendel.core.manifest import Manifest
from mendel.inference.planned import in_force, restored_folder

from ..inference.conftest import a_lake, new_lake, slow_shard

__all__ = ["a_lake", "new_lake"]

DAY = "2026-11-20"
PAGE = b"# Teh title\r\n\r\n`teh code`   and teh end of it.\r\n\r\n    teh = 1\r\n"


def files(root: str, found: Manifest) -> dict[str, bytes]:
    """Files of the day, as the version has them, by name."""
    marker = "/files/"
    return {
        file.path.split(marker)[1]: lake.read_bytes(lake.join(root, file.path))
        for file in found.files
        if marker in file.path
    }


def rows(root: str, found: Manifest) -> dict[str, dict[str, Any]]:
    """Rows of the version, by file and place."""
    uris = [
        lake.join(root, file.path) for file in found.files if "/part-" in file.path and file.path.endswith("parquet")
    ]
    every = [row for uri in uris for row in pq.read_table(uri).to_pylist()]
    return {f"{row['file'].rsplit('/', 1)[1]}:{row['ordinal']}": row for row in every}


def a_docx(text: str) -> bytes:
    body = f"<w:p><w:r><w:t>{text}</w:t></w:r></w:p>"
    name = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("word/document.xml", f'<w:document xmlns:w="{name}"><w:body>{body}</w:body></w:document>')
    return file.getvalue()


def test_a_document_is_restored_as_a_whole_and_keeps_all_that_is_not_changed(a_lake: Any) -> None:
    a_lake.put("page.md", PAGE)
    a_lake.put("letter.docx", a_docx("Send teh letter."))
    a_lake.put("table.csv", b'id,text\n1,"see teh end, please"\n')

    found = a_lake.restore()

    kept = files(a_lake.root, found)
    assert kept["page.md"] == b"# Teh title\r\n\r\n`teh code`   and the end of it.\r\n\r\n    teh = 1\r\n"
    assert kept["table.csv"] == b'id,text\n1,"see the end, please"\n'
    with zipfile.ZipFile(io.BytesIO(kept["letter.docx"])) as archive:
        assert b"Send the letter." in archive.read("word/document.xml")
    page = rows(a_lake.root, found)["page.md:None"]
    assert page["original"].splitlines()[-1].endswith("and teh end of it.")
    assert page["text"] == page["original"].replace("and teh", "and the")
    assert (page["changed"], page["ordinal"], page["file"]) == (True, None, f"inbox/dt={DAY}/page.md")
    assert (found.rows, found.metrics["records_in"], found.metrics["records_out"]) == (3, 3, 3)


def test_a_document_that_cannot_be_read_is_rejected_with_the_reason(a_lake: Any) -> None:
    a_lake.put("a.docx", b"no zip")
    a_lake.put("b.md", b"\xff\xfe\xff")
    a_lake.put("c.xml", b"<html/>")
    a_lake.put("d.jpg", b"JFIF")
    a_lake.put("good.md", PAGE)

    found = a_lake.restore()

    reasons = {row["file"].rsplit("/", 1)[1]: row["reason"] for row in a_lake.rejected(found)}
    assert reasons == {"a.docx": "not_read", "b.md": "not_read", "c.xml": "unknown_format", "d.jpg": "unknown_format"}
    assert ".docx" in a_lake.rejected(found)[-1]["detail"], "nothing says which documents could be there"
    assert set(files(a_lake.root, found)) == {"good.md"}


def test_text_is_lines_or_by_a_setting_one_document(a_lake: Any) -> None:
    a_lake.put("a.txt", b"one of teh lines\n\n    and teh other one\n")

    lines, whole = a_lake.restore(), a_lake.restore(txt="document")

    assert set(rows(a_lake.root, lines)) == {"a.txt:1", "a.txt:3"}
    assert set(rows(a_lake.root, whole)) == {"a.txt:None"}
    assert files(a_lake.root, whole) == {"a.txt": b"one of the lines\n\n    and the other one\n"}


def test_files_of_records_are_put_together_again_faults_as_they_were(a_lake: Any) -> None:
    # given files of every format, each with something that cannot be restored
    lines = b'{"n": 1.50, "text": "teh end\\/ \\u00e9"}\r\nno json\n{"text": "fine", "x":[ ]}\n{"text": 7}'
    a_lake.put("a.jsonl", lines)
    a_lake.put("b.txt.gz", gzip.compress(b"teh end\n\xff\nfine\n"))
    a_lake.put("c.txt", "teh ende \u00e4\r\nteh last".encode("utf-16"))
    a_lake.put("d.jpg", b"JFIF")
    table = pa.table(
        {"n": [1, 2, 3], "text": ["teh end", None, "fine"], "when": pa.array([1, 2, 3], pa.timestamp("ns"))}
    )
    pq.write_table(table, a_lake.put("e.parquet", b""))

    # when
    found = a_lake.restore(files=True, records_per_shard=2)

    # then
    kept = files(a_lake.root, found)
    assert kept["a.jsonl"] == lines.replace(b"teh", b"the")
    assert gzip.decompress(kept["b.txt.gz"]) == b"the end\n\xff\nfine\n"
    assert kept["c.txt"] == "the ende \u00e4\r\nthe last".encode("utf-16")
    assert kept["d.jpg"] == b"JFIF"
    again = pq.read_table(io.BytesIO(kept["e.parquet"]))
    assert again.equals(table.set_column(1, "text", [["the end", None, "fine"]]))
    manifest.verify(a_lake.root, found)


def test_other_keys_and_columns_come_through(a_lake: Any) -> None:
    a_lake.put("a.jsonl", [{"id": "x", "text": "teh", "lang": "en", "tags": ["a", None]}, {"id": "y", "text": "teh"}])
    a_lake.put("b.parquet", [{"text": "teh", "price": 1.5, "raw": b"\xff", "who": {"name": "é"}}])

    kept = {
        place: row["extra"] and json.loads(row["extra"]) for place, row in rows(a_lake.root, a_lake.restore()).items()
    }
    without = {row["extra"] for row in rows(a_lake.root, a_lake.restore(extra=False)).values()}

    assert kept == {
        "a.jsonl:1": {"lang": "en", "tags": ["a", None]},
        "a.jsonl:2": None,
        "b.parquet:1": {"price": 1.5, "raw": "/w==", "who": {"name": "é"}},
    }
    assert without == {None}


def test_a_record_of_any_length_is_restored_whole(a_lake: Any) -> None:
    text = "Look at teh end of it. " * 2_000
    a_lake.put("a.jsonl", [{"id": "long", "text": text}, {"id": "short", "text": "teh"}])

    found = rows(a_lake.root, a_lake.restore())

    assert found["a.jsonl:1"]["text"] == text.replace("teh", "the")
    assert found["a.jsonl:2"]["text"] == "the"


def test_names_that_stores_read_otherwise_are_written_as_in_urls(a_lake: Any) -> None:
    a_lake.put("50%::a#b?.md", PAGE)

    found = a_lake.restore()

    assert list(files(a_lake.root, found)) == ["50%25%3A%3Aa%23b%3F.md"]
    manifest.verify(a_lake.root, found)


@pytest.mark.parametrize("step", ["shard", "collect"])
def test_a_file_that_was_changed_after_the_plan_stops_the_day(a_lake: Any, step: str) -> None:
    name = "page.md" if step == "shard" else "a.txt"
    path = a_lake.put(name, PAGE)
    a_lake.plan(files=True)
    if step == "collect":
        a_lake.shard(0)
    path.write_bytes(PAGE + b"more")

    with pytest.raises(InputError, match=rf"{name}: expected sha256 .* found .*mendel restore plan --partition {DAY}"):
        a_lake.shard(0) if step == "shard" else a_lake.collect()


def test_a_document_of_a_part_that_is_gone_is_restored_again(a_lake: Any) -> None:
    a_lake.put("page.md", PAGE)
    a_lake.plan()
    (document,) = a_lake.shard(0).documents
    (a_lake.folder / document.path).unlink()

    with pytest.raises(InputError, match=r"files/page\.md: expected sha256 .* found no file.*--shard 0 --force"):
        a_lake.collect()

    a_lake.shard(0)
    assert "page.md" in files(a_lake.root, a_lake.collect()), "the shard took itself for whole"


def test_killed_while_a_document_is_restored_the_rerun_gives_the_same_day(new_lake: Any) -> None:
    # given a day restored without trouble
    calm, troubled = new_lake("calm"), new_lake("troubled")
    for each in (calm, troubled):
        each.put("page.md", PAGE)
        each.put("a.txt", b"teh end\n")
    expected = calm.restore(files=True)

    # when the shard's process is killed
    troubled.plan(files=True)
    folder = troubled.folder / restored_folder(in_force(troubled.context()))
    process = slow_shard(troubled.root, 0)
    while not list(folder.glob("attempt=*")):
        assert process.poll() is None, f"the shard ended by itself: {process.communicate()[1]!r}"
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.communicate()

    # then run again it gives the same rows and files
    troubled.shard(0)
    found = troubled.collect()
    assert (found.fingerprint, found.digest) == (expected.fingerprint, expected.digest)
    assert files(troubled.root, found) == files(calm.root, expected)
    assert troubled.restore(files=True) == found, "the day was restored again though nothing changed"
