"""Splits: no equal or near-equal text crosses, whatever the order, whatever fits into memory, and whatever comes later."""

from __future__ import annotations

import random
import re
import tempfile
import tracemalloc
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from mendel.core import runs
from mendel.corpus import components, separation
from mendel.corpus.dedupe import shingles, similarity
from mendel.corpus.separation import Separation
from mendel.corpus.sources.base import Split
from mendel.corpus.split import Dropped, Sentence

THRESHOLD = 0.8
SUBJECTS = ["Congress", "the Senate", "our Navy", "the Treasury", "every citizen"]
VERBS = ["will soon consider", "has at last approved", "ought to reject", "must never forget"]
OBJECTS = ["the treaty with Spain", "a tariff on imported wool", "the new postal routes", "this great public debt"]
ENDINGS = [".", "!", " today.", " in this very session."]
TEXTS = st.builds("{} {} {}{}".format, *map(st.sampled_from, (SUBJECTS, VERBS, OBJECTS, ENDINGS)))
SPLIT_OF: dict[str, Split] = {"a": "train", "b": "train", "c": "validation", "d": "test", "e": "test", "x": "train"}


@st.composite
def corpora(draw: st.DrawFn, documents: str = "abcde") -> list[Sentence]:
    """Documents of a few sentences from a small stock, so that equal and near-equal ones are common."""
    texts = draw(st.fixed_dictionaries({doc: st.lists(TEXTS, max_size=8) for doc in documents}))
    return [
        Sentence(doc, position, 1800 + position, SPLIT_OF[doc], text)
        for doc, sentences in texts.items()
        for position, text in enumerate(sentences)
    ]


def separate(
    corpus: Sequence[Sentence], pinned: Sequence[Sentence] | None, threshold: float, batch: int = 7
) -> tuple[list[Sentence], list[Dropped]]:
    """What stays of a corpus and what goes, when it comes in batches."""
    kept: list[Sentence] = []
    dropped: list[Dropped] = []
    with tempfile.TemporaryDirectory() as folder:
        separated = Separation(Path(folder), threshold, pinned)
        for start in range(0, len(corpus), batch):
            separated.add(corpus[start : start + batch])
        for part in separated.results():
            for row in part.sentences.to_pylist():
                kept.append(Sentence(row["doc"], row["position"], row["year"], row["split"], row["text"]))
                assert row["id"] == kept[-1].id
            dropped += [Dropped(**row) for row in part.dropped.to_pylist()]
    return kept, dropped


def near(one: Sentence, other: Sentence) -> bool:
    # Right at the threshold LSH may miss one pair in thousands.
    return similarity(shingles(one.text), shingles(other.text)) >= THRESHOLD + 0.05


@settings(max_examples=50)
@given(corpora())
def test_no_two_sentences_that_are_kept_are_near_equal(corpus: list[Sentence]) -> None:
    kept, _ = separate(corpus, None, THRESHOLD)

    for one, other in combinations(kept, 2):
        assert not near(one, other), f"{one.split}: {one.text!r} and {other.split}: {other.text!r} are both kept"


@settings(max_examples=50)
@given(corpora())
def test_every_sentence_is_kept_or_dropped_with_a_reason(corpus: list[Sentence]) -> None:
    kept, dropped = separate(corpus, None, THRESHOLD)

    both: list[Sentence | Dropped] = [*kept, *dropped]
    places = [(item.doc, item.position, item.text) for item in both]
    assert sorted(places) == sorted((item.doc, item.position, item.text) for item in corpus)
    assert {item.reason for item in dropped} <= {"leak", "duplicate", "near_duplicate"}
    by_id = {item.id: item for item in kept}
    assert len(by_id) == len(kept), "two sentences have one id"
    for item in dropped:
        assert item.detail.split()[-1] in by_id, f"{item} names no sentence that is kept"


@settings(max_examples=50)
@given(corpora(), st.randoms(use_true_random=False))
def test_order_does_not_count(corpus: list[Sentence], chance: random.Random) -> None:
    assert separate(chance.sample(corpus, len(corpus)), None, THRESHOLD) == separate(corpus, None, THRESHOLD)


