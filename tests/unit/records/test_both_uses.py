"""What real files bring, the same for text that is learned from and for text that is restored."""

from __future__ import annotations

import bz2
import gzip
import lzma
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pytest
import zstandard

from mendel.corpus.sources.base import Document, Rejected
from mendel.corpus.sources.files import FileSource
from mendel.inference import inbox
from mendel.inference.records import InboxRecord, RecordRules, Rejection

from .conftest import COMPRESS, parquet

DAY = "2026-11-20"
JSON = '{"text": "Où est-il?", "more": 1}\n'.encode()
TEXT = "Où est-il?"
UTF16 = f"{TEXT}\r\n"
SKIPPABLE = b"\x50\x2a\x4d\x18\x04\x00\x00\x00skip"
"""A frame of zstd without text, as parallel compressors write it."""


class Outcome(NamedTuple):
    texts: list[str]
    reasons: dict[int | None, str]
    """By line or row; None: the whole file."""


Use = Callable[[Path, str, bytes], Outcome]


def as_corpus(tmp_path: Path, name: str, content: bytes) -> Outcome:
    (tmp_path / name).write_bytes(content)
    items = list(FileSource(kind="files", name="texts", glob=f"{tmp_path}/*").read())
    place = f"file://{tmp_path}/{name}"
    return Outcome(
        [item.text for item in items if isinstance(item, Document)],
        {
            int(item.uri.removeprefix(f"{place}:")) if item.uri != place else None: item.reason
            for item in items
            if isinstance(item, Rejected)
        },
    )


def as_inbox(tmp_path: Path, name: str, content: bytes) -> Outcome:
    folder = tmp_path / "inbox" / f"dt={DAY}"
    folder.mkdir(parents=True)
    (folder / name).write_bytes(content)
    [file] = inbox.files(tmp_path.as_uri(), DAY)
    items = list(inbox.records(file, RecordRules(text_key="text", max_characters=100)))
    return Outcome(
        [item.text for item in items if isinstance(item, InboxRecord)],
        {item.ordinal: item.reason for item in items if isinstance(item, Rejection)},
    )


USES = pytest.mark.parametrize("use", [as_corpus, as_inbox])

READ = {
    "utf-16 little-endian": ("a.txt", UTF16.encode("utf-16")),
    "utf-16 big-endian": ("a.txt", b"\xfe\xff" + UTF16.encode("utf-16-be")),
    "utf-16 of JSON Lines": ("a.jsonl", JSON.decode().encode("utf-16")),
    "utf-16 compressed": ("a.txt.gz", gzip.compress(UTF16.encode("utf-16"))),
    "a byte order mark and CRLF": ("a.txt", f"\ufeff{UTF16}".encode()),
    "a byte order mark before JSON": ("a.jsonl", b"\xef\xbb\xbf" + JSON.replace(b"\n", b"\r\n")),
    "ndjson": ("a.ndjson", JSON),
    "capitals in the name": ("A.JSONL.GZ", gzip.compress(JSON)),
    **{f"jsonl{suffix}": (f"a.jsonl{suffix}", make(JSON)) for suffix, make in COMPRESS.items()},
    **{f"parquet{suffix}": (f"a.parquet{suffix}", make(parquet(text=[TEXT]))) for suffix, make in COMPRESS.items()},
    "gzip padded with zeros": ("a.jsonl.gz", gzip.compress(JSON) + bytes(10_000)),
    "xz padded with zeros": ("a.jsonl.xz", lzma.compress(JSON) + bytes(512)),
    "members of gzip": ("a.jsonl.gz", gzip.compress(JSON[:9]) + bytes(3) + gzip.compress(JSON[9:])),
    "streams of bz2": ("a.jsonl.bz2", bz2.compress(JSON[:9]) + bz2.compress(JSON[9:])),
    "streams of xz": ("a.jsonl.xz", lzma.compress(JSON[:9]) + lzma.compress(JSON[9:])),
    "frames of zstd": ("a.jsonl.zst", zstandard.compress(JSON[:9]) + SKIPPABLE + zstandard.compress(JSON[9:])),
    "a binary column": ("a.parquet", parquet(text=[TEXT.encode()])),
    "a large binary column": ("a.parquet", parquet(text=pa.array([TEXT.encode()], pa.large_binary()))),
    "a large string column": ("a.parquet", parquet(text=pa.array([TEXT], pa.large_string()))),
    "a string view column": ("a.parquet", parquet(text=pa.array([TEXT], pa.string_view()))),
    "a dictionary column": ("a.parquet", parquet(text=pa.array([TEXT]).dictionary_encode())),
}


