from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rapidfuzz.distance import Levenshtein

from mendel.evaluation.bootstrap import Bootstrap
from mendel.evaluation.scores import CAUSES, Measures, Output, Sample, Scores, measure, summarise
from mendel.noise.edits import Edit, replay
from mendel.noise.profile import Operation

TEXTS = st.lists(st.text(alphabet="abc ", min_size=1, max_size=30).filter(str.strip), min_size=1, max_size=8)


def sample_of(*pairs: tuple[str, Sequence[Edit]]) -> Sample:
    return Sample(
        ids=[str(number) for number in range(len(pairs))],
        clean=[clean for clean, _ in pairs],
        noisy=[replay(clean, edits) for clean, edits in pairs],
        edits=[edits for _, edits in pairs],
        untouched=[clean for clean, _ in pairs],
    )


def score(sample: Sample, restored: Sequence[str], of_clean: Sequence[str] | None = None) -> Scores:
    noisy = measure(sample, Output(sample.noisy, sample.clean))
    measured = measure(sample, Output(restored, sample.clean if of_clean is None else of_clean))
    return summarise(sample, measured, noisy, Bootstrap(len(sample.ids), resamples=200, seed=0))


def errors_by_cause(measured: Measures) -> dict[str, int]:
    totals = measured.errors_by_cause.sum(axis=0).tolist()
    return {cause: total for cause, total in zip(CAUSES, totals, strict=True) if total}


@pytest.fixture
def sample() -> Sample:
    """Two damaged sentences and one that the noise spared: 5 errors in 50 characters."""
    return sample_of(
        ("the state of the union", [Edit("deletion", 4, "sta", "")]),
        ("we are strong", [Edit("substitution", 3, "ar", "xx")]),
        ("god bless you", []),
    )


def test_scores_of_the_noisy_text(sample: Sample) -> None:
    # when
    scores = score(sample, sample.noisy)

    # then, counted by hand
    assert scores.cer.value == pytest.approx(5 / 48), "3 characters deleted and 2 replaced of 22 + 13 + 13"
    assert scores.cmer.value == pytest.approx(5 / 48), "without insertions the alignment is as long as the text"
    assert scores.wer.value == pytest.approx(2 / 11), "'state' and 'are' of eleven words"
    assert scores.exact.value == pytest.approx(1 / 3), "one sentence was spared"
    assert scores.tied.value == 1, "it is compared with itself"
    assert scores.reduction is not None
    assert (scores.reduction.low, scores.reduction.high) == (0, 0), "nothing was restored"


def test_scores_of_a_restoration_that_helps_one_sentence_and_harms_another(sample: Sample) -> None:
    # given the first sentence repaired, the second one worse by four inserted characters
    restored = ["the state of the union", "we xxe strong-ish", "god bless you"]

    # when
    scores = score(sample, restored, of_clean=["the state of the union", "we are strung", "god bless you"])

    # then
    assert scores.reduction is not None
    assert scores.reduction.value == pytest.approx(1 - 6 / 5), "6 errors where there were 5"
    assert scores.cmer.value == pytest.approx(6 / (48 + 4)), "insertions lengthen the alignment"
    fractions = [scores.improved.value, scores.tied.value, scores.worse.value]
    assert fractions == pytest.approx([1 / 3] * 3), "one sentence each: improved, tied, worse"
    assert scores.clean_altered is not None
    assert scores.clean_altered.value == pytest.approx(1 / 3), "one clean sentence did not stay as it was"


@pytest.mark.parametrize(
    "edit",
    [
        Edit("deletion", 10, "cde", ""),
        Edit("substitution", 10, "cde", "xyz"),
        Edit("insertion", 10, "", "xyz"),
        Edit("duplication", 10, "cde", "cdecde"),
        Edit("reversal", 10, "cde", "edc"),
    ],
    ids=lambda edit: edit.op,
)
def test_an_error_that_is_left_is_charged_to_the_operation_that_made_it(edit: Edit) -> None:
    # given the edit beside a repaired one at some distance
    other: Operation = "substitution" if edit.op == "insertion" else "insertion"
    repaired = Edit(other, 30, "" if other == "insertion" else "x", "Q")
    clean = "0123456789cdefghijklmnopqrstuvwxyz"
    clean = clean[:30] + repaired.clean + clean[30 + len(repaired.clean) :]
    sample = sample_of((clean, [edit, repaired]))

    # when
    measured = measure(sample, Output([replay(clean, [edit])], [clean]))

    # then
    assert set(errors_by_cause(measured)) == {edit.op}, f"only the {edit.op} is left, the {other} is repaired"