@settings(max_examples=50)
@given(corpora(), st.randoms(use_true_random=False))
def test_ingesting_again_with_the_pinned_test_set_changes_nothing(
    corpus: list[Sentence], chance: random.Random
) -> None:
    first, _ = separate(corpus, None, THRESHOLD)
    pinned = [sentence for sentence in first if sentence.split == "test"]

    again, dropped = separate(chance.sample(corpus, len(corpus)), pinned, THRESHOLD)

    assert again == first
    assert "not_pinned" not in {item.reason for item in dropped}


@settings(max_examples=50)
@given(corpora("ad"), corpora("bce"))
def test_the_test_set_stays_whatever_comes_later_and_no_text_crosses_into_it(
    early: list[Sentence], late: list[Sentence]
) -> None:
    pinned = [sentence for sentence in separate(early, None, THRESHOLD)[0] if sentence.split == "test"]

    kept, dropped = separate([*early, *late], pinned, THRESHOLD)

    assert [sentence for sentence in kept if sentence.split == "test"] == pinned, "the pinned test set changed"
    for sentence in kept:
        if sentence.split != "test":
            assert not any(near(sentence, tested) for tested in pinned), f"{sentence.text!r} crossed"
    assert all(item.doc in "de" for item in dropped if item.reason == "not_pinned")


@settings(max_examples=50)
@given(corpora())
def test_a_document_that_was_tested_never_trains_though_its_source_says_so(corpus: list[Sentence]) -> None:
    pinned = [sentence for sentence in separate(corpus, None, THRESHOLD)[0] if sentence.split == "test"]
    tested = {sentence.doc for sentence in pinned}
    everything_trains = [Sentence(item.doc, item.position, item.year, "train", item.text) for item in corpus]

    kept, _ = separate(everything_trains, pinned, THRESHOLD)

    assert not [item for item in kept if item.doc in tested and item.split != "test"]


def test_reasons_say_what_happened() -> None:
    held_out = Sentence("new", 0, 2012, "test", "We will not let them fail, my fellow Americans.")
    corpus = [
        held_out,
        Sentence("new", 1, 2012, "test", "We will not let them fail, my fellow Americans."),
        Sentence("mid", 0, 2008, "validation", "We will not let them fail, my fellow Americans!"),
        Sentence("old", 0, 1900, "train", "And we will not let them fail, my fellow Americans."),
        Sentence("old", 1, 1900, "train", "The Treasury holds a surplus of two million dollars."),
        Sentence("old", 2, 1900, "train", "The Treasury holds a surplus of two million dollars!"),
    ]

    kept, dropped = separate(corpus, None, THRESHOLD)

    surplus = corpus[4]
    assert kept == [held_out, surplus]
    assert [(item.doc, item.position, item.reason, item.detail) for item in dropped] == [
        ("new", 1, "duplicate", held_out.id),
        ("mid", 0, "leak", f"test {held_out.id}"),
        ("old", 0, "leak", f"test {held_out.id}"),
        ("old", 2, "near_duplicate", surplus.id),
    ]


def test_new_held_out_text_is_neither_tested_nor_trained_on() -> None:
    pinned = [Sentence("2012", 0, 2012, "test", "We will not let them fail, my fellow Americans.")]
    new = Sentence("2026", 3, 2026, "test", "The Treasury holds a surplus of two million dollars.")

    kept, dropped = separate([new], pinned, THRESHOLD)

    assert kept == pinned
    assert dropped == [Dropped("2026", 3, new.text, "not_pinned", "held out, and not in the pinned test set")]


ORDER: list[Split] = ["test", "validation", "train"]
UNSURE = 0.87
"""Up to this similarity LSH may miss a pair in a million."""


def likeness(one: str, other: str) -> float:
    """Jaccard similarity of 5-grams, written down once more."""
    grams = []
    for text in (one, other):
        plain = " ".join(re.findall(r"\w+", text.casefold())) or text
        grams.append({plain[place : place + 5] for place in range(len(plain)) if place == 0 or place + 5 <= len(plain)})
    return len(grams[0] & grams[1]) / len(grams[0] | grams[1])


