"""Runs a system over a sample: what it makes of the sentences, and how fast."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from mendel.core.frozen import Frozen
from mendel.core.log import log, track
from mendel.evaluation.scores import Changes, Output, Sample
from mendel.restorers.restorer import Restoration, Restorer, spans

Restore = Callable[[Sequence[str]], Sequence[Restoration]]
"""Texts in, restorations out, in order; equal texts give equal ones."""

BATCH = 256
"""Texts per call: enough for a restorer to sort by length, few enough to show progress."""
SINGLE_CALLS = 30


class System(NamedTuple):
    """One of those that are compared."""

    name: str
    restore: Restore
    ablation: bool = False
    """Shows what a part is worth; only the noisy sentences tell that."""

    @classmethod
    def of(cls, name: str, restorer: Restorer, ablation: bool = False) -> System:
        return cls(name, restorer.restore, ablation)

    @classmethod
    def of_texts(cls, name: str, correct: Callable[[Sequence[str]], list[str]]) -> System:
        """One that gives texts alone: it is sure of all that it changes."""

        def restore(texts: Sequence[str]) -> list[Restoration]:
            return [
                Restoration(text=after, confidence=1.0, edits=spans(before, after), fallback=False)
                for before, after in zip(texts, correct(texts), strict=True)
            ]

        return cls(name, restore)


class Speed(Frozen):
    """How fast a system is on this machine."""

    chars_per_second: float
    """Of the noisy sentences, in batches."""
    latency_p50_seconds: float
    """For one sentence by itself: median, and 95th percentile below."""
    latency_p95_seconds: float

    @classmethod
    def of(cls, characters: int, seconds: float, singles: Sequence[float]) -> Speed:
        p50, p95 = np.quantile(singles, [0.5, 0.95])
        return cls(
            chars_per_second=characters / seconds, latency_p50_seconds=float(p50), latency_p95_seconds=float(p95)
        )


def apply(system: System, sample: Sample) -> tuple[Output, float]:
    """What a system makes of the noisy sentences and, unless it is an ablation, of the untouched and the foreign ones.

    Also gives the seconds that the noisy sentences took.
    """
    started = time.perf_counter()
    by_text = restorations(system, sample.noisy, "noisy")
    seconds = time.perf_counter() - started
    log.info("restored", system=system.name, sentences=len(sample.ids), seconds=round(seconds, 1))
    if system.ablation:
        return Output([by_text[text].text for text in sample.noisy]), seconds
    # Sentences that the noise spared are known already.
    by_text |= restorations(system, [text for text in sample.untouched if text not in by_text], "clean")
    foreign = [text for _, text in sample.foreign]
    by_text |= restorations(system, [text for text in foreign if text not in by_text], "foreign")
    noisy, untouched, of_foreign = (
        [by_text[text] for text in texts] for texts in (sample.noisy, sample.untouched, foreign)
    )
    return Output(
        restored=[restoration.text for restoration in noisy],
        of_untouched=[restoration.text for restoration in untouched],
        of_foreign=[restoration.text for restoration in of_foreign],
        changes=Changes(*([restoration.edits for restoration in group] for group in (noisy, untouched, of_foreign))),
    ), seconds


def latencies(restore: Restore, texts: Sequence[str]) -> list[float]:
    """Seconds for one text by itself, of several texts. Compiles on the way what has to be."""
    restore(texts[:1])
    seconds = []
    for text in texts[:SINGLE_CALLS]:
        started = time.perf_counter()
        restore([text])
        seconds.append(time.perf_counter() - started)
    return seconds


def restorations(system: System, texts: Sequence[str], which: str) -> dict[str, Restoration]:
    """What a system makes of each text, in batches; `which` texts they are, for whom the progress is shown."""
    batches = [texts[start : start + BATCH] for start in range(0, len(texts), BATCH)]
    return {
        text: result
        for batch in track(batches, f"{system.name}: {which} sentences")
        for text, result in zip(batch, system.restore(batch), strict=True)
    }
