"""The reference: what a model makes of its own validation text, so that both sides went through the same restorer."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mendel.drift import features
from mendel.drift.features import RestoredRecord
from mendel.inference import restored
from mendel.restorers.restorer import Restorer

if TYPE_CHECKING:
    import pyarrow as pa

    from mendel.models.ngram import CharNgram

DATASET = "drift_reference"
FIGURES = "figures.parquet"
NGRAM = "ngram.safetensors"


def sample(texts: Sequence[str], size: int) -> list[str]:
    """At most `size` of the texts, the same ones whatever their order."""
    return sorted(texts, key=lambda text: hashlib.sha256(text.encode()).digest())[:size]


def figures(folder: Path, texts: Sequence[str], threshold: float | None) -> pa.Table:
    """Figures of noisy texts that the candidate in a local folder restores, as a batch with this threshold does."""
    restorations = restored.restorations(Restorer.load(str(folder)), texts, threshold)
    records = [
        RestoredRecord(text, each.text, round(each.confidence, restored.CONFIDENCE_DIGITS), each.fallback)
        for text, each in zip(texts, restorations, strict=True)
    ]
    return features.table(records, ngram_of(folder))


def ngram_of(folder: Path) -> CharNgram | None:
    """The candidate's n-gram model; None for kinds that have none."""
    from mendel.models.ngram import CharNgram  # loads numba

    path = folder / NGRAM
    return CharNgram.load(path) if path.exists() else None
