"""Files of records written again: what changes is the text that was restored, and nothing else."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import tempfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from mendel.inference.records import InboxRecord, RecordRules, read
from mendel.inference.rewriting import blank, rewrite

quick = settings(max_examples=50, deadline=None)
RULES = RecordRules(text_key="text")
OPENED: dict[str, Any] = {"": bytes, ".gz": gzip.decompress, ".bz2": bz2.decompress, ".xz": lzma.decompress}
OPENED[".zst"] = lambda content: zstandard.ZstdDecompressor().stream_reader(io.BytesIO(content)).read()
PACKED: dict[str, Any] = {
    "": bytes,
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zst": zstandard.compress,
}
LINE = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\n\0"), max_size=12)
OBJECT = st.dictionaries(
    st.sampled_from(["text", "", "id", "a.text"]),
    st.recursive(st.text(max_size=8) | st.floats() | st.none(), lambda inner: st.dictionaries(st.just("text"), inner)),
    max_size=4,
)
JSON_LINE = OBJECT.map(json.dumps) | st.text('{}[]:," \\text', max_size=12)


def rewritten(name: str, content: bytes, texts: dict[int, str]) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / name, Path(folder) / "files" / name
        source.write_bytes(content)
        rewrite(source, target, texts, "text")
        return target.read_bytes()


def records(name: str, content: bytes) -> dict[int | None, InboxRecord]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(content)
        return {item.ordinal: item for item in read(path, name, RULES) if isinstance(item, InboxRecord)}


@quick
@given(
    st.lists(LINE, max_size=5),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    st.sampled_from(sorted(PACKED)),
    st.sets(st.integers(1, 5)),
)
def test_lines_of_text_change_alone(lines: list[str], end: str, encoding: str, suffix: str, chosen: set[int]) -> None:
    content = end.join(lines).removeprefix("\ufeff").encode(encoding)
    there = records(f"a.txt{suffix}", PACKED[suffix](content))

    after = rewritten(f"a.txt{suffix}", PACKED[suffix](content), dict.fromkeys(chosen & set(there), "new"))

    expected = ["new" if number in chosen & set(there) else line for number, line in enumerate(lines, start=1)]
    carriages = [line[-1:] == "\r" and end == "\n" for line in lines]  # is taken for a part of the line's end
    expected = [line + "\r" * (line == "new" and own) for line, own in zip(expected, carriages, strict=True)]
    assert OPENED[suffix](after) == end.join(expected).removeprefix("\ufeff").encode(encoding)


@quick
@given(st.lists(JSON_LINE, max_size=5), st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8))
def test_of_json_lines_the_text_changes_alone(lines: list[str], text: str) -> None:
    content = "\n".join(['{"text": "first"}', *lines]).encode()
    there = records("a.jsonl", content)

    after = rewritten("a.jsonl", content, dict.fromkeys((each for each in there if each), text))

    for number, (old, new) in enumerate(zip(content.split(b"\n"), after.split(b"\n"), strict=True), start=1):
        if number in there:
            wanted = json.loads(old, parse_constant=str) | {"text": text}
            assert json.loads(new, parse_constant=str) == wanted, "another value has changed, or the text has not"
        else:
            assert new == old, "a fault has changed"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (r'{"n": 1.50,  "text":"teh\/ \u00e9nd" }', r'{"n": 1.50,  "text":"the\/ \u00e9nd" }'),
        ('{"text": "teh/ énd", "text": "teh/ énd"}', '{"text": "teh/ énd", "text": "the/ énd"}'),
        ('{"text": "teh/ énd", "": {"text": "teh/ énd"}}', '{"text": "the/ énd", "": {"text": "teh/ énd"}}'),
    ],
)
def test_the_string_that_counts_is_changed_as_little_as_can_be(line: str, expected: str) -> None:
    assert rewritten("a.jsonl", line.encode(), {1: "the/ énd"}).decode() == expected


@pytest.mark.parametrize(
    "kind", [pa.string(), pa.large_string(), pa.binary(), pa.string_view(), pa.dictionary(pa.int32(), pa.string())]
)
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_of_parquet_the_values_change_alone(kind: pa.DataType, suffix: str) -> None:
    # given row groups of two rows, with metadata
    texts = pa.array(["teh one", None, "teh three", "teh four"]).cast(kind)
    table = pa.table({"n": [1, 2, 3, 4], "text": texts}).replace_schema_metadata({"who": "us"})
    file = io.BytesIO()
    pq.write_table(table, file, row_group_size=2, compression="zstd")

    after = OPENED[suffix](rewritten(f"a.parquet{suffix}", PACKED[suffix](file.getvalue()), {3: "the three"}))

    again = pq.read_table(io.BytesIO(after))
    assert again["text"].cast(pa.string()).to_pylist() == ["teh one", None, "the three", "teh four"]
    assert (again["n"].to_pylist(), again.schema) == ([1, 2, 3, 4], table.schema)
    assert pq.ParquetFile(io.BytesIO(after)).num_row_groups == 2


def test_a_value_that_is_no_utf8_stays_what_it_is() -> None:
    raw = pa.array([b"teh", b"\xff"], pa.binary())
    table = pa.table({"text": pa.Array.from_buffers(pa.string(), 2, raw.buffers())})
    file = io.BytesIO()
    pq.write_table(table, file)

    after = pq.read_table(io.BytesIO(rewritten("a.parquet", file.getvalue(), {1: "the"})))

    assert after["text"].cast(pa.binary()).to_pylist() == [b"the", b"\xff"]


@pytest.mark.parametrize("name", ["a.jsonl", "a.txt.gz", "a.parquet", "a.jpg"])
def test_without_a_change_a_file_is_copied_whatever_it_is(name: str) -> None:
    assert rewritten(name, b"\xff any\r\nbytes", {}) == b"\xff any\r\nbytes"


def test_one_content_is_compressed_to_the_same_bytes() -> None:
    texts: Any = {1: "the"}
    for suffix, pack in PACKED.items():
        content = pack(b"teh\n")
        assert rewritten(f"a.txt{suffix}", content, texts) == rewritten(f"a.txt{suffix}", content, texts), suffix


def without(name: str, content: bytes, *ordinals: int) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / name, Path(folder) / "after"
        source.write_bytes(content)
        blank(source, target, ordinals)
        return target.read_bytes()


@quick
@given(
    st.lists(st.tuples(LINE, st.sampled_from(["\n", "\r\n"])), min_size=1, max_size=6),
    st.data(),
    st.sampled_from(list(PACKED)),
)
def test_lines_that_are_blanked_are_empty_and_the_others_stay_where_they_are(
    lines: list[tuple[str, str]], data: st.DataObject, packing: str
) -> None:
    # Given lines, and some of their numbers
    ordinals = data.draw(st.sets(st.integers(1, len(lines))))
    content = "".join(line.rstrip("\r") + end for line, end in lines).encode()

    # When those are blanked
    after = OPENED[packing](without(f"a.txt{packing}", PACKED[packing](content), *ordinals))

    # Then they keep their ends alone
    expected = [
        ("" if number in ordinals else line.rstrip("\r")) + end for number, (line, end) in enumerate(lines, start=1)
    ]
    assert after == "".join(expected).encode()


def test_rows_that_are_blanked_are_null_in_every_column() -> None:
    kinds = pa.schema(
        [pa.field("id", pa.string(), nullable=False), ("text", pa.string()), ("to", pa.list_(pa.string()))]
    )
    rows = [{"id": name, "text": f"text of {name}", "to": [name, "all"]} for name in "abc"]
    content = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows, kinds), content)

    after = pq.read_table(io.BytesIO(without("a.parquet", content.getvalue(), 2)))

    assert after.to_pylist() == [rows[0], {"id": None, "text": None, "to": None}, rows[2]]
