"""The suite `pairs`.

What the noise should look like is drawn afresh: the profile that is stored with the pairs corrupts a sample of their
clean texts with another seed, and the pairs must look like that, up to chance.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from math import hypot
from typing import TYPE_CHECKING, Any, NamedTuple, Self

import great_expectations.expectations as gxe
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pydantic import ValidationError
from rapidfuzz import process
from rapidfuzz.distance import Levenshtein

from mendel.core import lake
from mendel.core.errors import InputError
from mendel.core.manifest import Manifest
from mendel.core.stage import Context
from mendel.noise.edits import Edit, decode, replay, undo
from mendel.noise.kernel import Kernel
from mendel.noise.pairs import NOISE
from mendel.noise.profile import OPERATIONS, Operation, ResolvedProfile
from mendel.quality import texts
from mendel.quality.dataset import SCHEMAS
from mendel.quality.suite import Suite, expect

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

    from mendel.quality.bounds import PairsBounds

Floats = NDArray[np.float64]

SEED = 0x5EED
"""Of the fresh draw and of the sample; no pipeline has a reason to use it for its pairs."""
CHANCE = 4.0
"""Standard errors that chance may explain: a false alarm in some 16,000 checks."""


class MeasuredNoise(NamedTuple):
    """A quantity measured on a sample, with its standard error."""

    value: float
    error: float

    @classmethod
    def ratio(cls, numerators: Floats, denominators: Floats) -> Self:
        """Of two sums over independent rows; the mean, where the denominators are ones."""
        total = denominators.sum()
        value = numerators.sum() / total
        return cls(value, np.sqrt(np.square(numerators - value * denominators).sum()) / total)

    def plausible(self, measured: MeasuredNoise, tolerance: float = 0.0) -> tuple[float, float]:
        """Between what the measured value may lie: this one, give or take a relative tolerance, and chance."""
        slack = CHANCE * hypot(self.error, measured.error)
        return max(0.0, self.value * (1 - tolerance) - slack), self.value * (1 + tolerance) + slack


class Noise(NamedTuple):
    """What noise looks like on some pairs."""

    cer: MeasuredNoise
    unchanged: MeasuredNoise
    """Share of pairs."""
    events: dict[str, MeasuredNoise]
    """Of each operation, per pair."""


def noise_of(version: Manifest, context: Context) -> ResolvedProfile:
    """The profile stored with the pairs. Raises InputError when it is missing or no profile."""
    path = next((file.path for file in version.files if file.path.endswith(f"/{NOISE}")), None)
    if path is None:
        raise InputError(f"{version.path} lists no {NOISE}; make the pairs again: mendel corrupt --force")
    try:
        return ResolvedProfile.model_validate_json(lake.read_bytes(lake.join(context.root, path)))
    except ValidationError as error:
        raise InputError(f"{path} is not a resolved noise profile: {error}") from error


def build(config: PairsBounds, table: pa.Table, version: Manifest, noise: ResolvedProfile) -> Suite:
    """`table` is `dataset.read`'s. Noise is measured on the pairs without nulls, edits on a sample of those."""
    whole, places = _without_nulls(table)
    lengths = _lengths(whole["clean"])
    if not lengths.sum():
        raise InputError(f"{version.path} holds no clean text; make the pairs again: mendel corrupt --force")
    distances = _distances(whole["clean"], whole["noisy"])
    chosen = np.random.default_rng(SEED).permutation(len(whole))[: config.sample]
    sample = whole.take(chosen)
    edits = [_decoded(encoded) for encoded in sample["edits"].to_pylist()]
    unfaithful = [
        not _faithful(*row) for row in zip(sample["clean"].to_pylist(), sample["noisy"].to_pylist(), edits, strict=True)
    ]
    counts = _counts(edits)
    measured = Noise(
        cer=MeasuredNoise.ratio(distances, lengths),
        unchanged=_share(_equal(whole["clean"], whole["noisy"])),
        events={operation: _share(counts[operation]) for operation in OPERATIONS},
    )
    columns = {
        **texts.measure(config, table, "clean"),
        "foreign_characters": texts.holds_others(table["noisy"], texts.character_class(_allowed(whole, noise))),
        "cer": _spread(distances * len(whole) / lengths.sum(), places, len(table)),
        "unchanged": _spread(_equal(whole["clean"], whole["noisy"]), places, len(table)),
        "unfaithful": _spread(np.array(unfaithful), places[chosen], len(table)),
        **{name: _spread(events, places[chosen], len(table)) for name, events in counts.items()},
    }
    return Suite(
        name="pairs",
        frame=texts.frame(table, columns),
        key="id",
        expectations=[
            *texts.not_null(list(SCHEMAS["pairs"])),
            *texts.expectations(config, "clean", version.rows),
            *_of_noisy_texts(config),
            *_of_noise(config, noise, measured, _drawn(sample, noise)),
        ],
    )


