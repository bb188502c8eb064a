"""Components: whatever LSH finds near-equal lies in one, and what is not alike is alone."""

from __future__ import annotations

from collections import defaultdict
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mendel.corpus import components
from mendel.corpus.components import Comparison
from mendel.corpus.dedupe import Sketcher, similarity

WORDS = ["treaty", "tariff", "navy", "county", "year", "was", "signed", "again", "by", "the", "of", "a", "Δ", "条約"]
TEXTS = st.lists(st.lists(st.sampled_from(WORDS), min_size=1, max_size=20).map(" ".join), max_size=40)


def labels(texts: list[str], folder: Path, threshold: float, batch: int = 10) -> dict[int, int]:
    comparison = Comparison(folder, threshold)
    for start in range(0, len(texts), batch):
        comparison.add(texts[start : start + batch])
    found = comparison.components()
    assert found.places.tolist() == sorted(set(found.places.tolist()))
    return dict(zip(found.places.tolist(), found.labels.tolist(), strict=True))


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(TEXTS, st.sampled_from([0.5, 0.8, 0.93, 1.0]), st.integers(1, 40), st.integers(1, 40))
def test_texts_that_share_a_band_and_reach_the_threshold_are_in_one_component(
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
    texts: list[str],
    threshold: float,
    part: int,
    pairs: int,
) -> None:
    monkeypatch.setattr(components, "PART", part)
    monkeypatch.setattr(components, "PAIRS", pairs)

    found = labels(texts, tmp_path_factory.mktemp("sketches"), threshold)

    sketches = list(map(Sketcher(threshold), texts))
    for one, other in combinations(range(len(texts)), 2):
        a, b = sketches[one], sketches[other]
        if set(a.bands) & set(b.bands) and similarity(a.shingles, b.shingles) >= threshold:
            assert one in found, f"{texts[one]!r} is alone"
            assert found[one] == found[other], f"{texts[one]!r} and {texts[other]!r} are in two components"
    members = defaultdict(list)
    for place, label in found.items():
        members[label].append(place)
    assert all(len(places) > 1 for places in members.values()), "a component of one"
    assert all(label in places for label, places in members.items()), "a component is called after another's text"


def test_texts_that_share_a_band_by_chance_are_not_joined(tmp_path: Path) -> None:
    # Given texts of one long phrase in common, which share bands, and are not near-equal
    texts = [
        f"{'The treaty of the county was signed'} {number * 7919} {chr(97 + number % 26) * 25}" for number in range(300)
    ]
    shared = defaultdict(set)
    for number, sketch in enumerate(map(Sketcher(0.8), texts)):
        for band in sketch.bands:
            shared[band].add(number)
    assert sum(len(numbers) > 1 for numbers in shared.values()) > 10, "nothing is to be told apart"

    found = labels(texts, tmp_path, 0.8)

    assert len(found) < 30, "what shares a band is taken for alike"


@pytest.mark.parametrize("text", ["The treaty was signed.", "The treaty number {} was signed by the president again."])
def test_many_alike_take_no_time_for_all_their_pairs(tmp_path: Path, text: str) -> None:
    texts = [text.format(number) for number in range(5000)]

    found = labels(texts, tmp_path, 0.8, batch=1000)

    assert len(found) == 5000
    assert len(set(found.values())) == 1


def test_nothing_is_in_no_component(tmp_path: Path) -> None:
    assert labels([], tmp_path, 0.8) == {}
