from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from mendel.inference import formats
from mendel.inference.formats import UnreadableFileError

COMPRESS: dict[str, Callable[[bytes], bytes]] = {".gz": gzip.compress, ".zst": zstandard.compress}
TEXT = b"".join(b"line %d says %d\n" % (number, number * 7919 % 1000) for number in range(3000))


@pytest.mark.parametrize("suffix", COMPRESS)
def test_lines_of_a_compressed_file_are_those_of_the_plain_one(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a.txt{suffix}"
    path.write_bytes(COMPRESS[suffix](TEXT))

    formats.check(path, "text")

    assert list(formats.lines(path)) == TEXT.splitlines(), f"{suffix}: lines were lost or changed"


@pytest.mark.parametrize("suffix", COMPRESS)
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_a_compressed_file_cut_anywhere_is_damaged(tmp_path: Path, suffix: str, share: float) -> None:
    whole = COMPRESS[suffix](TEXT)
    path = tmp_path / f"a.jsonl{suffix}"
    path.write_bytes(whole[: int(len(whole) * share)])

    with pytest.raises(UnreadableFileError) as error:
        formats.check(path, "text")

    assert error.value.reason == "damaged", f"cut at {share:.1%}: {error.value}"


@pytest.mark.parametrize("suffix", COMPRESS)
def test_a_compressed_parquet_file_is_read(tmp_path: Path, suffix: str) -> None:
    plain, path = tmp_path / "a.parquet", tmp_path / f"a.parquet{suffix}"
    pq.write_table(pa.table({"text": ["one", "two"]}), plain)
    path.write_bytes(COMPRESS[suffix](plain.read_bytes()))

    formats.check(path, "text")

    assert [found.text for found in formats.rows(path, "text")] == [b"one", b"two"]


def test_a_damaged_parquet_file_is_damaged_wherever_it_is_cut(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"text": [f"text {number}" for number in range(2000)]}), path)
    whole = path.read_bytes()

    for cut in (0, 3, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:cut])
        with pytest.raises(UnreadableFileError) as error:
            formats.check(path, "text")
        assert error.value.reason == "damaged", f"cut at byte {cut}: {error.value}"


def test_a_parquet_file_without_the_text_column_says_what_it_has(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"id": [1], "body": ["x"]}), path)

    with pytest.raises(UnreadableFileError, match=r"one column 'text'.*there is: id, body"):
        formats.check(path, "text")


@pytest.mark.parametrize("name", ["a.csv", "a", "a.jsonl.bz2", "a.gz", "jsonl"])
def test_an_unknown_name_says_which_are_known(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(b"x")

    with pytest.raises(UnreadableFileError, match=r"it must end in \.jsonl, \.txt, \.parquet") as error:
        formats.check(path, "text")

    assert error.value.reason == "unknown_format", name


def test_a_line_without_end_is_not_held_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "LINE_BYTES", 10)
    path = tmp_path / "a.txt"
    path.write_bytes(b"short\n" + b"x" * 95 + b"\nfine\n" + b"y" * 10)

    assert list(formats.lines(path)) == [b"short", b"x" * 10, b"fine", b"y" * 10], "the long lines count once each"


def test_byte_order_mark_and_carriage_returns_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"\xef\xbb\xbfone\r\ntwo\r\n")

    assert list(formats.lines(path)) == [b"one", b"two"]
