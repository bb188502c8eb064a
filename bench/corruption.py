"""How fast text is corrupted: the kernel, the Spark job end to end, and three noise libraries.

The text is the corpus, repeated until it has the size. Peers get less of it, being slower by two orders of magnitude. The
Spark job is timed beside itself with the kernel replaced by a constant: the same columns are written, so what the kernel
costs is the difference. Its session is started and its workers are warmed before.

    .venv/bin/pip install -e '.[bench]'
    .venv/bin/python bench/corruption.py [--full]

Prints a table and writes bench/results/corruption.json.
"""

from __future__ import annotations

import argparse
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import common
import numpy as np
import psutil
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from stages import look

from mendel import config
from mendel.corruption.calibrate import resolve
from mendel.corruption.kernel import Kernel
from mendel.corruption.pairs import COLUMNS
from mendel.corruption.profile import NoiseProfile, ResolvedProfile
from mendel.threads import available

BATCH = 10_000
"""Records: what Spark hands over at a time."""
FILES = 8
CONSTANT = bytes(16)
"""As long as the edits of a sentence are on average."""
PEERS_MB = 0.2
LEVEL = 0.05
"""Noise of the peers: about as many characters go wrong as with ours."""


def grown(texts: Sequence[str], megabytes: float) -> pa.Table:
    """Records of this size in all: the texts in turn, each with an id of its own."""
    once = sum(len(text.encode()) for text in texts)
    column = pa.array(texts, pa.string())
    rows = round(len(texts) * megabytes * 1e6 / once)
    chosen = pc.take(column, pa.array(np.arange(rows) % len(texts)))
    return pa.table({"id": pc.cast(pa.array(np.arange(rows)), pa.string()), "text": chosen, "split": ["train"] * rows})


def size(table: pa.Table) -> float:
    return float(pc.sum(pc.binary_length(table["text"])).as_py()) / 1e6


def kernel(resolved: ResolvedProfile, texts: Sequence[str], megabytes: float) -> dict[str, Any]:
    """One core, edits recorded."""
    table = grown(texts, megabytes)
    batches = table.to_batches(BATCH)
    corrupt = Kernel(resolved, 1).corrupt
    copies = pa.array(np.zeros(BATCH, np.int32))
    corrupt(batches[0]["id"][:9], copies[:9], batches[0]["text"][:9])  # compiled
    began = time.perf_counter()
    for batch in batches:
        corrupt(batch["id"], copies[: len(batch)], batch["text"])
    seconds = time.perf_counter() - began
    return row("mendel kernel", size(table), seconds, 1, common.peak_megabytes())


def peer(name: str, texts: Sequence[str]) -> dict[str, Any]:
    """One core; single sentences, as these libraries take them."""
    corrupt = PEERS[name]()
    corrupt(texts[0])
    table = grown(texts, PEERS_MB)
    sentences = table["text"].to_pylist()
    began = time.perf_counter()
    for text in sentences:
        corrupt(text)
    return row(name, size(table), time.perf_counter() - began, 1, common.peak_megabytes())


def textnoisr() -> Callable[[str], Any]:
    from textnoisr.noise import CharNoiseAugmenter

    return CharNoiseAugmenter(noise_level=LEVEL, seed=1).add_noise  # type: ignore[no-any-return]


def nlpaug() -> Callable[[str], Any]:
    from nlpaug.augmenter.char import RandomCharAug

    return RandomCharAug(action="substitute", aug_char_p=LEVEL * 2, aug_word_p=0.5).augment  # type: ignore[no-any-return]


def typo() -> Callable[[str], Any]:
    """Four of its errors on each sentence: a typical sentence has a hundred characters."""
    from typo import StrErrer

    return lambda text: StrErrer(text, seed=1).char_swap().missing_char().extra_char().nearby_char().result


PEERS = {"textnoisr": textnoisr, "nlpaug": nlpaug, "typo": typo}


