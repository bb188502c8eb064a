"""Bytes of a file: decompressed strictly, in lines, as UTF-8."""

from __future__ import annotations

import io
import random
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mendel.records import streams
from mendel.records.problems import UnreadableFileError

from .conftest import COMPRESS

TEXT = b"".join(b"line %d says %d\n" % (number, number * 7919 % 1000) for number in range(3000))
ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=50)


@pytest.mark.parametrize("suffix", COMPRESS)
def test_parts_that_follow_one_another_are_one_text(suffix: str) -> None:
    places = [0, *sorted(random.Random(7).sample(range(len(TEXT)), 5)), len(TEXT)]
    padding = [b"", b"\0", bytes(5000), b"", bytes(4), bytes(9000)]
    parts = [
        COMPRESS[suffix](TEXT[start:end]) + zeros for (start, end), zeros in zip(pairwise(places), padding, strict=True)
    ]

    assert streams.plain(io.BytesIO(b"".join(parts)), suffix).read() == TEXT, f"{suffix}: a part was lost"


@pytest.mark.parametrize("suffix", COMPRESS)
def test_a_compressed_file_cut_anywhere_is_damaged(suffix: str) -> None:
    whole = COMPRESS[suffix](TEXT[:500])

    for cut in range(len(whole)):
        with pytest.raises(UnreadableFileError) as error:
            streams.plain(io.BytesIO(whole[:cut]), suffix).read()
        assert error.value.reason == "damaged", f"cut at byte {cut}"


@pytest.mark.parametrize("suffix", COMPRESS)
def test_what_follows_and_is_no_part_is_damage(suffix: str) -> None:
    with pytest.raises(UnreadableFileError, match=f"not {suffix}, or damaged"):
        streams.plain(io.BytesIO(COMPRESS[suffix](TEXT) + bytes(9) + b"garbage"), suffix).read()


@given(ANY_TEXT, st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]), st.sampled_from([None, *COMPRESS]))
@example("\U0001f9ec" * (streams.BLOCK_BYTES // 4 + 1), "utf-16", None)  # more than a block
def test_text_with_a_byte_order_mark_comes_as_utf8_without_it(text: str, encoding: str, suffix: str | None) -> None:
    content = text.removeprefix("\ufeff").encode(encoding)
    if suffix is not None:
        content = COMPRESS[suffix](content)

    assert streams.text(io.BytesIO(content), suffix).read().decode() == text.removeprefix("\ufeff")


def test_a_line_without_end_is_not_held_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "LINE_BYTES", 10)
    content = b"short\n" + b"x" * 95 + b"\nfine\n" + b"y" * 10

    lines = list(streams.lines(io.BytesIO(content)))

    assert lines == [b"short", b"x" * 10, b"fine", b"y" * 10], "the long lines count once each"


def test_carriage_returns_at_the_end_of_a_line_are_no_text() -> None:
    assert list(streams.lines(io.BytesIO(b"one\r\ntwo\rthree\n\nfour"))) == [b"one", b"two\rthree", b"", b"four"]