def _of_noisy_texts(config: PairsBounds) -> list[Expectation]:
    shortest, longest = config.noisy_length
    return [
        expect(
            "repeated_copies",
            "record_id and copy together are unique",
            gxe.ExpectCompoundColumnsToBeUnique,
            column_list=["record_id", "copy"],
        ),
        expect(
            "noisy_outside_length",
            f"noisy has {shortest} to {longest} characters",
            gxe.ExpectColumnValueLengthsToBeBetween,
            column="noisy",
            min_value=shortest,
            max_value=longest,
        ),
        texts.never("foreign_characters", "noisy holds only characters of clean texts and of the noise profile"),
        texts.never("unfaithful", "edits replayed on clean give noisy, undone on noisy give clean"),
    ]


def _of_noise(config: PairsBounds, noise: ResolvedProfile, measured: Noise, drawn: Noise) -> list[Expectation]:
    target = noise.profile.target_cer
    cer = drawn.cer if target is None else MeasuredNoise(target, 0.0)
    source = "a fresh draw's" if target is None else "the profile's target"
    low, high = cer.plausible(measured.cer, config.cer_tolerance)
    least, most = drawn.unchanged.plausible(measured.unchanged)
    return [
        expect(
            "cer",
            f"CER is {low:.2%} to {high:.2%} ({source} {cer.value:.2%}, {config.cer_tolerance:.0%} off, and chance)",
            gxe.ExpectColumnMeanToBeBetween,
            column="cer",
            min_value=low,
            max_value=high,
        ),
        expect(
            "unchanged",
            f"{least:.2%} to {most:.2%} of the pairs are unchanged (a fresh draw's {drawn.unchanged.value:.2%})",
            gxe.ExpectColumnMeanToBeBetween,
            column="unchanged",
            min_value=least,
            max_value=most,
        ),
        *(_of_operation(operation, noise, measured, drawn, config.cer_tolerance) for operation in OPERATIONS),
    ]


def _of_operation(
    operation: Operation, noise: ResolvedProfile, measured: Noise, drawn: Noise, tolerance: float
) -> Expectation:
    if getattr(noise.rates, operation) == 0:
        least, most, words = 0.0, 0.0, f"there is no {operation}, its rate being 0"
    else:
        least, most = drawn.events[operation].plausible(measured.events[operation], tolerance)
        words = f"{operation} happens {least:.3g} to {most:.3g} times a pair"
    return expect(operation, words, gxe.ExpectColumnMeanToBeBetween, column=operation, min_value=least, max_value=most)


def _drawn(sample: pa.Table, noise: ResolvedProfile) -> Noise:
    """The noise of the sample's clean texts, corrupted anew."""
    clean = sample["clean"].combine_chunks()
    noisy, encoded = Kernel(noise, SEED).corrupt(sample["id"].combine_chunks(), sample["copy"].combine_chunks(), clean)
    counts = _counts([decode(edits) for edits in encoded.to_pylist()])
    return Noise(
        cer=MeasuredNoise.ratio(_distances(clean, noisy), _lengths(clean)),
        unchanged=_share(_equal(clean, noisy)),
        events={operation: _share(counts[operation]) for operation in OPERATIONS},
    )


def _without_nulls(table: pa.Table) -> tuple[pa.Table, NDArray[np.int64]]:
    """The rows without nulls, and their places in the table."""
    valid = np.logical_and.reduce([column.is_valid().to_numpy() for column in table.columns])
    places = np.flatnonzero(valid)
    return table.take(places), places


def _decoded(encoded: bytes) -> list[Edit] | None:
    """Edits, or None where the bytes are none."""
    try:
        return decode(encoded)
    except InputError:
        return None


def _faithful(clean: str, noisy: str, edits: list[Edit] | None) -> bool:
    try:
        return edits is not None and replay(clean, edits) == noisy and undo(noisy, edits) == clean
    except InputError:
        return False


def _counts(edits: Sequence[Sequence[Edit] | None]) -> dict[str, Floats]:
    """Events of each operation in each pair."""
    counted = [Counter(edit.op for edit in of_pair or ()) for of_pair in edits]
    return {operation: np.array([count[operation] for count in counted], dtype=np.float64) for operation in OPERATIONS}


def _distances(clean: pa.Array, noisy: pa.Array) -> Floats:
    distances: Floats = process.cpdist(
        clean.to_pylist(), noisy.to_pylist(), scorer=Levenshtein.distance, dtype=np.float64
    )
    return distances


def _lengths(column: pa.Array) -> Floats:
    return np.asarray(pc.utf8_length(column), dtype=np.float64)


def _equal(clean: pa.Array, noisy: pa.Array) -> Floats:
    return np.asarray(pc.equal(clean, noisy), dtype=np.float64)


def _share(values: Floats) -> MeasuredNoise:
    return MeasuredNoise.ratio(values, np.ones_like(values))


def _allowed(whole: pa.Table, noise: ResolvedProfile) -> set[str]:
    """Characters that a noisy text may hold."""
    confused = {character for noisy in noise.profile.confusions.values() for character in noisy}
    return set("".join(whole["clean"].to_pylist())) | set(noise.alphabet) | confused


def _spread(values: NDArray[Any], places: NDArray[np.int64], rows: int) -> pa.Array:
    """A column with the values at their places and nulls elsewhere."""
    column = np.empty(rows, dtype=object)
    column[places] = values
    return pa.array(column)
