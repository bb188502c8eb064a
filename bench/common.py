"""What the benches share: the machine's description, a lake of their own, processes of one core, result files.

The lake lies under `.mendel/bench` and stays: the second bench, or the second run, finds its stages done.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import psutil
from rich.console import Console
from rich.table import Table

from mendel.core import lake, manifest
from mendel.core.manifest import Manifest
from mendel.noise import pairs

REPO = Path(__file__).resolve().parent.parent
RESULTS = REPO / "bench" / "results"
FOLDER = REPO / ".mendel" / "bench"
ROOT = (FOLDER / "lake").as_uri()
CONFIG = REPO / "include" / "pipelines" / "demo.yaml"
RECIPES = REPO / "include" / "recipes"
MENDEL = Path(sys.executable).with_name("mendel")
PARTITION = "2026-11-02"

Result = TypeVar("Result")


class Candidate(NamedTuple):
    """A restorer that was fitted on the lake's pairs."""

    folder: str
    seconds: float
    """Of fitting: models, weights and threshold; compilation and loading too."""
    megabytes: float
    """On disk, the base model's weights not counted."""


def prepare() -> Manifest:
    """The pairs of the demo's corpus, made where they are not there yet; stages as a user runs them."""
    for stage in ("ingest", "validate corpus", "corrupt", "validate pairs"):
        run(stage)
    return current("pairs")


def candidate(recipe: str, settings: Sequence[str] = ()) -> Candidate:
    """The restorer of a recipe in include/recipes, fitted where it is not there yet."""
    run("finetune", "--set", f"recipe=@{RECIPES / recipe}.yaml", *settings)
    version = current("candidate")
    seconds = sum(version.metrics["seconds"].values())
    return Candidate(lake.join(ROOT, version.folder), seconds, sum(file.bytes for file in version.files) / 1e6)


def run(stage: str, *options: str) -> None:
    """One stage. Raises SystemExit with the end of what it said when it fails."""
    environment = os.environ | {
        "MENDEL_LAKE": ROOT,
        "MLFLOW_TRACKING_URI": f"sqlite:///{FOLDER}/mlflow.db",
        "GIT_PYTHON_REFRESH": "quiet",
    }
    FOLDER.mkdir(parents=True, exist_ok=True)
    command = [str(MENDEL), *stage.split(), "-c", str(CONFIG), "-p", PARTITION, *options]
    process = subprocess.run(command, env=environment, cwd=REPO, capture_output=True, text=True)
    if process.returncode:
        sys.exit(f"mendel {stage}: exit code {process.returncode}\n{(process.stdout + process.stderr)[-3000:]}")


def current(dataset: str) -> Manifest:
    version = manifest.current(ROOT, dataset, PARTITION)
    assert version is not None, f"{dataset} was just made"
    return version


def sentences(split: str, column: str = "clean") -> list[str]:
    """Sentences of the lake's pairs, in the order of a hash: any first part is a fair sample."""
    folder = lake.join(ROOT, current("pairs").folder)
    uris = [uri for uri in lake.list_files(folder) if uri.endswith(".parquet")]
    texts: list[str] = pairs.read(uris, splits=[split], columns=[column])[column].to_pylist()
    return sorted(texts, key=lambda text: hashlib.sha256(text.encode()).digest())


def alone(function: Callable[..., Result], *arguments: Any) -> Result:
    """The function's result, from a new process on one core; compiled and loaded anew."""
    return pinned(1, function, *arguments)


def pinned(cores: int, function: Callable[..., Result], *arguments: Any) -> Result:
    """The same, on this many cores: all that the process starts stays on them."""
    return _from_process(partial(_pin, cores), function, *arguments)


def fresh(function: Callable[..., Result], *arguments: Any) -> Result:
    """The same, on all cores."""
    return _from_process(None, function, *arguments)


def _from_process(begin: Callable[[], None] | None, function: Callable[..., Result], *arguments: Any) -> Result:
    with ProcessPoolExecutor(1, get_context("spawn"), initializer=begin) as pool:
        return pool.submit(function, *arguments).result()


def _pin(cores: int) -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-cores:])


def peak_megabytes() -> float:
    """The most memory that this process has held."""
    if (status := Path("/proc/self/status")).exists():
        return int(status.read_text().partition("VmHWM:")[2].split()[0]) / 1024
    return float(psutil.Process().memory_info().rss / 1e6)


def machine() -> str:
    """Processor, cores, memory, GPUs, system and load."""
    model = platform.processor() or platform.machine()
    if (info := Path("/proc/cpuinfo")).exists():
        model = next((line.split(": ")[1] for line in info.read_text().splitlines() if "model name" in line), model)
    memory = psutil.virtual_memory().total / 2**30
    gpus = ""
    if shutil.which("nvidia-smi"):
        names = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
        gpus = "".join(f", {name}" for name in subprocess.check_output(names, text=True).splitlines())
    return (
        f"{model}, {psutil.cpu_count()} cores, {memory:.0f} GiB{gpus}, {platform.system()}, Python "
        f"{platform.python_version()}, load at the start {os.getloadavg()[0]:.1f}"
    )


Rows = Sequence[Mapping[str, Any]]


def report(name: str, described: str, rows: Rows, columns: Mapping[str, str], *, unseen: Rows = ()) -> None:
    """Print the rows' columns, each by its format, and write all of the rows, the unseen too, to bench/results."""
    shown = Table()
    for number, column in enumerate(columns):
        shown.add_column(column.replace("_", " "), justify="right" if number > 2 else "left", no_wrap=True)
    for row in rows:
        shown.add_row(*("" if row.get(c) is None else format(row[c], how) for c, how in columns.items()))
    Console(width=200).print(described, shown)
    RESULTS.mkdir(exist_ok=True)
    text = json.dumps({"machine": described, "rows": [rounded(row) for row in [*rows, *unseen]]}, indent=1)
    (RESULTS / f"{name}.json").write_text(text + "\n")


def rounded(value: Any) -> Any:
    """The value with all floats in it to four digits."""
    if isinstance(value, float):
        return float(f"{value:.4g}")
    if isinstance(value, Mapping):
        return {key: rounded(item) for key, item in value.items()}
    return [rounded(item) for item in value] if isinstance(value, list | tuple) else value
