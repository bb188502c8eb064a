"""How fast restorers are fitted: the n-gram model, and LoRA beside a plain Hugging Face Trainer loop.

Both loops fine-tune SmolLM2-135M with the same adapter on the same sentences; the plain one is the Trainer as its
documentation shows it. Then ours again, each time without one of the things that set it apart, and on a GPU with the
settings that are for one. Tokens are those of the text: padding is work without a use. Achieved FLOP/s follow from them: 4
for each weight and token (forward, and backward to the activations; the base's weights get no gradient), set against the
best bf16 matrix product that this machine does. Each runs in a process of its own, on the GPU where there is one, else on
all cores.

    .venv/bin/python bench/training.py [--full]

Prints two tables and writes bench/results/training.json, or training_gpu.json.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import common

from mendel.core.threads import available

FLOPS_PER_WEIGHT = 4
WEIGHTS = 135e6
"""Of SmolLM2-135M. Not counted in the model: four-bit weights lie packed."""
GEMM = {"cpu": 2048, "cuda": 8192}
"""Rows and columns of the matrices."""
TOKENS = {"cpu": 1024, "cuda": 16384}
"""A step of ours: the recipes' on a CPU; what keeps a GPU busy."""
PLAIN_BATCH = 8
"""Sentences: the Trainer's default."""
WARM_STEPS = 2
SHOWN = 12
EVERYWHERE = ("length groups", "predictions where asked alone", "uncast inputs")
PARTS = {"cpu": (*EVERYWHERE, "kept memory", "plain attention"), "cuda": EVERYWHERE}
"""What sets our loop apart."""
SETTINGS: dict[str, dict[str, Any]] = {
    "1,024 tokens a step": {"tokens_per_batch": 1024},
    "gradient checkpointing": {"gradient_checkpointing": True},
    "four-bit weights (QLoRA)": {"quantise": "nf4"},
    "compiled layers": {"compile": True},
}
"""What a GPU may want."""


def ngram(texts: Sequence[str]) -> dict[str, Any]:
    """One core: the fit is not parallel."""
    from mendel.models.ngram import CharNgram
    from mendel.recipes.models import Ngram

    settings = Ngram()
    CharNgram.fit(texts[:50], order=settings.order, prune_from=settings.prune_from)  # compiled
    characters = sum(map(len, texts))
    began = time.perf_counter()
    CharNgram.fit(texts, order=settings.order, prune_from=settings.prune_from)
    seconds = time.perf_counter() - began
    return row("mendel n-gram", characters, seconds) | {"mb_per_second": characters / 1e6 / seconds}


def ours(
    texts: Sequence[str], seconds: float, peak: float, without: str = "", setting: str = ""
) -> list[dict[str, Any]]:
    """Steps of the recipe's own trainer until the time is spent; then, of the whole of it, one under the profiler."""
    from mendel.models import llm as language_model
    from mendel.recipes.models import PretrainedModel
    from mendel.recipes.training import Lora
    from mendel.training.checkpoints import Checkpoints
    from mendel.training.trainer import Trainer

    if without == "kept memory":
        language_model.keep_freed_memory = lambda: None
    place = language_model.device()
    lora = {"tokens_per_batch": TOKENS[place.type]} | SETTINGS.get(setting, {})
    settings = Lora(budget_steps=10**6, warmup=0, **lora)
    llm = language_model.CausalLm.load(PretrainedModel(), quantise=settings.quantise)
    bodies = llm.encode(texts)
    rows = [[*llm.boundary, *body, *llm.boundary] for body in bodies]
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(llm, rows, [len(llm.boundary)] * len(rows), settings, Checkpoints(Path(folder).as_uri()))
        leave_out(without, trainer)
        llm.model.train()
        batches = trainer._batches() if without != "length groups" else at_random(len(rows))
        began = time.perf_counter()
        for _ in range(WARM_STEPS):
            trainer._step(next(batches))
        warm = time.perf_counter() - began
        began = time.perf_counter()
        while time.perf_counter() - began < seconds:
            trainer._step(next(batches))
        spent = time.perf_counter() - began
        tokens = int(sum(point["tokens"] for point in trainer.curve[WARM_STEPS:]))
        memory = peak_memory()
        whole = not without and not setting
        parts = [{"part": name, "share": share} for name, share in shares(profiled(trainer, batches))] if whole else []
    name = f"  without {without}" if without else f"  {setting}" if setting else "mendel LoRA"
    measured = speed(name, tokens, spent, texts, bodies, peak)
    return [measured | {"warm_seconds": warm, "memory_mb": memory}, *parts]


