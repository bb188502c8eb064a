"""The dataset `restored`: what becomes of records, its columns, and its rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mendel.restorers.restorer import Restoration, Restorer

if TYPE_CHECKING:
    import pyarrow as pa

DATASET = "restored"
CONFIDENCE_DIGITS = 4
"""What lies below differs with the number of threads, and would with it make another digest."""


def restorations(restorer: Restorer, texts: Sequence[str], threshold: float | None) -> list[Restoration]:
    """One restoration for each text, without its changes less sure (0 to 1) than `threshold`."""
    return [
        restoration.surer(text, threshold or 0.0)
        for text, restoration in zip(texts, restorer.restore(texts), strict=True)
    ]


def schema() -> pa.Schema:
    """Columns of the restored dataset: `text` is restored, `ordinal` is the line or row of `file`, from 1."""
    import pyarrow as pa

    return pa.schema(
        {
            "id": pa.string(),
            "text": pa.string(),
            "original": pa.string(),
            "confidence": pa.float64(),
            "changed": pa.bool_(),
            "fallback": pa.bool_(),
            "model_version": pa.int32(),
            "file": pa.string(),
            "ordinal": pa.int64(),
        }
    )


def rows(batch: pa.RecordBatch, restorations: Sequence[Restoration], model_version: int) -> pa.RecordBatch:
    """Rows of the restored dataset (`schema`) from records' id, text, file and ordinal and what became of them."""
    import pyarrow as pa

    originals = batch.column("text").to_pylist()
    columns: dict[str, Any] = {
        "id": batch.column("id"),
        "text": [restoration.text for restoration in restorations],
        "original": batch.column("text"),
        "confidence": [round(restoration.confidence, CONFIDENCE_DIGITS) for restoration in restorations],
        "changed": [restoration.text != text for restoration, text in zip(restorations, originals, strict=True)],
        "fallback": [restoration.fallback for restoration in restorations],
        "model_version": [model_version] * len(restorations),
        "file": batch.column("file"),
        "ordinal": batch.column("ordinal"),
    }
    return pa.RecordBatch.from_pydict(columns, schema=schema())
