"""In the executors: the restorer, loaded once by each and kept until another model is current."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator

import pyarrow as pa

from mendel.core import log
from mendel.inference import restored
from mendel.promotion.champions import Resolved
from mendel.restorers.restorer import Restorer

_loaded: dict[Resolved, Restorer] = {}
"""The one model that this worker holds. Spark keeps its Python workers from one micro-batch to the next."""


def restorer(
    model: Resolved, threshold: float | None
) -> Callable[[Iterable[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """The function for `mapInArrow` that makes rows of the restored dataset from records.

    Changes less sure (0 to 1) than `threshold` are left out.
    """

    def restore(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            texts = batch["text"].to_pylist()
            restorations = restored.restorations(load(model), texts, threshold)
            yield restored.rows(batch, texts, restorations, model.registered)

    return restore


def load(model: Resolved) -> Restorer:
    """The model's restorer; the one that was held before is let go first."""
    if model not in _loaded:
        _loaded.clear()
        started = time.monotonic()
        _loaded[model] = Restorer.load(str(model.local()))
        log.configure()
        seconds = round(time.monotonic() - started, 2)
        log.log.info("model loaded", version=model.version, worker=os.getpid(), seconds=seconds)
    return _loaded[model]
