import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mendel.noise.learn_passages import WHOLE, blocks, cut, related

WORDS = "union nation labor people through quarter justice beyond market growth taxes health forty peace zeal".split()  # noqa: SIM905
TEXT = st.text("ab c\n", max_size=60) | st.text(max_size=60)


def page(words: int, seed: int) -> str:
    return " ".join(random.Random(seed).choices(WORDS, k=words))


def misread(text: str, seed: int = 1) -> str:
    chance = random.Random(seed)
    return "".join(chance.choice("xyz") if chance.random() < 0.05 else letter for letter in text)


@given(TEXT, TEXT)
def test_blocks_are_equal_and_in_order(clean: str, noisy: str) -> None:
    a = b = 0
    for block in blocks(clean, noisy):
        assert min(block.a - a, block.b - b) >= 0, f"{block} overlaps the one before it"
        assert block.size > 0
        a, b = block.a + block.size, block.b + block.size
        assert clean[block.a : a] == noisy[block.b : b], f"{block} is not equal on both sides"


@given(TEXT, TEXT)
def test_passages_are_parts_of_the_pair_in_order(clean: str, noisy: str) -> None:
    found = cut([clean], [noisy])
    a = b = 0
    for one, other in zip(found.clean, found.noisy, strict=True):
        assert related(one, other), f"{one!r} and {other!r} do not belong together"
        a, b = clean.index(one, a) + len(one), noisy.index(other, b) + len(other)


def test_a_sentence_stays_whole() -> None:
    clean = page(20, 1)
    assert cut([clean], [misread(clean)]) == ([clean], [misread(clean)], 0)


def test_a_page_is_cut_into_passages_that_hold_all_of_it() -> None:
    clean = page(600, 2)
    found = cut([clean], [misread(clean)])
    assert "".join(found.clean) == clean, "something is left out"
    assert "".join(found.noisy) == misread(clean), "something is left out"
    assert max(map(len, found.clean)) <= 2 * WHOLE


def test_what_has_no_counterpart_is_left_out_and_its_neighbours_stay() -> None:
    # Given a page of which the scanner missed a line, and read a picture as text elsewhere
    before, missed, between, after = (page(40, seed) for seed in range(4))
    picture = "|" * 90
    # When it is cut
    clean, noisy = f"{before} {missed} {between} {after}", f"{misread(before)} {misread(between)} {picture} {after}"
    found = cut([clean], [noisy])
    # Then these two are left out, up to a few characters around them
    assert found.left_out == 2, found
    assert len(clean) - sum(map(len, found.clean)) == pytest.approx(len(missed), abs=40)
    assert len(noisy) - sum(map(len, found.noisy)) == pytest.approx(len(picture), abs=40)


@pytest.mark.parametrize("end", ["justice", "justice."])
def test_what_was_read_behind_the_end_is_left_out(end: str) -> None:
    assert cut([f"peace and {end}"], ["peacc and justice ;,_"]) == (["peace and justice"], ["peacc and justice"], 0)


def test_a_book_is_aligned_in_time_that_grows_with_its_length() -> None:
    # Given a book of two million characters, a chapter of which lies elsewhere in the scan
    clean = " ".join(f"{number:x} {page(6, number)}" for number in range(40_000))
    third = len(clean) // 3
    noisy = misread(clean[:third] + clean[-third:])
    # When it is cut
    began = time.process_time()
    found = cut([clean], [noisy])
    # Then the other chapters are learned from, within seconds; a table of all cells would take hours
    assert time.process_time() - began < 60
    assert sum(map(len, found.clean)) == pytest.approx(2 * third, rel=0.05)


def test_unrelated_texts_give_nothing() -> None:
    found = cut(["peace and justice beyond the market " * 9], ["0123456789 " * 30])
    assert found.clean == [], "texts of different characters were taken for a pair"