@USES
@pytest.mark.parametrize("case", READ)
def test_it_is_read(tmp_path: Path, use: Use, case: str) -> None:
    texts, reasons = use(tmp_path, *READ[case])

    assert ([text.strip() for text in texts], reasons) == ([TEXT], {}), f"{case} is not read"


@USES
def test_a_line_separator_in_a_record_is_no_end_of_line(tmp_path: Path, use: Use) -> None:
    assert use(tmp_path, "a.jsonl", '{"text": "one\u2028two\x85three"}\n'.encode()).texts == ["one\u2028two\x85three"]


REFUSED = {
    "utf-16 cut in a character": ("a.txt", UTF16.encode("utf-16")[:-1], "not_utf16"),
    "utf-16 with half a pair": ("a.jsonl", JSON.decode().encode("utf-16") + b"\x00\xd8\x0a\x00", "not_utf16"),
    **{f"{suffix} cut": (f"a.jsonl{suffix}", make(JSON * 3)[:-3], "damaged") for suffix, make in COMPRESS.items()},
    **{
        f"{suffix} damaged in its second part": (f"a.jsonl{suffix}", make(JSON) + b"?" + make(JSON)[1:], "damaged")
        for suffix, make in COMPRESS.items()
    },
    **{f"{suffix} and no more": (f"a.jsonl{suffix}", b"", "damaged") for suffix in COMPRESS},
    "not compressed": ("a.jsonl.gz", JSON, "damaged"),
    "parquet cut": ("a.parquet", parquet(text=[TEXT])[:-3], "damaged"),
    "no column of text": ("a.parquet", parquet(body=[TEXT]), "no_text"),
    "no line with the text's key": ("a.jsonl", b'{"body": "a"}\n' * 1000, "no_text"),
    "no line with the text's key, and one that is cut": ("a.jsonl", b'{"body": "a"}\n' * 9 + b'{"bod', "no_text"),
    "another format": ("a.pdf", b"%PDF-1.7", "unknown_format"),
}


@USES
@pytest.mark.parametrize("case", REFUSED)
def test_the_file_is_refused_whole_and_once(tmp_path: Path, use: Use, case: str) -> None:
    name, content, reason = REFUSED[case]

    assert use(tmp_path, name, content) == ([], {None: reason}), f"{case} is not refused as a whole"


GOOD = b'{"text": "fine"}'
BAD_LINES = {
    "a NUL": (b'{"text": "a\x00b"}', "binary"),
    "an escaped NUL": (b'{"text": "a\\u0000b"}', "binary"),
    "half a surrogate pair": (b'{"text": "\\ud83d"}', "not_utf8"),
    "another encoding": (b'{"text": "caf\xe9"}', "not_utf8"),
    "null": (b'{"text": null}', "no_text"),
    "a number": (b'{"text": 7}', "not_text"),
    "white space": (b'{"text": " \\n"}', "empty"),
    "no key": (b'{"body": "x"}', "no_text"),
}


@USES
@pytest.mark.parametrize("case", BAD_LINES)
def test_a_bad_line_is_refused_alone(tmp_path: Path, use: Use, case: str) -> None:
    line, reason = BAD_LINES[case]

    outcome = use(tmp_path, "a.jsonl", b"\n".join([GOOD, line, GOOD]))

    assert outcome.reasons == {2: reason}, f"{case} has another reason"
    assert set(outcome.texts) == {"fine"}, f"{case} took a good line with it"


@USES
@pytest.mark.parametrize("kind", [pa.string(), pa.binary(), pa.large_binary()], ids=str)
def test_a_bad_row_is_refused_alone(tmp_path: Path, use: Use, kind: pa.DataType) -> None:
    texts = pa.array([b"fine", b"\xff", b"a\x00b", b" ", None], pa.binary())
    column = texts.view(kind) if kind == pa.string() else texts.cast(kind)

    outcome = use(tmp_path, "a.parquet", parquet(text=column))

    assert outcome == (["fine"], {2: "not_utf8", 3: "binary", 4: "empty", 5: "no_text"})


def test_a_nul_refuses_its_record_a_line_of_the_inbox_and_a_file_of_the_corpus(tmp_path: Path) -> None:
    content = b"one\n\x7fELF\x00\nthree\n"

    assert as_corpus(tmp_path, "a.txt", content) == ([], {None: "binary"})
    assert as_inbox(tmp_path, "a.txt", content) == (["one", "three"], {2: "binary"})


@USES
@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32"])
def test_other_forms_of_unicode_give_nothing(tmp_path: Path, use: Use, encoding: str) -> None:
    outcome = use(tmp_path, "a.txt", "The treaty was signed.\nThe tariff was not.".encode(encoding))

    assert not outcome.texts, f"{encoding} was half read"
    assert set(outcome.reasons.values()) <= {"binary", "not_utf8"}
    assert outcome.reasons, "nothing was said"
