"""Bytes into records: whatever the bytes, they are read or refused with a reason."""

from __future__ import annotations

import io
import json
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from mendel.records.problems import UnreadableFileError
from mendel.records.reader import EXCERPT_CHARACTERS, Fault, Layout, Record, parse, read

from .conftest import COMPRESS, parquet

quick = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n\0"), min_size=1, max_size=50).filter(
    str.strip
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
NEARLY_JSON = st.lists(
    st.dictionaries(st.sampled_from(["id", "text", "other"]), JSON, max_size=3).map(json.dumps)
    | JSON.map(json.dumps)
    | st.text(max_size=20),
    max_size=8,
).map(lambda lines: "\n".join(lines).encode(errors="surrogatepass"))
SUFFIXES = st.sampled_from(["", *COMPRESS])


def read_bytes(name: str, content: bytes, **layout: Any) -> list[Record | Fault]:
    return list(read(io.BytesIO(content), name, Layout.model_validate({"text_key": "text", "id_key": "id"} | layout)))


def texts(items: list[Record | Fault]) -> list[str]:
    return [item.text for item in items if isinstance(item, Record)]


def compressed(content: bytes, suffix: str) -> bytes:
    return COMPRESS[suffix](content) if suffix else content


def number_of_lines(content: bytes) -> int:
    return content.count(b"\n") + (bool(content) and not content.endswith(b"\n"))


@quick
@given(st.binary(max_size=300) | NEARLY_JSON, st.sampled_from(["a.txt", "a.jsonl"]), SUFFIXES)
@example(b'{"text": "\\ud800"}\n{"id": "\\udfff", "text": "x"}', "a.jsonl", "")
@example(b"[" * 100_000, "a.jsonl", "")
@example(b'{"text": ' + b"9" * 5000 + b"}", "a.jsonl", "")
@example(b"\x00\n\n\r\n\xef\xbb\xbf", "a.txt", ".zst")
@example(b"\xff\xfea\x00\n\x00\x00\xd8", "a.txt", "")
def test_each_line_of_any_bytes_comes_out_exactly_once_or_the_file_not_at_all(
    content: bytes, name: str, suffix: str
) -> None:
    try:
        items = read_bytes(name + suffix, compressed(content, suffix))
    except UnreadableFileError as error:
        assert error.reason in ("not_utf16", "no_text"), f"refused whole: {error}"  # noqa: PT017 (both are right)
        return

    if not content.startswith((b"\xff\xfe", b"\xfe\xff")):
        assert [item.ordinal for item in items] == list(range(1, number_of_lines(content) + 1)), "lost or doubled"
    for item in items:
        json.dumps({key: getattr(item, key) for key in item.__slots__}, ensure_ascii=False).encode()
        assert isinstance(item, Record) or (item.reason and item.detail), f"refused without a reason: {item}"
        assert not (isinstance(item, Record) and "\0" in item.text), "a text has a NUL"


@quick
@given(st.binary(max_size=200), st.integers(0, 600), SUFFIXES)
def test_any_bytes_as_parquet_are_rows_or_an_unreadable_file(noise: bytes, at: int, suffix: str) -> None:
    whole = parquet(id=["a", None, "c"], text=["one", "two", None])
    content = whole[:at] + noise + whole[at + len(noise) :]

    try:
        items = read_bytes(f"a.parquet{suffix}", compressed(content, suffix))
    except UnreadableFileError as error:
        assert error.detail, "refused without a reason"  # noqa: PT017 (both are right)
        return
    assert [item.ordinal for item in items] == list(range(1, len(items) + 1)), "a row was lost or doubled"


@quick
@given(st.lists(TEXT, min_size=1, max_size=10, unique=True), SUFFIXES)
def test_good_texts_come_out_as_they_went_in_from_every_format(written: list[str], suffix: str) -> None:
    contents = {
        "a.txt": "\n".join(written).encode(),
        "a.jsonl": "\n".join(json.dumps({"text": text}) for text in written).encode(),
        "a.ndjson": "\n".join(json.dumps({"text": text}, ensure_ascii=False) for text in written).encode("utf-16"),
        "a.parquet": parquet(text=written),
    }

    for name, content in contents.items():
        items = read_bytes(name + suffix, compressed(content, suffix))
        # A byte order mark at the very beginning is no text.
        first = written[0].removeprefix("\ufeff") if name == "a.txt" else written[0]
        assert texts(items) == [text for text in [first, *written[1:]] if text.strip()], name


