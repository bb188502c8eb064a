"""What is said of the best reading of a text: of any text, in numbers, and nothing where there is nothing to decide."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mendel.channel.decoder import Decoder, TextCandidate
from mendel.recipes.protection import PROTECTED
from mendel.restorers.best_reading import CHANGE_FEATURES, MOST_ODDS, TEXT_FEATURES, BestReading
from mendel.restorers.calibration import Weights
from mendel.restorers.restorer import applied

WEIGHTS = Weights(ngram=1.0)


def read(decoder: Decoder, text: str, *better: str, worse: float = 2.0) -> BestReading | None:
    """Where each of the better texts is that many nats likelier than the next one, and the text itself is the last."""
    scores = [-worse * number for number in range(len(better) + 1)]
    candidates = [TextCandidate(one, score, 0.0) for one, score in zip([*better, text], scores, strict=True)]
    return BestReading.of(text, candidates, WEIGHTS, decoder.ngram, PROTECTED)


def feature(found: BestReading, name: str) -> float:
    return float(found.of_text[TEXT_FEATURES.index(name)])


def test_without_a_change_there_is_nothing_to_decide(small_decoder: Decoder) -> None:
    assert read(small_decoder, "Our nation.") is None


@pytest.mark.parametrize(
    ("text", "better"),
    [
        ("at 10:45 we", "at 1:45 we"),
        ("see https://x.example/teh", "see https://x.example/the"),
        ("Pål must.", "Pl must."),
    ],
)
def test_changes_to_what_is_protected_alone_are_nothing(small_decoder: Decoder, text: str, better: str) -> None:
    assert read(small_decoder, text, better) is None, f"{better!r} was considered"


def test_protected_changes_are_left_out_of_others(small_decoder: Decoder) -> None:
    found = read(small_decoder, "Teh people of 3rd nation.", "The people of 3d nation.")
    assert found is not None
    assert applied(found.text, found.changes) == "The people of 3rd nation."
    assert found.of_changes.shape == (1, len(CHANGE_FEATURES))


def test_a_change_s_confidence_is_the_posterior_of_all_that_make_it(small_decoder: Decoder) -> None:
    # Given candidates of which two make the first change, and one the second
    found = read(small_decoder, "teh naiton", "the nation", "the naiton")
    assert found is not None
    first, second = (change.confidence for change in found.changes)
    total = 1 + np.exp(-2) + np.exp(-4)
    assert first == pytest.approx((1 + np.exp(-2)) / total)
    assert second == pytest.approx(1 / total)


def test_text_unlike_the_corpus_surprises_more(small_decoder: Decoder) -> None:
    own = read(small_decoder, "Teh people must together the nation.", "The people must together the nation.")
    other = read(small_decoder, "def position(teh: float) -> xyzzy:", "def position(the: float) -> xyzzy:")
    assert own is not None
    assert other is not None
    for name in ("surprise", "worst_tenth", "worst_stretch", "symbols"):
        assert feature(own, name) < feature(other, name), name


def test_odds_are_measured_against_the_input_and_end_somewhere(small_decoder: Decoder) -> None:
    for worse, expected in ((3.0, 3.0), (500.0, MOST_ODDS)):
        found = read(small_decoder, "teh", "the", worse=worse)
        assert found is not None
        assert feature(found, "odds") == expected


any_text = st.one_of(
    st.text(min_size=1, max_size=40),
    st.text("ab \n\t1./", min_size=1, max_size=8),
    st.sampled_from(
        ["a", " ", "\N{FAMILY}", "\N{WOMAN}\N{ZERO WIDTH JOINER}\N{GIRL}", "\x00", "\U0010ffff", "e\u0301"]
    ),
)


@given(text=any_text, better=st.lists(any_text, min_size=1, max_size=3, unique=True), worse=st.floats(0, 1000))
def test_whatever_the_text_its_features_are_numbers(
    small_decoder: Decoder, text: str, better: list[str], worse: float
) -> None:
    # When any text has any readings
    found = read(small_decoder, text, *[other for other in better if other != text], worse=worse)
    # Then all that is said of the best one is finite, and as wide as it should be
    if found is None:
        return
    assert found.changes
    assert found.of_text.shape == (len(TEXT_FEATURES),)
    assert found.of_changes.shape == (len(found.changes), len(CHANGE_FEATURES))
    for name, values in (("text", found.of_text), ("change", found.of_changes)):
        assert np.isfinite(values).all(), f"features of the {name}: {values}"
    assert all(0 <= change.confidence <= 1 for change in found.changes), found.changes


@pytest.mark.parametrize("strange", ["\ud800", "\N{FAMILY}", "\x00"])
def test_characters_that_no_text_has_do_no_harm_beside_a_change(small_decoder: Decoder, strange: str) -> None:
    found = read(small_decoder, f"Teh people {strange}", f"The people {strange}")
    assert found is not None
    assert np.isfinite(found.of_text).all()