def test_an_error_in_a_sentence_without_noise_is_nobodys_but_the_systems(sample: Sample) -> None:
    measured = measure(sample, Output([*sample.clean[:2], "good bless you"], sample.clean))
    assert errors_by_cause(measured) == {"none": 1}


@given(clean=TEXTS, data=st.data())
@settings(max_examples=100, deadline=None)
def test_what_holds_for_any_restoration(clean: list[str], data: st.DataObject) -> None:
    # given any damage, and anything made of it
    pairs: list[tuple[str, list[Edit]]] = []
    for text in clean:
        start = data.draw(st.integers(0, len(text)))
        pairs.append((text, [Edit("insertion", start, "", "zz")] if data.draw(st.booleans()) else []))
    sample = sample_of(*pairs)
    restored = data.draw(st.lists(st.text("abcz ", max_size=30), min_size=len(clean), max_size=len(clean)))

    # when
    measured = measure(sample, Output(restored, sample.clean))
    scores = score(sample, restored)

    # then
    distances = [Levenshtein.distance(*texts) for texts in zip(clean, restored, strict=True)]
    assert measured.errors.tolist() == distances, "errors are edit distances, and each is charged to one cause"
    parts = [scores.by_operation, scores.by_length, scores.by_noise_level]
    assert sum(part.cer.value for part in parts[0].values()) == pytest.approx(scores.cer.value), (
        "causes make up the CER"
    )
    for part in parts[1:]:
        assert sum(found.sentences for found in part.values()) == len(clean), (
            f"{list(part)}: each sentence in one class"
        )
    assert scores.improved.value + scores.tied.value + scores.worse.value == pytest.approx(1)
    assert scores.cmer.value <= min(1, scores.cer.value), "the alignment is never shorter than the clean text"


@given(clean=TEXTS, data=st.data())
@settings(max_examples=50, deadline=None)
def test_a_perfect_restoration_is_perfect_in_every_score(clean: list[str], data: st.DataObject) -> None:
    starts = [data.draw(st.integers(0, len(text))) for text in clean]
    sample = sample_of(*((text, [Edit("insertion", at, "", "zz")]) for text, at in zip(clean, starts, strict=True)))

    scores = score(sample, sample.clean)

    assert scores.reduction is not None
    assert scores.clean_altered is not None
    perfect = [scores.exact, scores.improved, scores.reduction]
    assert [(each.low, each.high) for each in perfect] == [(1, 1)] * 3, "all exact, all improved, no error left"
    failed = [scores.cer, scores.cmer, scores.wer, scores.tied, scores.worse]
    assert [(each.low, each.high) for each in failed] == [(0, 0)] * 5, "no errors of any kind"
    assert (scores.clean_altered.value, scores.clean_altered.low) == (0, 0), "no clean sentence was altered"
    assert scores.clean_altered.high > 0, "which so few sentences do not show of all others"


def test_sentences_are_classed_by_their_noise_and_by_their_length() -> None:
    # given 40 characters without noise, 100 with 5 errors, 260 with 60
    sample = sample_of(
        ("a" * 40, []),
        ("b" * 100, [Edit("substitution", 0, "b" * 5, "x" * 5)]),
        ("c" * 260, [Edit("substitution", 0, "c" * 60, "x" * 60)]),
    )

    # when
    scores = score(sample, sample.noisy)

    # then
    assert list(scores.by_noise_level) == ["0%", "≤ 5%", "> 20%"], "5 of 100 is still at most 5%"
    assert list(scores.by_length) == ["≤ 50", "≤ 100", "> 200"], "classes nobody is in are left out"
    assert scores.by_noise_level["0%"].reduction is None, "where there are no errors, none can be removed"
    assert scores.by_length["≤ 100"].cer.value == pytest.approx(0.05)


def test_what_was_not_tried_on_clean_text_has_no_score_for_it(sample: Sample) -> None:
    noisy = measure(sample, Output(sample.noisy))
    scores = summarise(sample, noisy, noisy, Bootstrap(3, resamples=200, seed=0))
    assert scores.clean_altered is None, "an ablation is tried on the noisy sentences only"


def test_measures_are_counted_per_sentence(sample: Sample) -> None:
    measured = measure(sample, Output(sample.noisy, sample.clean))
    assert np.array_equal(measured.errors, [3, 2, 0]), "deleted, replaced, spared"
    assert np.array_equal(measured.word_errors, [1, 1, 0])