def by_hand(
    corpus: Sequence[Sentence], pinned: Sequence[Sentence] | None
) -> tuple[list[Sentence], list[tuple[str, int, str, str]]]:
    """The rules, one sentence after another, each compared with all that stays so far."""
    stays = sorted(pinned or [], key=lambda item: (item.doc, item.position, item.text))
    known = [(item.doc, item.text) for item in stays]
    tested = {item.doc for item in stays}
    goes = []
    placed = [(ORDER.index("test" if item.doc in tested else item.split), item) for item in corpus]
    for rank, item in sorted(placed, key=lambda pair: (pair[0], pair[1].doc, pair[1].position, pair[1].text)):
        split = ORDER[rank]
        if (item.doc, item.text) in known:
            known.remove((item.doc, item.text))
            continue
        match = next((other for other in stays if likeness(item.text, other.text) >= THRESHOLD), None)
        if match is None and pinned is not None and split == "test":
            goes.append((item.doc, item.position, "not_pinned", "held out, and not in the pinned test set"))
        elif match is None:
            stays.append(Sentence(item.doc, item.position, item.year, split, item.text))
        elif match.split != split:
            goes.append((item.doc, item.position, "leak", f"{match.split} {match.id}"))
        else:
            reason = "duplicate" if match.text == item.text else "near_duplicate"
            goes.append((item.doc, item.position, reason, match.id))
    return stays, goes


@settings(max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    corpora(),
    st.none() | corpora("xde"),
    st.randoms(use_true_random=False),
    st.integers(1, 30),
    st.integers(1, 3000),
    st.integers(1, 20),
)
def test_it_is_as_if_each_sentence_were_compared_with_all_before_it(
    monkeypatch: pytest.MonkeyPatch,
    corpus: list[Sentence],
    test: list[Sentence] | None,
    chance: random.Random,
    batch: int,
    memory: int,
    rows: int,
) -> None:
    # Given sentences of which none are so near to the threshold that LSH may miss them
    texts = {item.text for item in [*corpus, *(test or [])]}
    assume(not any(THRESHOLD <= likeness(one, other) < UNSURE for one, other in combinations(texts, 2)))
    # Given any test set that was pinned before, and any room for runs, blocks, parts of a band and pairs
    pinned = None
    if test is not None:
        by_text = {item.text: Sentence(item.doc, item.position, item.year, "test", item.text) for item in test}
        pinned = list(by_text.values())
    for module, name, value in [
        (runs, "RUN_BYTES", memory),
        (runs, "BLOCK_BYTES", memory // 5),
        (separation, "ROWS", rows),
        (components, "PART", rows),
        (components, "PAIRS", rows),
    ]:
        monkeypatch.setattr(module, name, value)

    kept, dropped = separate(chance.sample(corpus, len(corpus)), pinned, THRESHOLD, batch)

    stays, goes = by_hand(corpus, pinned)
    assert kept == stays
    assert [(item.doc, item.position, item.reason, item.detail) for item in dropped] == goes


def peak(count: int) -> float:
    """Bytes of memory, Arrow's aside, that so many sentences need at most, one in ten of them a near duplicate."""
    chance = random.Random(0)
    words = ["".join(chance.choices("aeioulmnrst", k=7)) for _ in range(5000)]
    texts = [" ".join(chance.choices(words, k=12)) + "." for _ in range(count)]
    texts[9::10] = [f"And {text}" for text in texts[8::10]]
    sentences = [Sentence("a", place, 1800, "train", text) for place, text in enumerate(texts)]
    with tempfile.TemporaryDirectory() as folder:
        tracemalloc.start()
        separated = Separation(Path(folder), THRESHOLD, None)
        for start in range(0, count, 100):
            separated.add(sentences[start : start + 100])
        rows = sum(part.sentences.num_rows for part in separated.results())
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert rows == count - count // 10
    return most


def test_memory_does_not_grow_with_the_sentences(monkeypatch: pytest.MonkeyPatch) -> None:
    # Given room that few sentences fill
    for module, name, value in [
        (runs, "RUN_BYTES", 2**15),
        (runs, "BLOCK_BYTES", 2**12),
        (separation, "ROWS", 256),
        (components, "PART", 512),
        (components, "PAIRS", 512),
    ]:
        monkeypatch.setattr(module, name, value)

    peak(200)  # what is imported and compiled once is no growth

    growth = peak(6000) - peak(2000)

    assert growth / 4000 < 250, "bytes a sentence of 100 characters"


def test_what_was_needed_on_the_way_lies_below_the_folder(tmp_path: Path) -> None:
    corpus = [Sentence("a", place, 1800, "train", f"The treaty of the year {place} was signed.") for place in range(9)]
    separated = Separation(tmp_path, THRESHOLD, None)

    separated.add(corpus)
    found = list(separated.results())

    assert sum(part.sentences.num_rows + part.dropped.num_rows for part in found) == 9
    assert any(tmp_path.iterdir())
