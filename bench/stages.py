"""What each stage costs, and whether it survives `kill -9`.

Runs all stages of a pipeline on the command line, in order, in a lake of its own: wall time, CPU time, peak memory. Then
once more in a second lake, each stage killed half-way and run again: its digest must be that of the first lake.

    .venv/bin/python bench/stages.py --config include/pipelines/demo.yaml --no-kills
    .venv/bin/python bench/stages.py --finetune @include/recipes/steps.yaml

Prints a table and writes `.mendel/bench/stages.json`. Ends with 1 when a digest differs.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil
from rich.console import Console
from rich.table import Table

from mendel.core import manifest

REPO = Path(__file__).resolve().parent.parent
MENDEL = Path(sys.executable).with_name("mendel")
PARTITION, DAY = "2026-11-02", "2026-11-01"
ORPHANS_SECONDS = 30.0
"""How long what a killed stage had started may take to notice that."""


@dataclass(frozen=True)
class Step:
    """A stage's command line, and what it makes."""

    command: str
    dataset: str | None
    partition: str = PARTITION
    options: tuple[str, ...] = ()


@dataclass
class Cost:
    """What one run took; `peak_mb` is the largest sum of the proportional set sizes of the stage's processes."""

    stage: str
    wall_seconds: float
    cpu_seconds: float
    peak_mb: float
    digest: str | None = None
    killed_after: float | None = None
    same_digest: bool | None = None
    orphans: int | None = None


class Lake:
    """A lake, an MLflow store and a data registry of their own."""

    def __init__(self, folder: Path, config: Path) -> None:
        self.root = (folder / "lake").as_uri()
        self.config = config
        self.log = folder / "log.txt"
        self.env = os.environ | {
            "MENDEL_LAKE": self.root,
            "MLFLOW_TRACKING_URI": f"sqlite:///{folder}/mlflow.db",
            "GIT_PYTHON_REFRESH": "quiet",
        }

    def run(self, step: Step, kill_after: float | None = None) -> Cost:
        """One run of a stage. Raises SystemExit with the end of its log when it fails by itself."""
        command = [MENDEL, *step.command.split(), "-c", self.config, "-p", step.partition, *step.options]
        began = time.monotonic()
        with self.log.open("wb") as log:
            process = psutil.Popen(command, env=self.env, cwd=REPO, stdout=log, stderr=log, start_new_session=True)
        peak, spent = 0.0, dict[int, float]()
        while process.poll() is None:
            peak = max(peak, look(process, spent))
            if kill_after is not None and time.monotonic() - began > kill_after:
                started = process.children(recursive=True)
                process.kill()
                process.wait()
                _, alive = psutil.wait_procs(started, ORPHANS_SECONDS)
                for orphan in alive:
                    orphan.kill()
                return Cost(step.command, kill_after, 0, peak / 1e6, killed_after=kill_after, orphans=len(alive))
            time.sleep(0.1)
        if process.returncode:
            sys.exit(f"mendel {step.command}: exit code {process.returncode}\n{self.log.read_text()[-3000:]}")
        wall = time.monotonic() - began
        return Cost(step.command, wall, sum(spent.values()), peak / 1e6, digest=self.digest(step))

    def digest(self, step: Step) -> str | None:
        version = manifest.current(self.root, step.dataset, step.partition) if step.dataset else None
        return version.digest if version else None


def look(process: psutil.Process, spent: dict[int, float]) -> float:
    """Bytes of a process and all below it, shared pages counted once; `spent` gets the CPU seconds of each so far."""
    total = 0.0
    for member in [process, *children(process)]:
        try:
            total += member.memory_full_info().pss
            times = member.cpu_times()
            spent[member.pid] = times.user + times.system
        except psutil.Error:  # it has just ended
            continue
    return total


def children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return list(process.children(recursive=True))
    except psutil.Error:
        return []


def steps(finetune: list[str], shards: int) -> list[Step]:
    return [
        Step("ingest", "corpus"),
        Step("validate corpus", "corpus_validation"),
        Step("register corpus", "corpus_version"),
        Step("corrupt", "pairs"),
        Step("validate pairs", "pairs_validation"),
        Step("register pairs", "pairs_version"),
        Step("finetune", "candidate", options=tuple(word for setting in finetune for word in ("--set", setting))),
        Step("register candidate", "candidate_version"),
        Step("evaluate", "evaluation"),
        Step("promote", "promotion"),
        Step("inbox fill", None, options=("--day", DAY, "--records", "100")),
        Step("restore plan", "restore_plan", DAY),
        *(Step("restore shard", None, DAY, ("--shard", str(shard))) for shard in range(shards)),
        Step("restore collect", "restored", DAY),
    ]


def measure(folder: Path, config: Path, finetune: list[str], kills: bool) -> list[Cost]:
    console = Console(stderr=True)
    whole, broken = (Lake(folder / name, config) for name in ("whole", "broken"))
    costs: list[Cost] = []
    for lake in (whole, broken):
        lake.log.parent.mkdir()
    for step in steps(finetune, shards=1):
        cost = whole.run(step)
        if kills:
            killed = broken.run(step, kill_after=cost.wall_seconds / 2)
            again = broken.run(step)
            cost.killed_after = killed.killed_after
            cost.orphans = killed.orphans
            cost.same_digest = again.digest == cost.digest
        console.print(f"{step.command}: {cost.wall_seconds:.1f} s")
        costs.append(cost)
    return costs


def table(costs: list[Cost]) -> Table:
    shown = Table("stage")
    for heading in ("wall s", "CPU s", "peak MB", "killed after s", "same digest", "orphans"):
        shown.add_column(heading, justify="right")
    for cost in costs:
        killed = "" if cost.killed_after is None else f"{cost.killed_after:.1f}"
        same = "" if cost.same_digest is None else "yes" if cost.same_digest else "NO"
        orphans = "" if cost.orphans is None else str(cost.orphans)
        shown.add_row(
            cost.stage,
            f"{cost.wall_seconds:.1f}",
            f"{cost.cpu_seconds:.1f}",
            f"{cost.peak_mb:.0f}",
            killed,
            same,
            orphans,
        )
    return shown


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", type=Path, default=REPO / "include" / "pipelines" / "smoke.yaml")
    parser.add_argument("--finetune", action="append", default=[], metavar="KEY=VALUE", help="--set of finetune")
    parser.add_argument("--no-kills", action="store_true", help="measure only")
    parser.add_argument("--out", type=Path, default=REPO / ".mendel" / "bench" / "stages.json")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with tempfile.TemporaryDirectory(prefix="mendel-bench-") as folder:
        costs = measure(Path(folder), arguments.config.resolve(), arguments.finetune, not arguments.no_kills)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps([asdict(cost) for cost in costs], indent=2))
    Console(width=110).print(table(costs))
    if any(cost.same_digest is False for cost in costs):
        sys.exit("a stage that was killed and run again made something else")


if __name__ == "__main__":
    main()