@pytest.mark.parametrize(
    ("line", "reason", "detail"),
    [
        (b'{"id": 1, "text": "cut o', "not_json", "the line is not JSON"),
        (b"[" * 100_000, "not_json", "nested too deeply"),
        (b'["a", "list"]', "not_json", "it is a list"),
        (b'"text"', "not_json", "it is a string"),
        (b'{"id": 1, "body": "x"}', "no_text", "no key 'text'; there is: body, id"),
        (b"{}", "no_text", "no key 'text'; there is: nothing"),
        (b'{"text": null}', "no_text", "'text' is null"),
        (b'{"text": 7}', "not_text", "it is a number"),
        (b'{"text": {"en": "x"}}', "not_text", "it is an object"),
        (b'{"text": " \\n\\t"}', "empty", "only white space"),
        (b"", "empty", "the line is blank"),
        (b'{"text": "caf\xe9"}', "not_utf8", "byte 14 (0xe9) is not UTF-8"),
        (b'{"text": "\\ud83d"}', "not_utf8", "'text' has half a surrogate pair"),
        (b'{"text": "a\x00"}', "binary", "byte 12 is NUL"),
        (b'{"text": "a\\u0000"}', "binary", "character 2 of 'text' is NUL"),
        (b'{"id": 1.5, "text": "x"}', "bad_id", "it is a number"),
        (b'{"id": true, "text": "x"}', "bad_id", "it is a boolean"),
    ],
)
def test_a_bad_line_is_refused_with_its_reason(line: bytes, reason: str, detail: str) -> None:
    good = b'{"text": "fine"}'

    before, bad, after = read_bytes("a.jsonl", b"\n".join([good, line, good]))

    assert isinstance(bad, Fault), f"accepted: {bad}"
    assert (bad.reason, bad.ordinal) == (reason, 2)
    assert detail in bad.detail
    assert bad.excerpt == line.decode(errors="backslashreplace")[:EXCERPT_CHARACTERS]
    assert isinstance(before, Record), "the record before a bad one was lost"
    assert isinstance(after, Record), "the record after a bad one was lost"


def test_a_blank_line_counts_for_nothing_where_lines_are_not_counted() -> None:
    items = read_bytes("a.jsonl", b'{"text": "a"}\n \n{"text": "b"}\n\n', skip_blank_lines=True)

    assert [(item.ordinal, item.text) for item in items if isinstance(item, Record)] == [(1, "a"), (3, "b")]
    assert len(items) == 2


def test_the_records_own_id_is_kept() -> None:
    lines = b'{"id": "a/1", "text": "x"}\n{"id": 17, "text": "x"}\n{"id": null, "text": "x"}\n{"id": "", "text": "x"}'

    assert [item.id for item in read_bytes("a.jsonl", lines) if isinstance(item, Record)] == ["a/1", "17", None, None]


def test_an_id_that_is_wanted_must_be_there() -> None:
    lines = b'{"text": "a", "id": "x"}\n{"text": "b"}\n{"text": "c", "id": null}\n{"text": "d", "id": ""}\n'

    good, *bad = read_bytes("a.jsonl", lines, id_wanted=True)

    assert isinstance(good, Record)
    assert [(item.ordinal, item.reason) for item in bad if isinstance(item, Fault)] == [
        (2, "no_id"),
        (3, "no_id"),
        (4, "no_id"),
    ]


@pytest.mark.parametrize("name", ["a.jsonl", "a.parquet"])
@pytest.mark.parametrize(
    ("layout", "said"),
    [
        ({"text_key": "body"}, r"no (key|column) 'body'; there is: id, text\. Set text_key"),
        ({"id_key": "key", "id_wanted": True}, r"no (key|column) 'key'; there is: id, text\. Set id_key"),
    ],
)
def test_a_key_that_no_record_has_is_said_once(name: str, layout: dict[str, Any], said: str) -> None:
    content = parquet(id=["1"], text=["a"]) if name == "a.parquet" else b'{"id": 1, "text": "a"}\n' * 31_103

    with pytest.raises(UnreadableFileError, match=said):
        read_bytes(name, content, **layout)


def test_a_column_that_is_there_twice_is_not_chosen_from() -> None:
    sink = io.BytesIO()
    table = pa.Table.from_arrays([pa.array(["a"]), pa.array(["b"])], names=["text", "text"])
    pq.write_table(table, sink)

    with pytest.raises(UnreadableFileError, match="'text' names several columns"):
        read_bytes("a.parquet", sink.getvalue())


