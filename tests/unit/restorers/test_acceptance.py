"""Which changes are made: what is learned of examples, the bounds that are kept, and the decision."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mendel.recipes.calibration import Calibration
from mendel.restorers.acceptance import Acceptance, Example, Examples, Judge
from mendel.restorers.best_reading import CHANGE_FEATURES, TEXT_FEATURES, BestReading
from mendel.restorers.changes import regions
from mendel.restorers.logistic import Logistic

NOISY, CLEAN = "teh people and teh nation", "the people and the nation"


def reading(text: str, better: str, of_text: float, of_changes: Sequence[float] | None = None) -> BestReading:
    """With the first feature of the text and of each change alone; others are 0."""
    changes = regions(text, better)
    text_features, change_features = np.zeros(len(TEXT_FEATURES)), np.zeros((len(changes), len(CHANGE_FEATURES)))
    text_features[0] = of_text
    change_features[:, 0] = of_text if of_changes is None else of_changes
    return BestReading(text, changes, text_features, change_features)


def first_feature(features: Sequence[str]) -> Logistic:
    """Its log-odds are the first feature."""
    width = len(features)
    return Logistic(mean=(0,) * width, scale=(1,) * width, coefficients=(1, *[0] * (width - 1)), intercept=0)


JUDGE = Judge(text=first_feature(TEXT_FEATURES), change=first_feature(CHANGE_FEATURES))


def accept(least_odds: float = 1.0, least_confidence: float = 0.5) -> Acceptance:
    return Acceptance(judge=JUDGE, least_odds=least_odds, least_confidence=least_confidence)


def test_an_example_knows_what_its_changes_are_worth() -> None:
    # Given one right change and one wrong one
    example = Example(NOISY, CLEAN, reading(NOISY, "the people and tea nation", 0))
    # Then the right one, two errors, is told from the wrong one, which leaves more
    assert example.errors == 4
    assert example.errors_of(CLEAN) == 0
    assert example.right == [True, False]
    assert example.gain == 4 - example.errors_of("the people and tea nation")


def test_nothing_to_change_is_no_doubt() -> None:
    made = accept().decide("text", None, -math.inf)
    assert (made.text, made.confidence, made.edits, made.fallback) == ("text", 1.0, (), False)


@pytest.mark.parametrize(
    ("odds", "text"), [(1.0, CLEAN), (0.99, NOISY), (-math.inf, NOISY), (1e6, CLEAN), (-1e6, NOISY)]
)
def test_a_text_is_changed_from_the_least_odds_on(odds: float, text: str) -> None:
    made = accept().decide(NOISY, reading(NOISY, CLEAN, 3), odds)
    assert made.text == text
    assert made.fallback == (text == NOISY)
    assert bool(made.edits) == (text != NOISY)
    noisy = 1 / (1 + math.exp(-min(max(odds, -700), 700)))
    right = 1 - noisy if made.fallback else noisy
    assert made.confidence == pytest.approx(right), "it is the probability that what was done is right"


@pytest.mark.parametrize(
    ("odds", "in_document", "is_changed"),
    [(0.5, 2.0, True), (0.5, 1.9, False), (1.0, -5.0, True), (0.9, -math.inf, False)],
)
def test_a_text_is_changed_where_it_or_its_document_says_so(odds: float, in_document: float, is_changed: bool) -> None:
    # Given bounds for a text by itself, 1, and with what its document says, 2
    both = accept().model_copy(update={"least_odds_in_document": 2.0})
    # When it is decided about, then either suffices: a quiet document clears no text
    restoration = both.decide(NOISY, reading(NOISY, CLEAN, 3), odds, in_document)
    assert (restoration.text == CLEAN) == is_changed


def test_the_bound_in_documents_is_that_of_groups() -> None:
    # Given judges that think well of one foreign text in ten, and of all noisy ones
    right = Example(NOISY, CLEAN, reading(NOISY, CLEAN, 0))
    examples = Examples([right] * 40, [right] * 40, [right] * 40)
    odds = [np.full(40, 2.0), np.full(40, -math.inf), np.where(np.arange(40) % 10 == 0, 3.0, -math.inf)]
    bounds = Calibration(max_worse=1, max_clean_altered=0, max_foreign_altered=0, least_probability=0.5)
    # When the bounds are fitted
    acceptance = Acceptance.fit(JUDGE, examples, odds, np.ones(3), bounds)
    # Then such a text by itself bars the noisy ones, and in a document its neighbours tell that it is none
    assert acceptance.least_odds > 2
    assert acceptance.least_odds_in_document is not None
    assert acceptance.least_odds_in_document < 2


def test_a_change_is_made_from_the_least_confidence_on() -> None:
    # Given two changes, of which one is improbable
    found = reading(NOISY, CLEAN, 3, [math.log(4), -0.1])
    # When the text is decided about
    made = accept().decide(NOISY, found, 3)
    # Then the other one alone is made, and its confidence is what the judge says
    assert made.text == "the people and teh nation"
    assert [edit.confidence for edit in made.edits] == pytest.approx([0.8])
    # And where all are improbable the text stays
    nothing = accept(least_confidence=0.9).decide(NOISY, found, 3)
    assert (nothing.text, nothing.edits, nothing.fallback) == (NOISY, (), True)


odds = st.lists(st.floats(-20, 20), min_size=1, max_size=40)


@given(worse=odds, clean=odds, foreign=odds, allowed=st.sampled_from([0.0, 0.05, 0.3, 1.0]))
def test_no_more_texts_are_harmed_than_allowed(
    worse: list[float], clean: list[float], foreign: list[float], allowed: float
) -> None:
    # Given noisy texts that a change makes worse, clean and foreign ones, each with odds
    wrong = Example(NOISY, CLEAN, reading(NOISY, "teh people and xxx nation", 0))
    examples = Examples([wrong] * len(worse), [wrong] * len(clean), [wrong] * len(foreign))
    bounds = Calibration(
        max_worse=allowed, max_clean_altered=allowed, max_foreign_altered=allowed, least_probability=0.6
    )
    # When the bounds are fitted
    made = Acceptance.fit(JUDGE, examples, [np.array(each) for each in (worse, clean, foreign)], np.ones(3), bounds)
    # Then as many as allowed are above, of each sort
    for name, values in (("worse", worse), ("clean", clean), ("foreign", foreign)):
        above = sum(value >= made.least_odds for value in values)
        assert above <= allowed * len(values), f"{above} of {len(values)} {name} texts are above {made.least_odds}"
    assert made.least_odds >= math.log(0.6 / 0.4) - 1e-9


def test_noisy_texts_that_get_better_raise_no_bound() -> None:
    right = Example(NOISY, CLEAN, reading(NOISY, CLEAN, 0))
    examples = Examples([right] * 5, [], [])
    bounds = Calibration(max_worse=0, least_probability=0.5)
    assert (
        Acceptance.fit(JUDGE, examples, [np.full(5, 9.0), np.empty(0), np.empty(0)], np.ones(3), bounds).least_odds == 0
    )


def examples_of(noisy: int, clean: int, foreign: int) -> Examples:
    """Noisy texts whose first feature is high, others whose first feature is low; half of these nothing would change."""
    chance = np.random.default_rng(2)

    def texts(text: str, truth: str, better: str, mean: float, count: int) -> list[Example]:
        values = chance.normal(mean, 1, count)
        return [Example(text, truth, reading(text, better, value)) for value in values]

    unchanged = [Example(CLEAN, CLEAN, None)] * clean
    return Examples(
        texts(NOISY, CLEAN, CLEAN, 4, noisy),
        [*unchanged, *texts(CLEAN, CLEAN, "the people and tea nation", 0, clean)],
        texts("x = teh", "x = teh", "x = the", -1, foreign),
    )


def test_a_judge_tells_noisy_text_from_other_text() -> None:
    # Given examples that their first feature tells apart
    examples = examples_of(60, 10, 10)
    # When a judge is fitted
    judge, odds, _ = Judge.fit(examples)
    # Then noisy texts are likelier than others, for judges that did not see them too
    assert [len(each) for each in odds] == [60, 20, 10]
    changed = [value for value in np.concatenate(odds[1:]) if value > -math.inf]
    assert len(changed) == 20
    assert np.mean(odds[0] > 0) > 0.9
    assert np.mean(np.array(changed) < 0) > 0.8
    assert judge.odds(examples.noisy[0].evidence) > judge.odds(examples.foreign[0].evidence)
    # And what nothing would change has no odds
    assert set(odds[1][:10]) == {-math.inf} == {judge.odds(None)}


@pytest.mark.parametrize("counts", [(3, 1, 1), (1, 0, 0), (0, 2, 2), (0, 0, 0), (5, 0, 0)])
def test_a_judge_of_few_examples_judges_each_of_them(counts: tuple[int, int, int]) -> None:
    # When a judge is fitted to a handful, or to none
    examples = examples_of(*counts)
    judge, odds, weights = Judge.fit(examples)
    # Then each text that would be changed has odds, so that bounds hold for it
    for texts, values in zip(examples.sorts, odds, strict=True):
        for each, value in zip(texts, values, strict=True):
            assert math.isfinite(value) == (each.evidence is not None), f"{value} in {counts}"
    assert math.isfinite(judge.odds(reading(NOISY, CLEAN, 3)))
    assert np.isfinite(judge.change_odds(reading(NOISY, CLEAN, 3))).all()
    assert weights[0] == 1, "noisy texts count as they are"


def test_a_judge_is_the_same_each_time() -> None:
    first, second = (Judge.fit(examples_of(30, 5, 5)) for _ in range(2))
    assert first[0] == second[0]
    assert all((one == other).all() for one, other in zip(first[1], second[1], strict=True))
