"""Data-parallel training: the trainer in several processes that torchrun starts, on this machine.

They train alone: the stage waits, then goes on from their last checkpoint. Each loads the model by itself and takes its
share of each step's rows.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NoReturn

import numpy as np
import torch
import torch.distributed as distributed

from mendel.core import log
from mendel.core.errors import InputError, MendelError
from mendel.core.frozen import Frozen
from mendel.recipes.kinds import AnyRecipe, named
from mendel.recipes.recipe import Recipe
from mendel.recipes.training import Tuning
from mendel.training.checkpoints import Checkpoints
from mendel.training.trainer import Trainer

JOB, ROWS, FAULT = "job.json", "rows.npz", "fault"
PR_SET_PDEATHSIG = 1
LIBC = ctypes.CDLL(None)


class TrainingJob(Frozen):
    """What the processes need, besides the rows."""

    recipe: AnyRecipe
    checkpoints: str
    whole: bool


def train(recipe: Recipe, trainer: Trainer) -> None:
    """Train as the recipe says: here, or in several processes. SIGTERM ends both with a checkpoint and exit code 143."""
    count = processes(trainer.settings)
    if count == 1:
        trainer.train()
        return
    with TemporaryDirectory() as scratch:
        folder = Path(scratch)
        job = TrainingJob(recipe=recipe, checkpoints=trainer.store.uri, whole=trainer.whole)
        (folder / JOB).write_text(job.model_dump_json(serialize_as_any=True))
        save_rows(folder / ROWS, trainer.rows, trainer.heads)
        _run(folder, count)
    trainer.resume()


def processes(settings: Tuning) -> int:
    return max(1, torch.cuda.device_count()) if settings.processes == "auto" else settings.processes


def _run(folder: Path, count: int) -> None:
    torchrun = ["torch.distributed.run", "--standalone", f"--nproc-per-node={count}"]
    running = subprocess.Popen(
        [sys.executable, "-m", *torchrun, "-m", __name__, str(folder)],
        preexec_fn=_end_with_parent,
    )
    signals: list[int] = []

    def hand_on(number: int, _: object) -> None:
        signals.append(number)
        running.send_signal(number)

    before = signal.signal(signal.SIGTERM, hand_on)
    try:
        code = running.wait()
    finally:
        signal.signal(signal.SIGTERM, before)
    if signals:
        raise SystemExit(128 + signal.SIGTERM)
    if (fault := folder / FAULT).exists():
        raise InputError(fault.read_text())
    if code:
        raise MendelError(
            f"fine-tuning in {count} processes failed (torchrun: exit code {code}); their errors are above."
        )


def _end_with_parent() -> None:
    """Have the kernel send SIGTERM when the stage is killed: else its processes would write beside the next try's."""
    if hasattr(LIBC, "prctl"):
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def save_rows(place: Path, rows: Sequence[Sequence[int]], heads: Sequence[int]) -> None:
    tokens = np.fromiter((token for row in rows for token in row), np.int32)
    np.savez(place, tokens=tokens, lengths=np.array([len(row) for row in rows]), heads=np.array(heads))


def load_rows(place: Path) -> tuple[list[list[int]], list[int]]:
    with np.load(place) as arrays:
        ends = np.cumsum(arrays["lengths"])
        rows = [part.tolist() for part in np.split(arrays["tokens"], ends[:-1])]
        return rows, arrays["heads"].tolist()


def work(folder: Path) -> Trainer:
    """One of the processes. The trainer is for `main` to hold."""
    job = TrainingJob.model_validate_json((folder / JOB).read_text())
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    distributed.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
    rows, heads = load_rows(folder / ROWS)
    assert job.recipe.tuning is not None, "it has no language model"
    model = named(job.recipe.maker).untrained(job.recipe)
    trainer = Trainer(model, rows, heads, job.recipe.tuning, Checkpoints(job.checkpoints), job.whole)
    trainer.resume()
    try:
        trainer.train()
    except InputError as error:
        (folder / FAULT).write_text(str(error))
        raise
    return trainer


def main(folder: Path) -> NoReturn:
    """Work, then end without freeing anything.

    Where the trainer is freed, its gradients' reducer waits, with the interpreter's lock in hand, for gloo's thread, which now
    and then waits for that lock to free a tensor (torch 2.13): the process would never end, nor the stage that waits for it.
    """
    try:
        trainer = work(folder)  # noqa: F841 (held while it ends)
        _end(0)
    except SystemExit as asked:
        _end(asked.code if isinstance(asked.code, int) else 1)
    except BaseException:
        traceback.print_exc()
        _end(1)


def _end(code: int) -> NoReturn:
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    log.configure()
    main(Path(sys.argv[1]))
