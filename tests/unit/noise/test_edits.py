import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mendel.core.errors import InputError
from mendel.noise.edits import Edit, decode, encode, replay, undo

# what UTF-8, and so Arrow, can hold: any code point but surrogates
TEXT = st.text(st.characters(exclude_categories=["Cs"]))
SEGMENT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)

ONE_OF_EACH = [
    Edit("deletion", 0, "The ", ""),
    Edit("substitution", 4, "stäte", "sxate"),
    Edit("insertion", 10, "", "🧬?"),
    Edit("duplication", 10, "of", "ofof"),
    Edit("reversal", 13, "the", "eht"),
]
CLEAN = "The stäte of the Union"
NOISY = "sxate 🧬?ofof eht Union"


@st.composite
def texts_and_edits(draw: st.DrawFn) -> tuple[str, list[Edit]]:
    """A clean text, built around edits that fit it."""
    clean = ""
    edits = []
    for gap in draw(st.lists(TEXT, max_size=6)):
        clean += gap
        segment, other = draw(SEGMENT), draw(SEGMENT)
        edit = draw(
            st.sampled_from(
                [
                    Edit("deletion", len(clean), segment, ""),
                    Edit("substitution", len(clean), segment, other),
                    Edit("insertion", len(clean), "", other),
                    Edit("duplication", len(clean), segment, segment * 2),
                    Edit("reversal", len(clean), segment, segment[::-1]),
                ]
            )
        )
        edits.append(edit)
        clean += edit.clean
    return clean + draw(TEXT), edits


def test_replay_and_undo_by_example() -> None:
    assert replay(CLEAN, ONE_OF_EACH) == NOISY
    assert undo(NOISY, ONE_OF_EACH) == CLEAN


@given(texts_and_edits())
def test_undo_reverts_replay(case: tuple[str, list[Edit]]) -> None:
    clean, edits = case
    assert undo(replay(clean, edits), edits) == clean


@given(texts_and_edits())
def test_decode_reverts_encode(case: tuple[str, list[Edit]]) -> None:
    _, edits = case
    assert decode(encode(edits)) == edits


def test_no_edits_are_no_bytes() -> None:
    assert encode([]) == b""
    assert decode(b"") == []


@given(st.binary(max_size=64))
def test_garbage_gives_edits_or_an_input_error(garbage: bytes) -> None:
    with contextlib.suppress(InputError):
        assert decode(encode(decode(garbage))) == decode(garbage)


@pytest.mark.parametrize(
    ("encoded", "message"),
    [
        (b"\x05\x01a", "is no operation"),
        (b"\x00", "inside a number"),
        (b"\x00\x05abc", "segment of 5 bytes, 3 are left"),
        (b"\x00\x00", "segment of 0 bytes"),
        (b"\x01\x01a", "inside a number"),  # a substitution without its second side
        (b"\x00\x01\xff", "not UTF-8"),
        (b"\xff" * 12, "longer than 9 bytes"),
    ],
)
def test_decode_says_what_is_wrong(encoded: bytes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        decode(encoded)


@given(st.integers(min_value=0, max_value=len(encode(ONE_OF_EACH)) - 1))
def test_truncated_edits_are_never_read_as_whole(size: int) -> None:
    with contextlib.suppress(InputError):
        assert len(decode(encode(ONE_OF_EACH)[:size])) < len(ONE_OF_EACH), f"cut to {size} bytes"


def test_encode_refuses_overlapping_edits() -> None:
    with pytest.raises(InputError, match="order edits by start"):
        encode([Edit("deletion", 3, "abc", ""), Edit("deletion", 5, "c", "")])


@pytest.mark.parametrize("text", ["", "The", "The state of the Union", CLEAN[1:]])
def test_edits_of_another_clean_text_are_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"does not fit|lies behind"):
        replay(text, ONE_OF_EACH)


@pytest.mark.parametrize("text", ["", NOISY[:5], NOISY[1:], CLEAN])
def test_edits_of_another_noisy_text_are_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"does not fit|lies behind"):
        undo(text, ONE_OF_EACH)


def test_insertion_behind_the_end_is_refused() -> None:
    # given an edit whose clean side is empty, and so is found anywhere
    edits = [Edit("insertion", 9, "", "x")]
    # when it lies behind the end, then it is refused
    with pytest.raises(InputError, match="behind the end of the clean text, 5 characters"):
        replay("short", edits)
