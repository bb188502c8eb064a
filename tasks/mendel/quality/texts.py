"""What corpus and pairs have in common: rows with an id, a split and a clean text.

Quantities are measured as columns beside the text, vectorised in Arrow, so that built-in expectations can judge them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import great_expectations.expectations as gxe
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from mendel.core.errors import InputError
from mendel.quality.dataset import FOLDER
from mendel.quality.suite import expect

if TYPE_CHECKING:
    from great_expectations.expectations.expectation import Expectation

    from mendel.quality.bounds import Shares, TextBounds

REPLACEMENT = r"\x{FFFD}"
"""What decoders put where they could not read: a symbol by its category, damage by its meaning."""


def frame(table: pa.Table, measured: dict[str, pa.Array]) -> pd.DataFrame:
    """A table with measured columns, for Great Expectations. Integers with nulls stay integers."""
    for name, column in measured.items():
        table = table.append_column(name, column)
    converted: pd.DataFrame = table.to_pandas(types_mapper={pa.int32(): pd.Int32Dtype()}.get)
    return converted


def measure(config: TextBounds, table: pa.Table, text: str) -> dict[str, pa.Array]:
    """Columns that `expectations` judges."""
    return {
        **{share_of(split): _as_number(pc.equal(table["split"], split)) for split in config.splits},
        "misplaced": pc.not_equal(table["split"], table[FOLDER]),
        "crosses_splits": crosses_splits(table[text], table["split"]),
        "other_characters": _as_number(holds_others(table[text], config.characters)),
    }


def expectations(config: TextBounds, text: str, rows: int) -> list[Expectation]:
    """Expectations of rows, ids, splits and clean texts; the manifest says how many rows there are."""
    shortest, longest = config.length
    return [
        expect("rows", f"there are {rows:,} rows, as the manifest says", gxe.ExpectTableRowCountToEqual, value=rows),
        expect("repeated_ids", "id is unique", gxe.ExpectColumnValuesToBeUnique, column="id"),
        expect(
            "unknown_splits",
            f"split is one of {', '.join(config.splits)}",
            gxe.ExpectColumnValuesToBeInSet,
            column="split",
            value_set=list(config.splits),
        ),
        *(expectation for split in config.splits for expectation in _of_split(split, config.splits[split])),
        never("misplaced", "every row lies in the folder of its split"),
        never("crosses_splits", "no text is in two splits, punctuation and letter case aside (leakage)"),
        expect(
            f"{text}_outside_length",
            f"{text} has {shortest} to {longest} characters",
            gxe.ExpectColumnValueLengthsToBeBetween,
            column=text,
            min_value=shortest,
            max_value=longest,
        ),
        at_most(
            "other_characters",
            config.other_characters,
            f"of the texts hold a character besides [{config.characters}]",
        ),
    ]


def _of_split(split: str, share: Shares) -> list[Expectation]:
    column = share_of(split)
    low, high = share
    return [
        expect(
            f"rows_of_{split}",
            f"split {split} has rows",
            gxe.ExpectColumnSumToBeBetween,
            column=column,
            min_value=1,
        ),
        expect(
            column,
            f"{low:.1%} to {high:.1%} of the rows are in split {split}",
            gxe.ExpectColumnMeanToBeBetween,
            column=column,
            min_value=low,
            max_value=high,
        ),
    ]


def not_null(columns: list[str]) -> list[Expectation]:
    return [
        expect(f"null_{name}", f"{name} is never null", gxe.ExpectColumnValuesToNotBeNull, column=name)
        for name in columns
    ]


def never(column: str, description: str) -> Expectation:
    """A flag that no row may carry."""
    return expect(column, description, gxe.ExpectColumnValuesToBeInSet, column=column, value_set=[False])


def at_most(column: str, share: float, description: str) -> Expectation:
    """A flag, as 0 and 1, that at most this share of rows may carry."""
    words = f"at most {share:.1%} {description}"
    return expect(column, words, gxe.ExpectColumnMeanToBeBetween, column=column, min_value=0, max_value=share)


def share_of(split: str) -> str:
    return f"share_of_{split}"


def normalised(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    """Words in lower case, single spaces between them; a text without words stays as it is."""
    words = pc.utf8_trim(pc.replace_substring_regex(pc.utf8_lower(texts), r"[^\p{L}\p{N}_]+", " "), " ")
    return pc.if_else(pc.equal(words, ""), texts, words)


def crosses_splits(texts: pa.ChunkedArray, splits: pa.ChunkedArray) -> pa.Array:
    """For each row, whether its normalised text is in another split too."""
    rows = pa.table({"text": normalised(texts), "split": splits})
    spread = rows.group_by("text").aggregate([("split", "count_distinct")])
    crossing = spread.filter(pc.greater(spread["split_count_distinct"], 1))["text"]
    return pc.is_in(rows["text"], crossing)


def character_class(characters: Iterable[str]) -> str:
    """Characters as the inside of an RE2 character class."""
    return "".join(f"\\x{{{ord(character):X}}}" for character in sorted(characters))


def holds_others(texts: pa.ChunkedArray, characters: str) -> pa.ChunkedArray:
    """For each text, whether it holds a character outside an RE2 class, or the replacement character."""
    try:
        return pc.match_substring_regex(texts, f"[^{characters}]|{REPLACEMENT}")
    except pa.ArrowInvalid as error:
        raise InputError(f"characters {characters!r} is not the inside of an RE2 character class: {error}") from error


def _as_number(flags: pa.ChunkedArray) -> pa.ChunkedArray:
    """0 and 1, so that the mean is a share."""
    return flags.cast(pa.float64())