def spark(resolved: ResolvedProfile, texts: Sequence[str], megabytes: float, cores: int) -> list[dict[str, Any]]:
    """The job, Parquet to Parquet, and the same job with a constant in the kernel's place."""
    from mendel.corruption import spark as job

    settings = {"spark.master": f"local[{cores}]", "spark.driver.extraJavaOptions": "", "spark.driver.memory": "4g"}
    table = grown(texts, megabytes)
    with tempfile.TemporaryDirectory() as name, job.session(settings) as session:
        folder = Path(name)
        for number in range(FILES):
            part = table.slice(
                number * len(table) // FILES, (number + 1) * len(table) // FILES - number * len(table) // FILES
            )
            (folder / "corpus").mkdir(exist_ok=True)
            pq.write_table(part, folder / "corpus" / f"{number}.parquet", compression="zstd")
        megabytes = size(table)
        del table

        def run(target: str, files: int = FILES) -> float:
            uris = [(folder / "corpus" / f"{number}.parquet").as_uri() for number in range(files)]
            frame = job.read_corpus(session, uris, (folder / "corpus").as_uri())
            began = time.perf_counter()
            job.write_pairs(frame, resolved, 1, {"train": 1}, (folder / target).as_uri())
            return time.perf_counter() - began

        run("warm", files=cores)
        with Peak() as peak:
            seconds = min(run("pairs-1"), run("pairs-2"))
        with mock.patch.object(job, "_corruptor", constant):
            run("warm-constant", files=cores)
            baseline = min(run("constant-1"), run("constant-2"))
    return [
        row("mendel Spark job", megabytes, seconds, cores, peak.megabytes) | {"share_of_constant": baseline / seconds},
        row("Spark job, constant", megabytes, baseline, cores),
    ]


def constant(
    resolved: ResolvedProfile, seed: int, copies: Mapping[str, int]
) -> Callable[[Iterable[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """In the place of the job's corruptor: clean text as noisy text."""
    names, encoded = list(COLUMNS), CONSTANT

    def pairs(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            ids = pc.binary_join_element_wise(batch["id"], "0", "#")
            numbers = pa.array(np.zeros(len(batch), np.int32))
            edits = pa.array([encoded], pa.binary()).take(pa.array(np.zeros(len(batch), int)))
            columns = [ids, batch["id"], batch["split"], numbers, batch["text"], batch["text"], edits]
            yield pa.RecordBatch.from_arrays(columns, names=names)

    return pairs


class Peak:
    """The most memory that this process and all below it held meanwhile, shared pages counted once."""

    def __enter__(self) -> Peak:
        self.megabytes = 0.0
        self._done = threading.Event()
        self._watch = threading.Thread(target=self._look)
        self._watch.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._watch.join()

    def _look(self) -> None:
        while not self._done.wait(0.5):
            self.megabytes = max(self.megabytes, look(psutil.Process(), {}) / 1e6)


def row(system: str, megabytes: float, seconds: float, cores: int, memory: float | None = None) -> dict[str, Any]:
    speed = megabytes / seconds
    return {
        "system": system,
        "size_mb": megabytes,
        "mb_per_second": speed,
        "mb_per_second_per_core": speed / cores,
        "cores": cores,
        "memory_mb": memory,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="up to 1 GB instead of 100 MB")
    arguments = parser.parse_args()
    described = common.machine()
    common.prepare()
    texts = common.sentences("train")
    profile = NoiseProfile.model_validate(config.load((common.REPO / "include" / "noise" / "default.yaml").as_uri()))
    resolved = resolve(profile, texts, 1)
    sizes = [1, 10, 100, 1000] if arguments.full else [1, 10, 100]
    rows = [common.alone(peer, name, texts) for name in PEERS]
    rows += [common.alone(kernel, resolved, texts, megabytes) for megabytes in sizes]
    for cores in sorted({1, available()}):
        for megabytes in sizes[1:]:
            rows += spark(resolved, texts, megabytes, cores)
    columns = {"system": "", "size_mb": ",.1f", "cores": "d", "mb_per_second": ".1f", "mb_per_second_per_core": ".1f"}
    for each in rows:
        each.setdefault("share_of_constant", None)
    common.report("corruption", described, rows, columns | {"share_of_constant": ".0%", "memory_mb": ",.0f"})


if __name__ == "__main__":
    main()
