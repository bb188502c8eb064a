"""The dataset `restored`: what becomes of records, its columns, and its rows."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from mendel.restorers import pieces
from mendel.restorers.restorer import Restoration, Restorer

if TYPE_CHECKING:
    import pyarrow as pa

DATASET = "restored"
FILES = "files"
"""Folder of a version with files of the inbox, restored."""
FORGOTTEN = "forgotten"
"""Of a version's metrics: how many of its texts `mendel forget` has removed."""
SPECIAL = re.compile(r"[%*?#:\\\[\]\x00-\x1f]")
"""What some store reads as more than a character of a name."""
LONGEST = 10_000
"""Characters of a text that is given to a restorer whole, with others."""
PIECES = 64
"""Of a longer one, that it is given at once."""
CONFIDENCE_DIGITS = 4
"""What lies below differs with the number of threads, and would with it make another digest."""


def file_path(name: str) -> str:
    """Where a file of the inbox lies in a version, restored: under its name, special characters written as in URLs."""
    return f"{FILES}/{SPECIAL.sub(lambda match: f'%{ord(match[0]):02X}', PurePosixPath(name).name)}"


def restorations(restorer: Restorer, texts: Sequence[str], threshold: float | None) -> list[Restoration]:
    """One restoration for each text, without its changes less sure (0 to 1) than `threshold`.

    A text longer than LONGEST is restored by itself, some pieces at a time, so that none is too long for the memory.
    """
    answers = iter(restorer.restore([text for text in texts if len(text) <= LONGEST]))
    whole = [next(answers) if len(text) <= LONGEST else _piece_by_piece(restorer, text) for text in texts]
    return [restoration.surer(text, threshold or 0.0) for text, restoration in zip(texts, whole, strict=True)]


def _piece_by_piece(restorer: Restorer, text: str) -> Restoration:
    from mendel.restorers.document import DocumentContext  # loads numba

    parts, document = pieces.cut(text, restorer.language), DocumentContext([text])
    answers: list[Restoration] = []
    for start in range(0, len(parts), PIECES):
        some = [piece.text for piece in parts[start : start + PIECES]]
        answers += restorer.restore(some, [document] * len(some))
    return pieces.join(parts, answers)


def schema() -> pa.Schema:
    """Columns of the restored dataset.

    `text` is restored; `ordinal` is the line or row of `file`, from 1, null where the file is one document; `extra` is a
    JSON object of the record's other keys or columns, null where there are none.
    """
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
            "extra": pa.string(),
        }
    )


def rows(
    batch: pa.RecordBatch, originals: Sequence[str], restorations: Sequence[Restoration], model_version: int
) -> pa.RecordBatch:
    """Rows of the restored dataset (`schema`) from records' id, file, ordinal and extra, texts, and what became of them."""
    import pyarrow as pa

    columns: dict[str, Any] = {
        "id": batch.column("id"),
        "text": [restoration.text for restoration in restorations],
        "original": originals,
        "confidence": [round(restoration.confidence, CONFIDENCE_DIGITS) for restoration in restorations],
        "changed": [restoration.text != text for restoration, text in zip(restorations, originals, strict=True)],
        "fallback": [restoration.fallback for restoration in restorations],
        "model_version": [model_version] * len(restorations),
        "file": batch.column("file"),
        "ordinal": batch.column("ordinal"),
        "extra": batch.column("extra"),
    }
    return pa.RecordBatch.from_pydict(columns, schema=schema())