def leave_out(what: str, trainer: Any) -> None:
    """Take one thing back that the trainer does otherwise than the plain loop."""
    import torch.nn.functional as functional

    from mendel.models import objective
    from mendel.training import trainer as module

    if what == "plain attention":
        trainer.llm.model.set_attn_implementation("sdpa")
    elif what == "uncast inputs":
        vars(module)["disable_input_dtype_casting"] = lambda model, active: nullcontext()
    elif what == "predictions where asked alone":

        def everywhere(rows: Any, heads: Any) -> Any:
            """The loss as a model gives it: logits of all places, padding too."""
            inputs, targets = objective._go_on(rows, heads, None)
            place = trainer.llm.model.device
            logits = trainer.llm.model(inputs["input_ids"].to(place), use_cache=False).logits.float()
            return functional.cross_entropy(logits.flatten(0, 1), targets.flatten().to(place), reduction="sum")

        trainer.objective = everywhere


def at_random(count: int) -> Iterator[list[int]]:
    """The plain loop's batches."""
    order = random.Random(0)
    while True:
        yield order.sample(range(count), PLAIN_BATCH)


def profiled(trainer: Any, batches: Iterator[list[int]]) -> Any:
    import torch

    with torch.profiler.profile() as profiler:  # of CPU and GPU
        trainer._step(next(batches))
    return profiler


def shares(profiler: Any) -> list[tuple[str, float]]:
    """Where the time goes: operators by their own time, on the GPU where there is one."""
    import torch

    clock = "self_device_time_total" if torch.cuda.is_available() else "self_cpu_time_total"
    times = {event.key: getattr(event, clock) for event in profiler.key_averages()}
    total = sum(times.values())
    top = sorted(times.items(), key=lambda item: -item[1])[:SHOWN]
    return [(name, value / total) for name, value in top]


