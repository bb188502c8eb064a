"""Fine-tuning of a language model within a budget, with checkpoints: killed at any step, it goes on with the same curve."""

from __future__ import annotations

import json
import math
import random
import signal
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import Any, Protocol, Self

import torch
import torch.distributed as distributed
from peft import LoraConfig, get_peft_model
from peft.helpers import disable_input_dtype_casting
from torch.nn.parallel import DistributedDataParallel

from mendel.core.errors import InputError
from mendel.core.log import PROGRESS_SECONDS, log
from mendel.models.llm import batches, dtype
from mendel.models.objective import Objective
from mendel.recipes.models import PretrainedModel
from mendel.recipes.training import Tuning
from mendel.training.checkpoints import Checkpoints

CLIP = 1.0
LORA_LAYERS = "all-linear"


class Holder(Protocol):
    """What holds a model: the trainer puts the adapter around it."""

    model: Any

    @classmethod
    def load(cls, base: PretrainedModel, adapter: Path | None = None, quantise: str | None = None) -> Self: ...


class Trainer:
    """Trains an adapter on token rows; `heads` says how many tokens of each row are a prompt, without a loss.

    With `whole`, all weights are trained instead. Rows are grouped by length, so that little is padding, and the groups
    shuffled anew in each epoch. The result depends on rows, settings, processes and thread count alone, whether or not the
    run was killed in between; but for a run that `max_seconds` ended early.

    Under torchrun, each process takes its share of a group: the gradient, and the curve, are those of one process with so
    many times the tokens. The first process writes the checkpoints.
    """

    def __init__(
        self,
        llm: Holder,
        rows: Sequence[list[int]],
        heads: Sequence[int],
        settings: Tuning,
        store: Checkpoints,
        whole: bool = False,
    ) -> None:
        torch.manual_seed(settings.seed)
        self.settings = settings
        self.store = store
        self.rows = rows
        self.heads = heads
        self.rank, self.world = position()
        self.whole = whole
        if not whole:
            llm.model = with_adapter(llm.model, settings)
        self.llm = llm
        if settings.gradient_checkpointing:
            llm.model.gradient_checkpointing_enable()
            llm.model.enable_input_require_grads()
        if settings.compile:
            compile_layers(llm.model)
        self.objective: torch.nn.Module = Objective(llm.model)
        if self.world > 1:
            self.objective = DistributedDataParallel(self.objective)
        self.parameters = {name: p for name, p in llm.model.named_parameters() if p.requires_grad}
        self.optimizer = torch.optim.AdamW(self.parameters.values(), lr=settings.learning_rate, weight_decay=0.0)
        self.step = 0
        self.elapsed = 0.0
        self.curve: list[dict[str, float]] = []
        self.run_id: str | None = None
        """MLflow's, kept in the checkpoint, so that a resumed training goes on in the same run."""
        self._stop = False

    def resume(self) -> bool:
        """Go back to the newest checkpoint; False when there is none."""
        if (checkpoint := self.store.load()) is None:
            return False
        tensors, state = checkpoint
        with torch.no_grad():
            for name, parameter in self.parameters.items():
                parameter.copy_(tensors[f"model.{name}"])
                if f"exp_avg.{name}" in tensors:
                    self.optimizer.state[parameter] = {
                        key: tensors[f"{key}.{name}"].to("cpu" if key == "step" else parameter.device)
                        for key in ("step", "exp_avg", "exp_avg_sq")
                    }
        torch.set_rng_state(tensors["rng"])
        self.step, self.elapsed, self.curve, self.run_id = (
            state["step"],
            state["elapsed"],
            state["curve"],
            state["run_id"],
        )
        log.info("resumed", step=self.step, seconds=round(self.elapsed, 1))
        return True

    def save(self) -> None:
        if self.rank > 0:
            return
        tensors = {"rng": torch.get_rng_state()}
        for name, parameter in self.parameters.items():
            tensors[f"model.{name}"] = parameter.detach().cpu().contiguous()
            for key, value in self.optimizer.state.get(parameter, {}).items():
                tensors[f"{key}.{name}"] = torch.as_tensor(value).detach().cpu().contiguous()
        state = {"step": self.step, "elapsed": self.elapsed, "curve": self.curve, "run_id": self.run_id}
        self.store.save(self.step, tensors, state)

    def train(self) -> None:
        """Train until the budget is spent, or `max_seconds` are.

        On SIGTERM, save and exit with 143: the next try goes on from there.
        """
        before = signal.signal(signal.SIGTERM, self._ask_to_stop)
        self.llm.model.train()
        saved = reported = time.monotonic()
        try:
            for batch in self._batches():
                if self._progress() >= 1 or self._capped():
                    break
                self._step(batch)
                if any(self._summed(self._stop)):  # told to stop, one or all: else they would wait for each other
                    self.save()
                    raise SystemExit(128 + signal.SIGTERM)
                if (moment := time.monotonic()) - saved > self.settings.checkpoint_seconds:
                    self.save()
                    saved = moment
                if self.rank == 0 and moment - reported > PROGRESS_SECONDS:
                    reported = moment
                    newest = self.curve[-1]
                    log.info(
                        "progress",
                        what="fine-tuning",
                        percent=round(100 * self._progress()),
                        step=self.step,
                        loss=round(newest["loss"], 3),
                    )
            if self.rank == 0 and self._progress() < 1:
                log.warning(
                    "capped",
                    what="fine-tuning ended before its budget: raise lora.max_seconds, or lower lora.budget_steps",
                    max_seconds=self.settings.max_seconds,
                    steps=self.step,
                    budget_steps=self.settings.budget_steps,
                )
            self.save()  # whatever kills what comes next, the training is not lost
        finally:
            self.llm.model.eval()
            signal.signal(signal.SIGTERM, before)

    def save_adapter(self, folder: Path, base: str) -> None:
        """Write the adapter as PEFT reads it. Equal adapters give equal files: no path of this machine, sets in order."""
        self.llm.model.save_pretrained(str(folder))
        (folder / "README.md").unlink(missing_ok=True)
        place = folder / "adapter_config.json"
        config = json.loads(place.read_text())
        config |= {"base_model_name_or_path": base, "target_modules": sorted(config["target_modules"])}
        place.write_text(json.dumps(config, indent=2, sort_keys=True))

    def _progress(self) -> float:
        """Share of the budget that is spent."""
        return self.step / self.settings.budget_steps if self.settings.budget_steps else 1.0

    def _capped(self) -> bool:
        return self.settings.max_seconds is not None and self.elapsed >= self.settings.max_seconds

    def _rate(self) -> float:
        """Learning rate: a linear rise, then a cosine down to zero, over the budget."""
        progress, warmup = self._progress(), self.settings.warmup
        if progress < warmup:
            return self.settings.learning_rate * (progress + 1e-3) / (warmup + 1e-3)
        return self.settings.learning_rate * 0.5 * (1 + math.cos(math.pi * (progress - warmup) / (1 - warmup)))

    def _batches(self) -> Iterator[list[int]]:
        """Batches from the data position on, epoch after epoch."""
        groups = list(batches([len(row) for row in self.rows], self.settings.tokens_per_batch * self.world))
        position = self.step
        while True:
            epoch, offset = divmod(position, len(groups))
            order = list(range(len(groups)))
            random.Random(f"{self.settings.seed}:{epoch}").shuffle(order)  # noqa: S311 (an order, not a secret)
            for index in order[offset:]:
                yield groups[index]
                position += 1

    def _step(self, batch: Sequence[int]) -> None:
        begun = time.monotonic()
        tokens = sum(len(self.rows[i]) - self.heads[i] for i in batch)
        rate = self._rate()
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        mixed = dtype() == torch.bfloat16
        # Autocast brings inputs and adapter to one format; PEFT would first copy the inputs to float32.
        with disable_input_dtype_casting(self.llm.model, active=mixed):
            with torch.autocast(self.llm.model.device.type, torch.bfloat16, enabled=mixed):
                loss = self.objective(*self._share(batch)) / tokens
            (loss * self.world).backward()  # gradients are averaged over the processes
        torch.nn.utils.clip_grad_norm_(self.parameters.values(), CLIP)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.step += 1
        value, seconds = self._summed(loss.item(), (time.monotonic() - begun) * (self.rank == 0))
        self.elapsed += seconds  # the first process's: budgets end for all at once
        self.curve.append({"step": self.step, "loss": value, "learning_rate": rate, "tokens": tokens})
        if not math.isfinite(value):
            raise InputError(f"fine-tuning diverged: loss {value} at step {self.step}. Lower lora.learning_rate.")

    def _share(self, batch: Sequence[int]) -> tuple[list[list[int]], list[int]]:
        """This process's rows and heads of a batch; where there are too few, a row that counts for nothing."""
        if mine := batch[self.rank :: self.world]:
            return [self.rows[i] for i in mine], [self.heads[i] for i in mine]
        return [self.rows[batch[0]]], [len(self.rows[batch[0]])]

    def _summed(self, *values: float) -> list[float]:
        """Each value's sum over the processes."""
        if self.world == 1:
            return list(values)
        sums = torch.tensor(values, dtype=torch.float64, device=self.llm.model.device)
        distributed.all_reduce(sums)
        return list(map(float, sums))

    def _ask_to_stop(self, number: int, frame: FrameType | None) -> None:
        self._stop = True


def position() -> tuple[int, int]:
    """This process's number, and how many there are."""
    if distributed.is_available() and distributed.is_initialized():
        return distributed.get_rank(), distributed.get_world_size()
    return 0, 1


def with_adapter(model: Any, settings: Tuning) -> Any:
    """The model with an untrained adapter on all linear layers."""
    task = "SEQ_2_SEQ_LM" if model.config.is_encoder_decoder else "CAUSAL_LM"
    config = LoraConfig(r=settings.rank, lora_alpha=settings.alpha, target_modules=LORA_LAYERS, task_type=task)
    return get_peft_model(model, config)


def compile_layers(model: Any) -> None:
    """Compile the layers, not the whole: they are alike, so that one compilation serves all."""
    for module in model.modules():
        if type(module).__name__ in (model._no_split_modules or ()):
            module.compile(dynamic=True)
