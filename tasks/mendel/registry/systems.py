"""Runs a system over a sample: what it makes of the noisy and of the clean sentences, and how fast."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import numpy as np

from mendel.frozen import Frozen
from mendel.log import track
from mendel.registry.scores import Output, Sample
from mendel.restoration.restorer import Restorer

Correct = Callable[[Sequence[str]], list[str]]
"""A system: texts in, texts out, in order."""

BATCH = 256
"""Texts per call: enough for a restorer to sort by length, few enough to show progress."""
SINGLE_CALLS = 30


class Speed(Frozen):
    """How fast a system is on this machine."""

    chars_per_second: float
    """Of noisy text, in large batches."""
    latency_p50_seconds: float
    """For one sentence by itself: median, and 95th percentile below."""
    latency_p95_seconds: float


def corrector(restorer: Restorer) -> Correct:
    """A restorer's texts, without its confidences."""
    return lambda texts: [restoration.text for restoration in restorer.restore(texts)]


def apply(name: str, correct: Correct, sample: Sample) -> Output:
    """What a system makes of the sample."""
    restored = _restored(correct, sample.noisy, f"{name}: noisy sentences")
    # A restorer gives equal texts equal restorations: sentences that the noise spared need not be run again.
    left = [text for text in sample.clean if text not in restored]
    restored |= _restored(correct, left, f"{name}: clean sentences")
    return Output([restored[text] for text in sample.noisy], [restored[text] for text in sample.clean])


def measure_speed(correct: Correct, texts: Sequence[str]) -> Speed:
    """Time a system: a batch, then sentences one by one. The first call, which may compile, is left out."""
    batch, singles = texts[:BATCH], texts[:SINGLE_CALLS]
    correct(texts[:1])
    p50, p95 = np.quantile([_seconds(correct, [text]) for text in singles], [0.5, 0.95])
    return Speed(
        chars_per_second=sum(map(len, batch)) / _seconds(correct, batch),
        latency_p50_seconds=float(p50),
        latency_p95_seconds=float(p95),
    )


def _restored(correct: Correct, texts: Sequence[str], what: str) -> dict[str, str]:
    batches = [texts[start : start + BATCH] for start in range(0, len(texts), BATCH)]
    return {text: result for batch in track(batches, what) for text, result in zip(batch, correct(batch), strict=True)}


def _seconds(correct: Correct, texts: Sequence[str]) -> float:
    started = time.perf_counter()
    correct(texts)
    return time.perf_counter() - started
