"""A dataset's Parquet files as one table, and the suite for its schema, which needs nothing of the rows."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote

from mendel.core import lake
from mendel.core.errors import InputError
from mendel.core.manifest import InputEntry
from mendel.core.stage import Context
from mendel.quality.suite import Suite, expect

if TYPE_CHECKING:
    import pyarrow as pa

SCHEMAS = {
    "corpus": {
        "id": "string",
        "doc": "string",
        "position": "int32",
        "year": "int32",
        "split": "string",
        "text": "string",
    },
    "pairs": {
        "id": "string",
        "record_id": "string",
        "copy": "int32",
        "split": "string",
        "clean": "string",
        "noisy": "string",
        "edits": "binary",
    },
}
"""Column names and Arrow types. `split` may stand in the folder's name alone, as Spark writes it."""
FOLDER = "folder"
"""Column that `read` adds: the split that the file's folder names."""


def schema_suite(subject: str, context: Context, entry: InputEntry) -> Suite:
    """One row per file, one column per column of the schema: its type in that file, or 'absent'."""
    import great_expectations.expectations as gxe
    import pandas as pd
    import pyarrow.parquet as pq

    expected = SCHEMAS[subject]
    rows = []
    for uri, _ in _files(context, entry):
        with lake.open_uri(uri) as file:
            types = {field.name: _kind(field.type) for field in pq.read_schema(file)}
        further = ", ".join(sorted(types.keys() - expected.keys()))
        columns = {name: types.get(name, "string" if name == "split" else "absent") for name in expected}
        rows.append({"file": uri, **columns, "further columns": further})
    return Suite(
        name=f"{subject}_schema",
        frame=pd.DataFrame(rows),
        key="file",
        expectations=[
            *(
                expect(
                    f"files_with_another_type_of_{name}",
                    f"in every file, column {name} is {kind}",
                    gxe.ExpectColumnValuesToBeInSet,
                    column=name,
                    value_set=[kind],
                )
                for name, kind in expected.items()
            ),
            expect(
                "files_with_further_columns",
                f"no file has a column besides {', '.join(expected)}",
                gxe.ExpectColumnValuesToBeInSet,
                column="further columns",
                value_set=[""],
            ),
        ],
    )


def read(context: Context, entry: InputEntry) -> pa.Table:
    """All rows, ordered by id, the columns of the schema and `folder`."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema([(name, getattr(pa, kind)()) for name, kind in SCHEMAS[entry.name].items()])
    parts = []
    for uri, folder in _files(context, entry):
        with lake.open_uri(uri) as file:
            part = pq.read_table(file)
        named = pa.array([folder] * len(part), pa.string())
        if "split" not in part.column_names:
            part = part.append_column("split", named)
        parts.append(part.select(schema.names).cast(schema).append_column(FOLDER, named))
    return pa.concat_tables(parts).sort_by("id")


def _files(context: Context, entry: InputEntry) -> list[tuple[str, str]]:
    """URIs of the files below `split=…`, with the split that the folder names. Raises InputError if there is none."""
    files = [
        (uri, unquote(folder[1]))
        for uri in context.uris(entry, ".parquet")
        if (folder := re.search(r"/split=([^/]+)/", uri))
    ]
    if not files:
        raise InputError(f"{entry.uri} lists no Parquet file below a folder split=…; make it again with --force")
    return files


def _kind(kind: pa.DataType) -> str:
    """A type's name that is the same for `string` and `large_string`, which writers exchange at will."""
    return str(kind).replace("large_", "").replace("_view", "")
