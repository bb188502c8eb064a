"""How fast text is corrupted: the kernel, the Spark job end to end, and three noise libraries.

The text is the corpus, repeated until it has the size. Peers get less of it, being slower by two orders of magnitude. The
Spark job is timed beside itself with the kernel replaced by a constant: noisy texts and edits that the kernel made before,
of other records. So just as much is written, which compresses just as well, and the difference is the kernel. The session
is started and warm; it and all that it starts are pinned to as many cores as it has task slots.

    make bench ONLY=corruption  # or, once that has installed the peers:
    .venv/bin/python bench/corruption.py [--full]

Prints a table and writes bench/results/corruption.json.
"""

from __future__ import annotations

import argparse
import math
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
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

from mendel.core import config
from mendel.core.threads import available
from mendel.noise.calibrate import resolve
from mendel.noise.kernel import Kernel
from mendel.noise.profile import NoiseProfile, ResolvedProfile

BATCH = 10_000
"""Records: what Spark hands over at a time."""
FILES = 8
SIZES = [1, 10, 100, 1000]
"""Megabytes."""
WARM_MB, WARM_ROUNDS = 20, 2
"""What the Java compiler sees before anything is timed."""
ONCE_MB = 500
"""From this size on, one run of each instead of the best of several."""
SPARK = {"spark.driver.extraJavaOptions": ""}
"""As the stage runs for gigabytes: the optimising compiler and the JVM's own choice of a collector."""
SENTENCES = 1_500
"""Of the peers."""
LEVEL = 0.05
"""Noise of the peers: about as many characters go wrong as with ours."""


def grown(texts: pa.StringArray, first: int, rows: int) -> pa.Table:
    """Records: the texts in turn, each with an id of its own, from number `first` on."""
    numbers = np.arange(first, first + rows)
    chosen = pc.take(texts, pa.array(numbers % len(texts)))
    return pa.table({"id": pc.cast(pa.array(numbers), pa.string()), "text": chosen, "split": ["train"] * rows})


def size(texts: pa.Array) -> float:
    return float(pc.sum(pc.binary_length(texts)).as_py()) / 1e6


def kernel(resolved: ResolvedProfile, texts: pa.StringArray, megabytes: float) -> dict[str, Any]:
    """One core, edits recorded."""
    corrupt = Kernel(resolved, 1).corrupt
    copies = pa.array(np.zeros(BATCH, np.int32))
    corrupt(texts[:9], copies[:9], texts[:9])  # compiled
    first, volume, seconds = 0, 0.0, 0.0
    rows = min(BATCH, round(len(texts) * megabytes / size(texts)))
    while volume < megabytes:
        (batch,) = grown(texts, first, rows).to_batches()
        began = time.perf_counter()
        corrupt(batch["id"], copies[:rows], batch["text"])
        seconds += time.perf_counter() - began
        first, volume = first + rows, volume + size(batch["text"])
    return row("mendel kernel", volume, seconds, 1, common.peak_megabytes())


def peer(name: str, texts: pa.StringArray) -> dict[str, Any]:
    """One core; single sentences, as these libraries take them."""
    corrupt = PEERS[name]()
    corrupt(texts[0].as_py())
    sample = texts[:SENTENCES]
    sentences = sample.to_pylist()
    began = time.perf_counter()
    for text in sentences:
        corrupt(text)
    return row(name, size(sample), time.perf_counter() - began, 1, common.peak_megabytes())


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


