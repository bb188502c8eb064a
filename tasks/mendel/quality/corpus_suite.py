"""The suite `corpus`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import great_expectations.expectations as gxe
import pyarrow as pa
from great_expectations.expectations.row_conditions import Column

from mendel.core.manifest import Manifest
from mendel.quality import texts
from mendel.quality.suite import Suite, expect

SOME = 1e-9
"""A share that one row of any corpus is more than."""

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

    from mendel.quality.bounds import CorpusBounds


def build(config: CorpusBounds, table: pa.Table, version: Manifest) -> Suite:
    """`table` is `dataset.read`'s; the manifest tells the rows and the training texts' alphabet."""
    outside = texts.holds_others(table["text"], texts.character_class(version.metrics["alphabet"]))
    measured = {**texts.measure(config, table, "text"), "outside_alphabet": outside.cast(pa.float64())}
    return Suite(
        name="corpus",
        frame=texts.frame(table, measured),
        key="id",
        expectations=[
            *texts.not_null(["id", "doc", "position", "split", "text"]),
            *texts.expectations(config, "text", version.rows),
            expect("repeated_texts", "text is unique", gxe.ExpectColumnValuesToBeUnique, column="text"),
            texts.at_most(
                "outside_alphabet", config.outside_alphabet, "of the texts hold a character that no training text holds"
            ),
            *(expectation for split, years in config.years.items() for expectation in _of_years(split, *years)),
        ],
    )


def _of_years(split: str, first: int, last: int) -> list[Expectation]:
    """A null is no year outside the interval, so that a split without any year must be looked for by itself."""
    rows = {"column": "year", "row_condition": Column("split") == split}
    return [
        expect(
            f"years_unknown_{split}",
            f"the year of some row of split {split} is known",
            gxe.ExpectColumnValuesToNotBeNull,
            mostly=SOME,
            **rows,
        ),
        expect(
            f"years_outside_{split}",
            f"the years of split {split} are {first} to {last}",
            gxe.ExpectColumnValuesToBeBetween,
            min_value=first,
            max_value=last,
            **rows,
        ),
    ]