def plain(texts: Sequence[str], seconds: float, peak: float) -> dict[str, Any]:
    """transformers.Trainer with its defaults, stopped when the time is spent."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import (
        AutoModelForCausalLM,
        AutoTokenizer,
        DataCollatorForLanguageModeling,
        TrainerCallback,
        TrainingArguments,
    )
    from transformers import Trainer as PlainTrainer

    from mendel.models.llm import _expanded
    from mendel.recipes.models import PretrainedModel
    from mendel.recipes.training import Lora
    from mendel.training.trainer import LORA_LAYERS

    folder = str(_expanded(PretrainedModel()))
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    bodies = tokenizer(list(texts), add_special_tokens=False)["input_ids"]
    settings = Lora(budget_steps=1)
    config = LoraConfig(r=settings.rank, lora_alpha=settings.alpha, target_modules=LORA_LAYERS, task_type="CAUSAL_LM")
    model = get_peft_model(AutoModelForCausalLM.from_pretrained(folder), config)
    lengths: list[int] = []

    class Clock(TrainerCallback):
        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            if torch.cuda.is_available():
                torch.cuda.synchronize()
            if state.global_step == WARM_STEPS:
                self.began, self.before = time.perf_counter(), len(lengths)
            elif state.global_step > WARM_STEPS and time.perf_counter() - self.began > seconds:
                self.seconds = time.perf_counter() - self.began
                control.should_training_stop = True

    collate = DataCollatorForLanguageModeling(tokenizer, mlm=False)

    def batch(features: list[dict[str, Any]]) -> Any:
        lengths.append(sum(len(feature["input_ids"]) for feature in features))
        return collate(features)

    clock = Clock()
    with tempfile.TemporaryDirectory() as output:
        arguments = TrainingArguments(
            output, per_device_train_batch_size=PLAIN_BATCH, max_steps=10**6, report_to=[], save_strategy="no",
            logging_strategy="no", disable_tqdm=True, use_cpu=not torch.cuda.is_available(),
        )  # fmt: skip
        rows = [{"input_ids": body} for body in bodies]
        PlainTrainer(model, arguments, data_collator=batch, train_dataset=rows, callbacks=[clock]).train()
    tokens = sum(lengths[clock.before : -1])  # the last batch was fetched ahead
    return speed("Hugging Face Trainer", tokens, clock.seconds, texts, bodies, peak) | {"memory_mb": peak_memory()}


def speed(
    system: str, tokens: int, seconds: float, texts: Sequence[str], bodies: Sequence[Any], peak: float
) -> dict[str, Any]:
    characters = tokens * sum(map(len, texts)) / sum(map(len, bodies))
    flops = FLOPS_PER_WEIGHT * WEIGHTS * tokens / seconds
    return row(system, characters, seconds) | {
        "tokens_per_second": tokens / seconds,
        "gigaflops": flops / 1e9,
        "flops_fraction": flops / peak,
    }


def peak_memory() -> float:
    """Of the GPU where there is one, else of the process: MB."""
    import torch

    return torch.cuda.max_memory_allocated() / 1e6 if torch.cuda.is_available() else common.peak_megabytes()


def gemm() -> tuple[str, float]:
    """The device's type, and FLOP/s of the best of some bf16 matrix products on it."""
    import torch

    from mendel.models.llm import device

    place = device().type
    size = GEMM[place]
    a, b = (torch.randn(size, size, dtype=torch.bfloat16, device=place) for _ in range(2))
    best = float("inf")
    for _ in range(20):
        began = time.perf_counter()
        (a @ b)[0, 0].item()  # waits for the GPU
        best = min(best, time.perf_counter() - began)
    return place, 2 * size**3 / best


def row(system: str, characters: float, seconds: float) -> dict[str, Any]:
    return {
        "system": system,
        "chars_per_second": characters / seconds,
        "cores": available(),
        "seconds": seconds,
        "mb_per_second": None,
        "tokens_per_second": None,
        "gigaflops": None,
        "flops_fraction": None,
        "memory_mb": common.peak_megabytes(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="five minutes of either loop; each of the others has half")
    arguments = parser.parse_args()
    described = common.machine()
    common.prepare()
    seconds = 300.0 if arguments.full else 45.0
    texts = common.sentences("train")
    sample = texts[:20_000]
    place, peak = common.fresh(gemm)
    fitted = common.alone(ngram, texts)
    whole, *parts = common.fresh(ours, sample, seconds, peak)
    loops = [whole, common.fresh(plain, sample, seconds, peak)]
    for what in PARTS[place]:
        loops += common.fresh(ours, sample, seconds / 2, peak, what)
    for setting in SETTINGS if place == "cuda" else ():
        loops += common.fresh(ours, sample, seconds / 2, peak, "", setting)
    for loop in loops:
        loop["times_plain"] = loop["tokens_per_second"] / loops[1]["tokens_per_second"]
    columns = {"system": "", "chars_per_second": ",.0f", "mb_per_second": ".2f", "tokens_per_second": ",.0f"}
    columns |= {"times_plain": ".2f", "gigaflops": ",.0f", "flops_fraction": ".1%", "memory_mb": ",.0f", "cores": "d"}
    columns |= {"warm_seconds": ".0f"}
    best = row("bf16 matrix product", 0, 1) | {"chars_per_second": None, "gigaflops": peak / 1e9, "flops_fraction": 1.0}
    for part in parts:
        print(f"{part['share']:6.1%}  {part['part']}")
    whole["profile"] = {part["part"]: part["share"] for part in parts}
    target = "training" if place == "cpu" else "training_gpu"
    common.report(target, described, [fitted, *loops, best], columns)


if __name__ == "__main__":
    main()
