"""The suite `corpus`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import great_expectations.expectations as gxe
import pyarrow as pa
from great_expectations.expectations.row_conditions import Column

from mendel.manifest import Manifest
from mendel.quality import texts
from mendel.quality.suite import Suite, expect

if TYPE_CHECKING:
    from mendel.quality.stage import ValidateCorpus


def build(config: ValidateCorpus, table: pa.Table, found: Manifest) -> Suite:
    """`table` is `dataset.read`'s; the manifest tells the rows and the training texts' alphabet."""
    outside = texts.holds_others(table["text"], texts.character_class(found.metrics["alphabet"]))
    measured = {**texts.measure(config, table, "text"), "outside_alphabet": outside.cast(pa.float64())}
    return Suite(
        name="corpus",
        frame=texts.frame(table, measured),
        key="id",
        expectations=[
            *texts.not_null(["id", "doc", "position", "split", "text"]),
            *texts.expectations(config, "text", found.rows),
            expect("repeated_texts", "text is unique", gxe.ExpectColumnValuesToBeUnique, column="text"),
            texts.at_most(
                "outside_alphabet", config.outside_alphabet, "of the texts hold a character that no training text holds"
            ),
            *(
                expect(
                    f"years_outside_{split}",
                    f"the years of split {split} are {first} to {last}",
                    gxe.ExpectColumnValuesToBeBetween,
                    column="year",
                    min_value=first,
                    max_value=last,
                    row_condition=Column("split") == split,
                )
                for split, (first, last) in config.years.items()
            ),
        ],
    )
