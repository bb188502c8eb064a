from __future__ import annotations

import gzip
import json
import tempfile
from contextlib import suppress
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from mendel.inference import formats
from mendel.inference.formats import UnreadableFileError
from mendel.inference.records import EXCERPT_CHARACTERS, Record, Rejection, Rules, read

RULES = Rules(text_key="text", max_characters=50)
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n"), min_size=1, max_size=50).filter(
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
quick = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def read_bytes(content: bytes, suffix: str) -> list[Record | Rejection]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"a{suffix}"
        path.write_bytes(content)
        formats.check(path, RULES.text_key)
        return list(read(path, "inbox/dt=2026-11-20/a", RULES))


def number_of_lines(content: bytes) -> int:
    return content.count(b"\n") + (bool(content) and not content.endswith(b"\n"))


def compressed(content: bytes, suffix: str) -> bytes:
    return {"": bytes, ".gz": gzip.compress, ".zst": zstandard.compress}[suffix](content)


@quick
@given(st.binary(max_size=300) | NEARLY_JSON, st.sampled_from([".txt", ".jsonl"]), st.sampled_from(["", ".gz", ".zst"]))
@example(b'{"text": "\\ud800"}\n{"id": "\\udfff", "text": "x"}', ".jsonl", "")
@example(b"[" * 100_000, ".jsonl", "")
@example(b'{"text": ' + b"9" * 5000 + b"}", ".jsonl", "")
@example(b"\x00\n\n\r\n\xef\xbb\xbf", ".txt", ".zst")
def test_each_line_of_any_bytes_comes_out_exactly_once(content: bytes, suffix: str, compression: str) -> None:
    items = read_bytes(compressed(content, compression), suffix + compression)

    assert [item.ordinal for item in items] == list(range(1, number_of_lines(content) + 1)), (
        "a line was lost or doubled"
    )
    for item in items:
        json.dumps(vars_of(item), ensure_ascii=False).encode()  # whatever comes out can be written down
        assert isinstance(item, Record) or (item.reason and item.detail), f"rejected without a reason: {item}"


def vars_of(item: Record | Rejection) -> dict[str, object]:
    return {name: getattr(item, name) for name in item.__slots__}


@quick
@given(st.binary(max_size=200), st.integers(0, 600), st.sampled_from(["", ".gz", ".zst"]))
def test_any_bytes_as_parquet_are_rows_or_an_unreadable_file(noise: bytes, at: int, compression: str) -> None:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({"id": ["a", None, "c"], "text": ["one", "two", None]}), sink)
    whole = sink.getvalue().to_pybytes()
    content = whole[:at] + noise + whole[at + len(noise) :]

    with suppress(UnreadableFileError):
        items = read_bytes(compressed(content, compression), ".parquet" + compression)
        assert [item.ordinal for item in items] == list(range(1, len(items) + 1)), "a row was lost or doubled"


@quick
@given(st.lists(TEXT, min_size=1, max_size=10, unique=True))
def test_good_texts_come_out_as_they_went_in_from_every_format(texts: list[str]) -> None:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({"text": texts}), sink)
    contents = {
        ".txt": "\n".join(texts).encode(),
        ".jsonl": "\n".join(json.dumps({"text": text}) for text in texts).encode(),
        ".parquet": sink.getvalue().to_pybytes(),
    }

    for suffix, content in contents.items():
        items = read_bytes(content, suffix)
        # A byte order mark at the very beginning is no text.
        expected = [texts[0].removeprefix("\ufeff") if suffix == ".txt" else texts[0], *texts[1:]]
        assert [item.text for item in items if isinstance(item, Record)] == [text for text in expected if text.strip()]
        ids = [item.id for item in items if isinstance(item, Record)]
        assert len(set(ids)) == len(ids), f"{suffix}: ids made of the place are not distinct"


@pytest.mark.parametrize(
    ("line", "reason", "detail"),
    [
        (b'{"id": 1, "text": "cut o', "not_json", "the line is not JSON"),
        (b'["a", "list"]', "not_json", "it is a list"),
        (b'{"id": 1, "body": "x"}', "no_text", "no key 'text'; there is: body, id"),
        (b'{"text": null}', "no_text", "'text' is null"),
        (b'{"text": 7}', "not_text", "it is a number"),
        (b'{"text": {"en": "x"}}', "not_text", "it is an object"),
        (b'{"text": " \\n\\t"}', "empty", "only white space"),
        (b"", "empty", "the line is blank"),
        (b'{"text": "' + b"x" * 51 + b'"}', "too_long", "51 characters; max_characters is 50"),
        (b'{"text": "caf\xe9"}', "not_utf8", "byte 14 is not UTF-8"),
        (b'{"text": "\\ud83d"}', "not_utf8", "'text' has half a surrogate pair"),
        (b'{"id": 1.5, "text": "x"}', "bad_id", "it is a number"),
        (b'{"id": true, "text": "x"}', "bad_id", "it is a boolean"),
    ],
)
def test_a_bad_record_is_rejected_with_its_reason(line: bytes, reason: str, detail: str) -> None:
    good = b'{"text": "fine"}'

    before, bad, after = read_bytes(b"\n".join([good, line, good]), ".jsonl")

    assert isinstance(bad, Rejection), f"accepted: {bad}"
    assert (bad.reason, bad.ordinal) == (reason, 2)
    assert detail in bad.detail
    assert bad.excerpt == line.decode(errors="backslashreplace")[:EXCERPT_CHARACTERS]
    assert isinstance(before, Record), "the record before a bad one was lost"
    assert isinstance(after, Record), "the record after a bad one was lost"


def test_the_records_own_id_is_kept_and_others_get_one_from_their_place() -> None:
    own, number, none, empty = read_bytes(
        b'{"id": "a/1", "text": "x"}\n{"id": 17, "text": "x"}\n{"id": null, "text": "x"}\n{"id": "", "text": "x"}',
        ".jsonl",
    )

    assert [item.id for item in (own, number) if isinstance(item, Record)] == ["a/1", "17"]
    assert isinstance(none, Record)
    assert isinstance(empty, Record)
    assert none.id != empty.id, "equal texts in different lines are different records"


def test_rows_that_hold_no_text_are_rejected_one_by_one(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"id": [1, 2, 3], "text": pa.array([b"fine", b"\xff\xfe", None])}), path)

    fine, not_utf8, missing = read(path, "a", RULES)

    assert isinstance(fine, Record)
    assert fine.id == "1"
    assert isinstance(not_utf8, Rejection)
    assert not_utf8.reason == "not_utf8"
    assert not_utf8.excerpt == "\\xff\\xfe"
    assert isinstance(missing, Rejection)
    assert missing.reason == "no_text"


def test_a_column_of_another_type_is_rejected_row_by_row(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"text": pa.array([2**62, None], pa.timestamp("us"))}), path)

    items = list(read(path, "a", RULES))

    assert [item.reason for item in items if isinstance(item, Rejection)] == ["not_text", "no_text"]
