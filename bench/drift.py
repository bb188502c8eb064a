"""Drift, simulated: how often quiet days are over a threshold, and how soon a change is noticed.

Days of sentences with noise, restored by `channel-ngram` and compared as `mendel drift` does, with its defaults. From day 12
the noise is another one, from day 20 so is the text: docstrings, licences and readmes of the machine. Quiet text is of one of
two kinds. *Validation years*: reference and days are halves of the same sentences, split anew for each seed, so that
nothing but chance sets them apart. *Test years*: the reference is the one that `mendel drift` makes, and the days are years
later. The first eleven days are repeated with each seed, the others are compared with the first seed's reference.

    .venv/bin/python bench/drift.py [SEEDS]

Prints a table and writes bench/results/drift.json, with each day's statistics. A change is *noticed* on the first day on which
a test alarms by itself that did not before: in the eleven quiet days, or, for the text, since the noise changed.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import accumulate
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import common
import numpy as np
from fsspec.core import url_to_fs
from profiles import named
from restoration import damaged

from mendel.corpus import foreign
from mendel.drift import evidence, reference
from mendel.drift.comparison import Test, compare
from mendel.noise.profile import NoiseProfile
from mendel.stages.drift import Drift

if TYPE_CHECKING:
    import pyarrow as pa

SEEDS = 5
RECORDS = 200
"""A day."""
NOISE_CHANGES, TEXT_CHANGES, LAST = 12, 20, 30
"""Days from 1."""
NOISES = ("heavy", "ocr")
"""From day 12 on, instead of `default`; of include/noise."""
VALIDATION_YEARS, TEST_YEARS = "validation years", "test years"
KINDS = ("docstrings", "licences", "readmes")
PER_KIND = 400
DRIFT = Drift()
COLUMNS = {
    "text": "",
    "noise_from_day_12": "",
    "seeds": "d",
    "quiet_days": "d",
    "over": "d",
    "share_over": ".1%",
    "alarms": "d",
    "noise_noticed_on": "d",
    "text_noticed_on": "d",
    "seconds_a_day": ".1f",
}


class Texts(NamedTuple):
    """Of a day, or of a reference."""

    texts: list[str]
    noise: str | None = "default"
    """That they get; None for those that have it."""


class Stretch(NamedTuple):
    """Days in a row, with what they are compared with."""

    text: str
    seed: int
    noise: str | None
    """From day 12 on; None where the days end before."""
    reference: Texts
    days: list[Texts]


class Verdict(NamedTuple):
    tests: list[Test]
    seconds: float
    """Of comparing."""

    def over(self) -> set[str]:
        return {test.name for test in self.tests if test.over}


def stretches(text: str, seeds: int) -> list[Stretch]:
    """The quiet days of each seed, then the days of each change."""
    quiet = [_quiet(text, seed) for seed in range(seeds)]
    strange = [item.text for item in foreign.texts("judge", PER_KIND) if item.kind in KINDS]
    compared_with, pool = _sides(text, np.random.default_rng(0))
    changed = []
    for noise in NOISES:
        draw = np.random.default_rng(seeds)
        days = [_some(pool, RECORDS, draw) for _ in range(NOISE_CHANGES, TEXT_CHANGES)]
        days += [_some(strange, RECORDS, draw) for _ in range(TEXT_CHANGES, LAST + 1)]
        changed.append(Stretch(text, 0, noise, compared_with, [Texts(day, noise) for day in days]))
    return [*quiet, *changed]


def _quiet(text: str, seed: int) -> Stretch:
    draw = np.random.default_rng(seed)
    compared_with, pool = _sides(text, draw)
    days = [Texts(_some(pool, RECORDS, draw)) for _ in range(1, NOISE_CHANGES)]
    return Stretch(text, seed, None, compared_with, days)


def _sides(text: str, draw: np.random.Generator) -> tuple[Texts, list[str]]:
    """The reference, and the clean sentences that days are drawn from."""
    if text == TEST_YEARS:
        noisy = reference.sample(common.sentences("validation", "noisy"), DRIFT.reference_records)
        return Texts(noisy, None), common.sentences("test")
    validation = common.sentences("validation")
    mixed = _some(validation, len(validation), draw)
    half = len(mixed) // 2
    return Texts(mixed[half:]), mixed[:half]


def _some(texts: Sequence[str], count: int, draw: np.random.Generator) -> list[str]:
    return [texts[place] for place in draw.permutation(len(texts))[:count]]


def figures(folder: Path, some: Sequence[Texts], train: Sequence[str]) -> list[pa.Table]:
    """Of each of them: damaged with its noise, then all restored together."""
    noisy = [list(each.texts) for each in some]
    for noise in {each.noise for each in some} - {None}:
        places = [place for place, each in enumerate(some) if each.noise == noise]
        clean = [text for place in places for text in some[place].texts]
        output = iter(damaged("drift", clean, _profile(noise), train).sample.noisy)
        for place in places:
            noisy[place] = [next(output) for _ in noisy[place]]
    table = reference.figures(folder, [text for texts in noisy for text in texts], None)
    starts = accumulate(map(len, noisy), initial=0)
    return [table.slice(start, len(texts)) for start, texts in zip(starts, noisy, strict=False)]


def _profile(noise: str | None) -> NoiseProfile:
    assert noise is not None
    return named(noise)


def verdict(day: pa.Table, compared_with: pa.Table) -> Verdict:
    began = time.perf_counter()
    tests = compare(day, compared_with, DRIFT.alpha, DRIFT.simulations, DRIFT.least)
    return Verdict(tests, time.perf_counter() - began)


def verdicts(some: Sequence[Stretch], folder: Path) -> list[list[Verdict]]:
    train = common.sentences("train")
    tables = iter(figures(folder, [each for one in some for each in (one.reference, *one.days)], train))
    pairs = []
    for one in some:
        compared_with = next(tables)
        pairs += [(next(tables), compared_with) for _ in one.days]
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        answers = iter(list(pool.map(verdict, *zip(*pairs, strict=True), chunksize=4)))
    return [[next(answers) for _ in one.days] for one in some]


def alarms(over: Sequence[bool]) -> list[bool]:
    """Of each day, by the rule of `mendel drift`."""
    return [evidence.is_alarm(over[max(0, day - DRIFT.days) : day], DRIFT.needed) for day in range(1, len(over) + 1)]


def alarming_tests(days: Sequence[Verdict]) -> list[set[str]]:
    """The tests that alarm on each day, each by itself."""
    names = [test.name for test in days[0].tests]
    by_test = {name: alarms([name in day.over() for day in days]) for name in names}
    return [{name for name in names if by_test[name][place]} for place in range(len(days))]


def noticed(alarming: Sequence[set[str]], since: int, changes: int) -> int | None:
    """The day, from 1, on which a test alarms that did on no day from `since` to the change; None where there is none."""
    known = set().union(*alarming[since - 1 : changes - 1])
    later = enumerate(alarming[changes - 1 :], changes)
    return next((day for day, tests in later if tests - known), None)


def rows_of(text: str, some: Sequence[Stretch], answers: Sequence[Sequence[Verdict]]) -> list[dict[str, Any]]:
    quiet = [days for one, days in zip(some, answers, strict=True) if one.text == text and one.noise is None]
    over = [[bool(day.over()) for day in days] for days in quiet]
    seconds = [day.seconds for days in quiet for day in days]
    rows: list[dict[str, Any]] = [
        {
            "text": text,
            "seeds": len(quiet),
            "quiet_days": len(seconds),
            "over": sum(map(sum, over)),
            "share_over": sum(map(sum, over)) / len(seconds),
            "alarms": sum(sum(alarms(days)) for days in over),
            "over_by_seed": list(map(sum, over)),
            "seconds_a_day": float(np.mean(seconds)),
        }
    ]
    for one, days in zip(some, answers, strict=True):
        if one.text == text and one.noise is not None:
            alarming = alarming_tests([*quiet[0], *days])
            rows.append(
                {
                    "text": text,
                    "noise_from_day_12": one.noise,
                    "noise_noticed_on": noticed(alarming, 1, NOISE_CHANGES),
                    "text_noticed_on": noticed(alarming, NOISE_CHANGES, TEXT_CHANGES),
                    "seconds_a_day": float(np.mean([day.seconds for day in days])),
                }
            )
    return rows


def days_of(one: Stretch, days: Sequence[Verdict]) -> list[Mapping[str, Any]]:
    first = 1 if one.noise is None else NOISE_CHANGES
    return [
        {
            "text": one.text,
            "noise_from_day_12": one.noise,
            "seed": one.seed,
            "day": number,
            "over": " ".join(sorted(day.over())),
            "statistics": {test.name: test.statistic for test in day.tests},
        }
        for number, day in enumerate(days, first)
    ]


def main() -> None:
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else SEEDS
    described = common.machine()
    common.prepare()
    _, folder = url_to_fs(common.candidate("channel-ngram").folder)
    some = [one for text in (VALIDATION_YEARS, TEST_YEARS) for one in stretches(text, seeds)]
    answers = verdicts(some, Path(folder))
    rows = [row for text in (VALIDATION_YEARS, TEST_YEARS) for row in rows_of(text, some, answers)]
    days = [row for one, each in zip(some, answers, strict=True) for row in days_of(one, each)]
    common.report("drift", described, rows, COLUMNS, unseen=days)


if __name__ == "__main__":
    main()
