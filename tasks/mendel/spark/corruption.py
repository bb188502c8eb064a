"""The Spark job: corpus Parquet in, pairs Parquet out, the kernel between them through `mapInArrow`."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.functions import col, xxhash64

from mendel.core.errors import InputError
from mendel.core.lake import spark_uri
from mendel.noise.kernel import Kernel
from mendel.noise.pairs import COLUMNS
from mendel.noise.profile import ResolvedProfile
from mendel.spark import failures
from mendel.spark.settings import deployed

JAVA = 17
JAVA_MODULE = "jdk.incubator.vector"
SAMPLE = 100_000
"""Records to fit a noise profile to: their alphabet is the corpus's, and they fit a driver's memory."""

DEFAULTS = {
    "spark.app.name": "mendel",
    "spark.master": "local[*]",
    "spark.log.level": "ERROR",
    # Most of a driver's time goes into its start: half as much without the optimising compiler. On a cluster the work is
    # the executors', who keep theirs; for gigabytes in local mode, set this to nothing (in MENDEL_SPARK).
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": str(sys.stderr.isatty()).lower(),
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.parquet.compression.codec": "zstd",
    "spark.sql.maxConcurrentOutputFileWriters": "8",  # one for each split: else rows are sorted by split first
    "spark.hadoop.mapreduce.fileoutputcommitter.marksuccessfuljobs": "false",  # the manifest is the commit
}


@contextmanager
def session(settings: Mapping[str, str]) -> Iterator[SparkSession]:
    """A Spark session, stopped at the end: `settings` over the deployment's over the defaults.

    Raises InputError without a usable Java.
    """
    require_java()
    os.environ["PYSPARK_PYTHON"] = sys.executable  # else the workers are whichever python3 is first on PATH
    # pandas 3 is newer than what this Spark was released with; only Arrow passes between them here
    warnings.filterwarnings("ignore", "PySpark does not yet fully support pandas", FutureWarning)
    settings = {**DEFAULTS, **deployed(), **settings}
    builder = SparkSession.builder.config(map={**settings})
    if settings["spark.master"].startswith("local"):
        os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")  # whatever the machine's name resolves to
    spark = builder.getOrCreate()
    try:
        yield spark
    finally:
        spark.stop()


def require_java() -> None:
    """Raise InputError, saying what to do, unless the Java that Spark will start is one it can run on."""
    home = os.environ.get("JAVA_HOME")
    java = shutil.which("java", path=os.path.join(home, "bin") if home else None)
    remedy = (
        f"Spark needs Java {JAVA} or later with the module {JAVA_MODULE}. Run `make setup`, or install a JDK "
        f"(Debian, Ubuntu: apt-get install openjdk-{JAVA}-jre-headless; macOS: brew install openjdk@{JAVA}) "
        "and set JAVA_HOME to it"
    )
    if java is None:
        raise InputError(f"no Java found {f'in JAVA_HOME={home}' if home else 'on PATH'}. {remedy}")
    probe = subprocess.run([java, "--add-modules", JAVA_MODULE, "-version"], capture_output=True, text=True)
    version = re.search(r'version "(\d+)', probe.stderr)
    if probe.returncode or version is None or int(version[1]) < JAVA:
        output = (probe.stderr or probe.stdout).strip().splitlines()
        raise InputError(f"{java} cannot run Spark: {output[0] if output else 'it says nothing'}. {remedy}")


def read_corpus(spark: SparkSession, uris: Sequence[str], base: str) -> DataFrame:
    """The columns id, text and split of a corpus's Parquet files, which lie below `base` (`split=…` may be a folder).

    Raises InputError when a column is missing.
    """
    frame = spark.read.option("basePath", spark_uri(base)).parquet(*map(spark_uri, uris))
    columns = ["id", "text", "split"]
    if missing := [column for column in columns if column not in frame.columns]:
        raise InputError(f"the corpus {base} lacks the columns {', '.join(missing)}; it has {', '.join(frame.columns)}")
    return frame.select(*columns)


def sample(corpus: DataFrame, split: str) -> list[str]:
    """Up to SAMPLE texts of a split, chosen and ordered by a hash of the id: the same whatever the files' layout."""
    chosen = corpus.where(col("split") == split).orderBy(xxhash64("id"), "id").limit(SAMPLE)
    texts: list[str] = chosen.select("text").toArrow()["text"].to_pylist()
    if not texts:
        raise InputError(f"the corpus has no {split} records, which the noise profile is fitted to")
    return texts


def write_pairs(
    corpus: DataFrame, resolved: ResolvedProfile, seed: int, copies: Mapping[str, int], target: str
) -> None:
    """Corrupt a corpus and write the pairs below `target`: `copies` of each record, by its split.

    Raises InputError on a null and on a split without a number of copies.
    """
    parallelism = corpus.sparkSession.sparkContext.defaultParallelism
    if corpus.rdd.getNumPartitions() < parallelism:
        corpus = corpus.repartition(parallelism)
    schema = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
    pairs = corpus.mapInArrow(_corruptor(resolved, seed, copies), schema)
    with failures.as_raised():
        pairs.write.partitionBy("split").mode("append").parquet(spark_uri(target))


def _corruptor(
    resolved: ResolvedProfile, seed: int, copies: Mapping[str, int]
) -> Callable[[Iterable[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    def corrupt(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        kernel = Kernel(resolved, seed)
        for batch in batches:
            splits = batch["split"].dictionary_encode()
            if unknown := set(batch["split"].unique().to_pylist()) - set(copies):
                raise InputError(f"the corpus has records of the split {unknown.pop()}; known are {', '.join(copies)}")
            copy_counts = np.array([copies[split] for split in splits.dictionary.to_pylist()], dtype=int)[
                splits.indices
            ]
            for copy in range(max(copies.values())):
                yield _pairs(kernel, batch.filter(pa.array(copy_counts > copy)), copy)

    return corrupt


def _pairs(kernel: Kernel, batch: pa.RecordBatch, copy: int) -> pa.RecordBatch:
    copies = pa.array(np.full(len(batch), copy, dtype=np.int32))
    noisy, edits = kernel.corrupt(batch["id"], copies, batch["text"])
    # Spark's useLargeVarTypes makes strings of its own kind, which Arrow joins to no others
    ids = pc.binary_join_element_wise(batch["id"].cast(pa.string()), f"{copy}", "#")
    columns = [ids, batch["id"], batch["split"], copies, batch["text"], noisy, edits]
    return pa.RecordBatch.from_arrays(columns, names=list(COLUMNS))