def test_a_damaged_parquet_file_is_damaged_wherever_it_is_cut() -> None:
    whole = parquet(text=[f"text {number}" for number in range(2000)])

    for cut in (0, 3, len(whole) // 2, len(whole) - 1):
        with pytest.raises(UnreadableFileError) as error:
            read_bytes("a.parquet", whole[:cut])
        assert error.value.reason == "damaged", f"cut at byte {cut}: {error.value}"


def test_a_column_of_another_type_is_refused_row_by_row() -> None:
    items = read_bytes("a.parquet", parquet(text=pa.array([2**62, None], pa.timestamp("us"))))

    assert [item.reason for item in items if isinstance(item, Fault)] == ["not_text", "no_text"]


@pytest.mark.parametrize("name", ["a.csv", "a", "a.gz", "jsonl", "a.jsonl.lz4"])
def test_an_unknown_name_says_which_are_known(name: str) -> None:
    with pytest.raises(
        UnreadableFileError, match=r"it must end in \.txt, \.jsonl, \.ndjson, \.parquet, alone"
    ) as error:
        read_bytes(name, b"x")

    assert error.value.reason == "unknown_format", name


def test_text_is_lines_or_paragraphs_or_a_file() -> None:
    content = b"One\nparagraph.\r\n \r\n\r\nAnother.\n"

    assert texts(read_bytes("a.txt", content, txt="line")) == ["One", "paragraph.", "Another."]
    assert texts(read_bytes("a.txt", content, txt="paragraph")) == ["One\nparagraph.", "Another.\n"]
    assert texts(read_bytes("a.txt", content, txt="file")) == [content.decode()]


@pytest.mark.parametrize("txt", ["file", "paragraph"])
@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"fine\n\ncaf\xe9", "not_utf8"), (b"fine\n\na\0", "binary"), (b" \n ", "empty"), (b"", "empty")],
)
def test_a_document_is_refused_with_its_file(txt: str, content: bytes, reason: str) -> None:
    with pytest.raises(UnreadableFileError) as error:
        read_bytes("a.txt", content, txt=txt)

    assert error.value.reason == reason


def test_a_message_is_read_as_a_line_is() -> None:
    layout = Layout(text_key="text", id_key="id")

    assert parse(b'{"id": 7, "text": "a"}', "jsonl", 3, layout) == Record(3, "7", "a")
    assert parse(b"a", "txt", 3, layout) == Record(3, None, "a")


@quick
@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), JSON, max_size=4))
def test_other_keys_are_kept_as_json_where_asked(others: dict[str, Any]) -> None:
    line = json.dumps({**others, "id": "x", "text": "words"})

    kept, without = (read_bytes("a.jsonl", line.encode(), extra=extra)[0] for extra in (True, False))

    assert isinstance(kept, Record)
    assert isinstance(without, Record)
    wanted = {key: value for key, value in others.items() if key not in ("id", "text")}
    strict = json.loads(json.dumps(wanted), parse_constant=str)
    assert (json.loads(kept.extra) if kept.extra else {}) == strict
    assert without.extra is None


def test_columns_of_any_type_are_kept_as_json() -> None:
    columns = {
        "text": ["words", "more"],
        "nan": [float("nan"), 1.5],
        "day": pa.array([None, 1], pa.date32()),
        "ns": pa.array([1, None], pa.timestamp("ns")),
        "far": pa.array([2**62, None], pa.timestamp("us")),
        "raw": [b"\xff", None],
        "list": [[1, None], []],
    }

    first, second = read_bytes("a.parquet", parquet(**columns), extra=True)

    assert isinstance(first, Record)
    assert isinstance(second, Record)
    assert json.loads(second.extra or "") == {
        "nan": 1.5,
        "day": "1970-01-02",
        "ns": None,
        "far": None,
        "raw": None,
        "list": [],
    }
    kept = json.loads(first.extra or "")
    assert (kept["nan"], kept["raw"], kept["list"]) == ("NaN", "/w==", [1, None])
    assert kept["ns"].startswith("1970-01-01 00:00:00.000000001"), kept


def test_few_rows_are_read_at_once_where_they_are_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mendel.records.parquet.BATCH_BYTES", 1000)
    content = parquet(text=["x" * 400 + str(number) for number in range(5)])

    assert len(read_bytes("a.parquet", content)) == 5
