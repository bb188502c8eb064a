"""Each expectation of the pairs fails when its fault is planted, and says so in plain words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from mendel.core.errors import GateError, InputError
from mendel.core.stage import Context, execute
from mendel.noise.calibrate import micro_cer
from mendel.noise.edits import Edit, decode, encode, replay
from mendel.noise.profile import OPERATIONS, ResolvedProfile
from mendel.stages.validate import ValidatePairs

Commit = Callable[..., object]
NoiseOf = Callable[..., ResolvedProfile]
PairsOf = Callable[[ResolvedProfile], pd.DataFrame]
RATES = {"deletion": 0.004, "substitution": 0.004, "insertion": 0.004, "duplication": 0.004, "reversal": 0.006}
CONFIG = ValidatePairs(
    length=(20, 300),
    noisy_length=(1, 300),
    splits={"train": (0.6, 0.9), "validation": (0.05, 0.2), "test": (0.1, 0.3)},
)
TEST = 340
"""Row of the first test pair; its second copy lies 400 rows behind."""


def set_cells(row: int, **values: Any) -> Callable[[pd.DataFrame], pd.DataFrame]:
    def plant(frame: pd.DataFrame) -> pd.DataFrame:
        for column, value in values.items():
            frame.at[row, column] = value
        return frame

    return plant


def edited(change: Callable[[str, list[Edit]], list[Edit]]) -> Callable[[pd.DataFrame], pd.DataFrame]:
    """All pairs with their edits changed, and the noisy text that follows."""

    def plant(frame: pd.DataFrame) -> pd.DataFrame:
        for row in frame.index:
            clean = frame["clean"][row]
            edits = change(clean, decode(frame["edits"][row]))
            frame.at[row, "edits"] = encode(edits)
            frame.at[row, "noisy"] = replay(clean, edits)
        return frame

    return plant


def without(operation: str) -> Callable[[pd.DataFrame], pd.DataFrame]:
    return edited(lambda _, edits: [edit for edit in edits if edit.op != operation])


def half_clean(frame: pd.DataFrame) -> pd.DataFrame:
    clean = frame.index % 2 == 0
    return frame.assign(
        noisy=frame["clean"].where(clean, frame["noisy"]),
        edits=[b"" if is_clean else edits for is_clean, edits in zip(clean, frame["edits"], strict=True)],
    )


def with_edit(row: int, edit: Edit) -> Callable[[pd.DataFrame], pd.DataFrame]:
    def plant(frame: pd.DataFrame) -> pd.DataFrame:
        clean = frame["clean"][row]
        return set_cells(row, noisy=replay(clean, [edit]), edits=encode([edit]))(frame)

    return plant


def leak(frame: pd.DataFrame) -> pd.DataFrame:
    text = frame.at[TEST, "clean"]
    return set_cells(5, clean=text, noisy=text, edits=b"")(frame)


REQUIRED = ("id", "record_id", "copy", "clean", "noisy", "edits")
FAULTS: dict[str, tuple[Callable[[pd.DataFrame], pd.DataFrame], list[str]]] = {
    "nulls": (
        lambda frame: frame.assign(**{name: frame[name].mask(frame.index == row) for row, name in enumerate(REQUIRED)}),
        [f"{name} is never null: 1 of 800 rows" for name in REQUIRED],
    ),
    "repeated id": (set_cells(5, id="train-006#0"), ["id is unique: 2 of 800 rows"]),
    "repeated copy": (
        set_cells(5, record_id="train-006"),
        ["record_id and copy together are unique: 2 of 800 rows are otherwise"],
    ),
    "long clean text": (
        lambda frame: set_cells(5, clean="a" * 301, noisy="a" * 300, edits=encode([Edit("deletion", 0, "a", "")]))(
            frame
        ),
        ["clean has 20 to 300 characters: 1 of 800 rows"],
    ),
    "long noisy text": (
        with_edit(5, Edit("insertion", 0, "", "peace " * 50)),
        ["noisy has 1 to 300 characters: 1 of 800 rows"],
    ),
    "a character from nowhere": (
        with_edit(5, Edit("insertion", 0, "", "ж")),
        ["noisy holds only characters of clean texts and of the noise profile: 1 of 800 rows"],
    ),
    "empty split": (
        lambda frame: frame[frame["split"] != "validation"],
        ["split validation has rows: found 0", "5.0% to 20.0% of the rows are in split validation: found 0"],
    ),
    "too much held out": (
        lambda frame: frame[(frame["split"] != "train") | (frame["copy"] == 0) & (frame.index < 200)],
        ["60.0% to 90.0% of the rows are in split train: found 0.5"],
    ),
    "unknown split": (
        lambda frame: frame.assign(folder=frame["folder"].where(frame["record_id"] != "train-005", "dev")),
        ["split is one of train, validation, test: 2 of 800 rows"],
    ),
    "test text in train": (leak, ["no text is in two splits, punctuation and letter case aside (leakage): 3 of 800"]),
    "edits that are no edits": (
        set_cells(5, edits=b"\xff"),
        ["edits replayed on clean give noisy, undone on noisy give clean: 1 of 800 rows"],
    ),
    "edits of another pair": (
        lambda frame: set_cells(5, edits=encode([Edit("insertion", 0, "", "peace")]))(frame),
        ["edits replayed on clean give noisy, undone on noisy give clean: 1 of 800 rows are otherwise, as in "],
    ),
    "half of the noise forgotten": (
        half_clean,
        ["CER is ", "of the pairs are unchanged", *(f"{op} happens" for op in OPERATIONS)],
    ),
    **{f"no {operation}": (without(operation), [f"{operation} happens"]) for operation in OPERATIONS},
}
CONSEQUENCES = ("CER is ", "of the pairs are unchanged")
"""Leaving an operation out may show in these too."""


def failures_of(context: Context, config: ValidatePairs = CONFIG) -> list[str]:
    with pytest.raises(GateError) as caught:
        execute(config, context)
    return [line for line in str(caught.value).splitlines() if line.startswith("  - ")]


@pytest.mark.parametrize("fields", [{}, {"target_cer": 0.06}, {"intensities": (0, 1, 2)}], ids=str)
def test_sound_pairs_pass(
    context: Context, commit: Commit, noise_of: NoiseOf, pairs_of: PairsOf, fields: dict[str, Any]
) -> None:
    noise = noise_of(**fields)
    commit(pairs_of(noise), "pairs", noise=noise)

    made = execute(CONFIG, context)

    assert made.metrics["rows"] == made.rows == 800
    assert made.metrics["unfaithful"] == 0
    assert 0.02 < made.metrics["cer"] < 0.12
    assert all(made.metrics[operation] > 0 for operation in OPERATIONS)


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_named(
    context: Context, commit: Commit, pairs_frame: pd.DataFrame, noise: ResolvedProfile, fault: str
) -> None:
    plant, expected = FAULTS[fault]
    commit(plant(pairs_frame.copy()), "pairs", noise=noise)

    failures = failures_of(context)

    for words in expected:
        assert any(words in failure for failure in failures), f"{words!r} is not among {failures}"
    others = [line for line in failures if not any(words in line for words in (*expected, *CONSEQUENCES))]
    assert not others, f"the fault shows elsewhere too: {others}"


def test_the_target_cer_is_missed(
    context: Context, commit: Commit, pairs_frame: pd.DataFrame, noise: ResolvedProfile
) -> None:
    told = noise.profile.model_copy(update={"target_cer": 0.1})
    commit(pairs_frame, "pairs", noise=noise.model_copy(update={"profile": told}))

    [failure] = failures_of(context)

    assert "(the profile's target 10.00%, 10% off, and chance): found 0.0" in failure


def test_noise_of_another_profile(
    context: Context, commit: Commit, pairs_frame: pd.DataFrame, noise_of: NoiseOf
) -> None:
    """The stored profile must be the one that made the pairs: the decoder's channel is built from it."""
    commit(pairs_frame, "pairs", noise=noise_of(rates=RATES | {"deletion": 0.02}))

    failures = failures_of(context)

    assert any("CER is " in failure and "a fresh draw's" in failure for failure in failures), failures


def test_an_operation_that_the_profile_does_not_have(
    context: Context, commit: Commit, pairs_frame: pd.DataFrame, noise_of: NoiseOf
) -> None:
    commit(pairs_frame, "pairs", noise=noise_of(rates=RATES | {"reversal": 0.0}))

    assert any("there is no reversal, its rate being 0: found" in failure for failure in failures_of(context))


def test_the_cer_is_measured_on_all_pairs_whatever_the_sample(
    context: Context, commit: Commit, pairs_frame: pd.DataFrame, noise: ResolvedProfile
) -> None:
    commit(pairs_frame, "pairs", noise=noise)

    some, more = (execute(ValidatePairs(sample=size), context).metrics for size in (200, 400))

    assert (
        some["cer"] == more["cer"] == pytest.approx(micro_cer(list(pairs_frame["clean"]), list(pairs_frame["noisy"])))
    )
    assert some["deletion"] != more["deletion"], "the sample's size has no effect on what is sampled"


def test_pairs_without_a_profile(context: Context, commit: Commit, pairs_frame: pd.DataFrame) -> None:
    commit(pairs_frame, "pairs")

    with pytest.raises(InputError, match=r"lists no noise.json; make the pairs again"):
        execute(CONFIG, context)
