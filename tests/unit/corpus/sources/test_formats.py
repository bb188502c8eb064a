"""Bytes into records: whatever the bytes, they are read or refused with a reason."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mendel.corpus.sources.formats import Fault, Layout, Record, UnreadableError, parse


def zstd(data: bytes) -> bytes:
    return bytes(pa.compress(data, codec="zstd", asbytes=True))


COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "": lambda data: data,
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zst": zstd,
}


def parquet(columns: dict[str, Any]) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink)
    return sink.getvalue()


def read(name: str, data: bytes, **layout: Any) -> list[Record | Fault]:
    return list(parse(name, data, Layout(**layout)))


def texts(records: list[Record | Fault]) -> list[str]:
    return [record.text for record in records if isinstance(record, Record)]


@pytest.mark.parametrize("suffix", COMPRESS)
@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.txt", "Où est-il?".encode()),
        ("a.TXT", "\ufeffOù est-il?".encode()),
        ("a.jsonl", '{"text": "Où est-il?", "more": 1}\r\n\n'.encode()),
        ("a.b.parquet", parquet({"text": ["Où est-il?"], "more": [1]})),
    ],
)
def test_reads_every_format_plain_and_compressed(name: str, data: bytes, suffix: str) -> None:
    assert texts(read(name + suffix, COMPRESS[suffix](data))) == ["Où est-il?"]


@pytest.mark.parametrize(
    "column",
    [
        pa.array(["a", "b"], pa.large_string()),
        pa.array(["a", "b"], pa.string_view()),
        pa.array(["a", "b"]).dictionary_encode(),
    ],
    ids=lambda column: str(column.type),
)
def test_reads_strings_however_parquet_holds_them(column: pa.Array) -> None:
    assert texts(read("a.parquet", parquet({"text": column}))) == ["a", "b"]


@pytest.mark.parametrize(
    ("name", "data", "reason"),
    [
        ("a.txt", b"", "empty"),
        ("a.txt", b" \n\t ", "empty: only white space"),
        ("a.jsonl", b"\n\n", "empty: only white space"),
        ("a.parquet", parquet({"text": pa.array([], pa.string())}), "empty: no rows"),
        ("a.txt.gz", b"", "empty"),
        ("a.txt.gz", gzip.compress(b""), "empty"),
        ("a.txt", "caf\xe9 noir".encode("latin-1"), "not UTF-8: byte 0xe9 at offset 3"),
        ("a.txt", "text".encode("utf-16"), "UTF-16, not UTF-8"),
        ("a.txt", b"\x7fELF\x02\x00\x01", "binary: a zero byte at offset 5"),
        ("a.jsonl", b"\x1f\x8b\x00", "binary: a zero byte at offset 2"),
        ("a.txt.gz", b"plain text", "damaged or truncated .gz: Not a gzipped file"),
        ("a.parquet", b"PAR1 and no more", "damaged or not Parquet"),
        ("a.parquet", parquet({"body": ["a"]}), "no column 'text'; it has 'body'"),
        ("a.pdf", b"%PDF-1.7", "unknown format .pdf; expected .txt, .jsonl, .parquet"),
        ("README", b"text", "unknown format .readme"),
    ],
)
def test_a_bad_file_is_refused_with_its_reason(name: str, data: bytes, reason: str) -> None:
    with pytest.raises(UnreadableError) as caught:
        read(name, data)

    assert reason in str(caught.value)


@pytest.mark.parametrize("suffix", [suffix for suffix in COMPRESS if suffix])
@pytest.mark.parametrize("left", [0.3, 0.9, 0.999])
def test_a_truncated_file_gives_nothing_rather_than_a_part(suffix: str, left: float) -> None:
    whole = COMPRESS[suffix]("\n".join(json.dumps({"text": str(number**7)}) for number in range(3000)).encode())

    with pytest.raises(UnreadableError, match=f"damaged or truncated {suffix}"):
        read("a.jsonl" + suffix, whole[: int(len(whole) * left)])


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"{text}", "not JSON: Expecting property name"),
        (b'{"text": "cut', "not JSON: Unterminated string"),
        (b"[" * 100_000, "not JSON"),
        (b'["text"]', "expected an object with a key 'text', found a list"),
        (b'"text"', "expected an object with a key 'text', found a str"),
        (b'{"body": "a", "n": 1}', "no key 'text'; it has 'body', 'n'"),
        (b"{}", "no key 'text'; it has none"),
        (b'{"text": 7}', "'text' is a number, expected a string"),
        (b'{"text": null}', "'text' is null, expected a string"),
        (b'{"text": ["a"]}', "'text' is a list, expected a string"),
        (b'{"text": "  "}', "'text' is empty"),
        (b'{"text": "caf\xe9"}', "not UTF-8: byte 0xe9 at offset 13"),
    ],
)
def test_a_bad_line_is_refused_by_number_and_the_others_are_read(line: bytes, reason: str) -> None:
    first, bad, last = read("a.jsonl", b'{"text": "first"}\n' + line + b'\n{"text": "last"}')

    assert texts([first, last]) == ["first", "last"]
    assert isinstance(bad, Fault)
    assert bad.number == 2
    assert reason in bad.reason


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (["a", None], "'text' is null, expected a string"),
        (["a", " "], "'text' is empty"),
        ([1, 2], "'text' is a number, expected a string"),
    ],
)
def test_a_bad_row_is_refused_by_number(values: list[Any], reason: str) -> None:
    faults = [item for item in read("a.parquet", parquet({"text": values})) if isinstance(item, Fault)]

    assert [(fault.number, fault.reason) for fault in faults][-1] == (2, reason)


def test_parquet_strings_that_are_not_utf8_are_refused() -> None:
    bad = pa.array([b"caf\xe9"], pa.binary()).view(pa.string())

    with pytest.raises(UnreadableError, match="Invalid UTF8"):
        read("a.parquet", parquet({"text": bad}))


def test_a_record_goes_by_its_own_id_where_a_key_names_it() -> None:
    lines = b'{"text": "a", "key": "x"}\n{"text": "b", "key": 7}\n{"text": "c"}\n{"text": "d", "key": null}\n'
    lines += b'{"text": "e", "key": ""}\n{"text": "f", "key": true}\n{"text": "g", "key": "\\ud800"}'

    records = read("a.jsonl", lines, id_key="key")

    assert [record.id for record in records if isinstance(record, Record)] == ["x", "7"]
    assert [item.number for item in records if isinstance(item, Fault)] == [3, 4, 5, 6, 7]


def test_a_record_without_an_id_goes_by_its_text_wherever_it_lies() -> None:
    [one] = read("a.jsonl", b'{"text": "four score"}')
    *_, moved = read("b.parquet", parquet({"text": ["and", "four score"]}))

    assert isinstance(one, Record)
    assert isinstance(moved, Record)
    assert one.id == moved.id


def test_paragraphs_can_be_documents_of_their_own() -> None:
    data = b"One\nparagraph.\r\n \r\n\r\nAnother.\n"

    assert texts(read("a.txt", data, txt_documents="paragraph")) == ["One\nparagraph.", "Another.\n"]
    assert len(read("a.txt", data)) == 1


NAMES = st.sampled_from([f"a{kind}{suffix}" for kind in (".txt", ".jsonl", ".parquet") for suffix in COMPRESS])
WHOLE = [gzip.compress(b"text"), zstd(b"text"), lzma.compress(b"text"), parquet({"text": ["a", "b"]}), b'{"text": "a"}']


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    data = bytearray(draw(st.sampled_from(WHOLE)))
    for _ in range(draw(st.integers(1, 4))):
        data[draw(st.integers(0, len(data) - 1))] = draw(st.integers(0, 255))
    return bytes(data[: draw(st.integers(0, len(data)))])


@given(NAMES, st.binary(max_size=200) | damaged())
@example("a.jsonl", b'{"text": "\\ud800"}')
@example("a.jsonl", b'{"text": "a"}\n' * 3)
def test_any_bytes_are_read_or_refused(name: str, data: bytes) -> None:
    try:
        records = read(name, data)
    except UnreadableError as refusal:
        assert str(refusal)  # noqa: PT017 (both outcomes are right)
        return

    assert records, "a file without a record vanished"
    for record in records:
        assert record.text.strip() if isinstance(record, Record) else record.reason