def spark(
    resolved: ResolvedProfile, texts: pa.StringArray, sizes: Sequence[float], rounds: int
) -> list[dict[str, Any]]:
    """The job, Parquet to Parquet, and the same job with a constant in the kernel's place, turn about; best of each."""
    from mendel.spark import corruption as job

    cores = available()
    rows = []
    with tempfile.TemporaryDirectory() as name, job.session(SPARK | {"spark.master": f"local[{cores}]"}) as session:
        folder = Path(name)
        write_constant(resolved, texts, folder / "constant.arrow")
        kernels = {"real": Kernel, "constant": constant(folder / "constant.arrow")}

        def run(system: str) -> float:
            uris = [path.as_uri() for path in (folder / "corpus").iterdir()]
            frame = job.read_corpus(session, uris, (folder / "corpus").as_uri())
            began = time.perf_counter()
            with mock.patch.object(job, "Kernel", kernels[system]):
                job.write_pairs(frame, resolved, 1, {"train": 1}, (folder / "pairs").as_uri())
            seconds = time.perf_counter() - began
            shutil.rmtree(folder / "pairs")
            return seconds

        write_corpus(texts, WARM_MB, folder / "corpus")
        for _ in range(WARM_ROUNDS):
            run("real"), run("constant")
        for megabytes in sizes:
            megabytes = write_corpus(texts, megabytes, folder / "corpus")
            with Peak() as peak:
                turns = [(run("real"), run("constant")) for _ in range(rounds if megabytes < ONCE_MB else 1)]
            seconds, baseline = map(min, zip(*turns, strict=True))
            rows += [
                row("mendel Spark job", megabytes, seconds, cores, peak.megabytes)
                | {"share_of_constant": baseline / seconds},
                row("Spark job, constant", megabytes, baseline, cores),
            ]
    return rows


def write_corpus(texts: pa.StringArray, megabytes: float, folder: Path) -> float:
    """A corpus in FILES Parquet files, in the place of the one that was there; gives its size."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    rows = math.ceil(len(texts) * megabytes / size(texts) / FILES)
    written = 0.0
    for number in range(FILES):
        table = grown(texts, number * rows, rows)
        pq.write_table(table, folder / f"{number}.parquet", compression="zstd", row_group_size=100_000)
        written += size(table["text"])
    return written


def write_constant(resolved: ResolvedProfile, texts: pa.StringArray, path: Path) -> None:
    """Noisy texts and edits as the kernel makes them, for workers to map into memory."""
    output = Kernel(resolved, 2).corrupt(texts, pa.array(np.zeros(len(texts), np.int32)), texts)
    table = pa.table({"noisy": output.noisy, "edits": output.edits})
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table)


def constant(path: Path) -> type:
    """In the kernel's place: whatever comes in, noisy texts and edits from a file, in turn."""
    source = str(path)

    class Constant:  # here, so that it goes to the workers by value
        def __init__(self, resolved: ResolvedProfile, seed: int) -> None:
            (self._output,) = pa.ipc.open_file(pa.memory_map(source)).read_all().to_batches()
            self._first = 0

        def corrupt(self, ids: pa.StringArray, copies: pa.Array, clean: pa.StringArray) -> list[pa.Array]:
            if self._first + len(ids) > len(self._output):
                self._first = 0
            self._first += len(ids)
            columns: list[pa.Array] = self._output.slice(self._first - len(ids), len(ids)).columns
            return columns

    return Constant


class Peak:
    """The most memory that this process and all below it held meanwhile, shared pages counted once."""

    def __enter__(self) -> Peak:
        self.megabytes = 0.0
        self._end = threading.Event()
        self._watch = threading.Thread(target=self._look)
        self._watch.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._watch.join()

    def _look(self) -> None:
        while not self._end.wait(0.5):
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
    parser.add_argument("--full", action="store_true", help="best of nine runs of the Spark job instead of three")
    arguments = parser.parse_args()
    described = common.machine()
    common.prepare()
    sentences = common.sentences("train")
    profile = NoiseProfile.model_validate(config.load((common.REPO / "include" / "noise" / "default.yaml").as_uri()))
    resolved, texts = resolve(profile, sentences, 1), pa.array(sentences, pa.string())
    rows = [common.alone(peer, name, texts) for name in PEERS]
    rows += [common.alone(kernel, resolved, texts, megabytes) for megabytes in SIZES]
    for cores in sorted({1, available()}):
        rows += common.pinned(cores, spark, resolved, texts, SIZES, 9 if arguments.full else 3)
    columns = {"system": "", "size_mb": ",.1f", "cores": "d", "mb_per_second": ".1f", "mb_per_second_per_core": ".1f"}
    for figures in rows:
        figures.setdefault("share_of_constant", None)
    common.report("corruption", described, rows, columns | {"share_of_constant": ".0%", "memory_mb": ",.0f"})


if __name__ == "__main__":
    main()
