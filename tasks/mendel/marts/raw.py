"""What dbt reads: the lake's tables as they are, without a column that holds text. Runs in dbt's environment."""

from __future__ import annotations

import pyarrow as pa

from mendel.core.prices import Prices
from mendel.evaluation.scores import CAUSES
from mendel.lakehouse import json_views, query

_EVALUATION = ("characters", "words", "errors", "aligned", "word_errors", *(f"errors_{cause}" for cause in CAUSES))


def _of_json(name: str, *left_out: str) -> pa.Schema:
    return pa.schema([field for field in json_views.SCHEMAS[name] if field.name not in left_out])


SCHEMAS = {
    "versions": _of_json("versions"),
    "prices": pa.schema({name: pa.string() if name == "currency" else pa.float64() for name in Prices.model_fields}),
    "decisions": _of_json("decisions", "reasons", "rejected_by"),
    "rejected": _of_json("rejected", "detail", "excerpt"),
    "feedback": _of_json("feedback", "caller", "text", "original", "replacement"),
    "restored": pa.schema({"dt": pa.date32(), "changed": pa.bool_(), "fallback": pa.bool_()}),
    "evaluation": pa.schema(
        {"dt": pa.date32(), "pair": pa.string(), "system": pa.string(), **dict.fromkeys(_EVALUATION, pa.int64())}
    ),
    "drift": pa.schema(
        {
            "dt": pa.date32(),
            "test": pa.string(),
            "statistic": pa.float64(),
            "threshold": pa.float64(),
            "over": pa.bool_(),
        }
    ),
}
"""Columns by table: no texts, and no names of people."""


def read(root: str, name: str, prices: Prices | None = None) -> pa.Table:
    """A table of SCHEMAS as it is now. One without data has no rows, and a column that an older table lacks is null."""
    schema = SCHEMAS[name]
    if name == "prices":
        return pa.Table.from_pylist([prices.model_dump()] if prices else [], schema=schema)
    source = query.source(root, name)
    if source is None:
        return schema.empty_table()
    if isinstance(source, pa.Table):
        return source.select(schema.names).cast(schema)
    rows = source.to_table(columns=[column for column in schema.names if column in source.schema.names])
    return pa.table(
        {
            field.name: rows[field.name].cast(field.type)
            if field.name in rows.column_names
            else pa.nulls(rows.num_rows, field.type)
            for field in schema
        },
        schema=schema,
    )
