"""How fast restorers are fitted: the n-gram model, and LoRA beside a plain Hugging Face Trainer loop.

Both loops fine-tune SmolLM2-135M with the same adapter on the same sentences for as long; the plain one is the Trainer as
its documentation shows it. Tokens are those of the text: padding is work without a use. Achieved FLOP/s follow from them:
4 for each weight and token (forward, and backward to the activations; the base's weights get no gradient), set against
the best bf16 matrix product that this machine does. Everything runs on one core: beside other work, two threads that wait for
each other measure the other work.

    .venv/bin/python bench/training.py [--full]

Prints two tables and writes bench/results/training.json.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import common

from mendel.threads import available

FLOPS_PER_WEIGHT = 4
GEMM = 2048
"""Rows and columns of the matrices."""
PLAIN_BATCH = 8
"""Sentences: the Trainer's default."""
WARM_STEPS = 2
PROFILED_STEPS = 1
SHOWN = 12


def ngram(texts: Sequence[str]) -> dict[str, Any]:
    """One core: the fit is not parallel."""
    from mendel.restoration.ngram import CharNgram
    from mendel.restoration.recipe import Ngram

    settings = Ngram()
    CharNgram.fit(texts[:50], order=settings.order, prune_from=settings.prune_from)  # compiled
    characters = sum(map(len, texts))
    began = time.perf_counter()
    CharNgram.fit(texts, order=settings.order, prune_from=settings.prune_from)
    seconds = time.perf_counter() - began
    return row("mendel n-gram", characters, seconds) | {"mb_per_second": characters / 1e6 / seconds}


def ours(texts: Sequence[str], seconds: float, peak: float) -> list[dict[str, Any]]:
    """Steps of the recipe's own trainer until the time is spent, then a few more under the profiler."""
    import torch

    from mendel.restoration.checkpoints import Checkpoints
    from mendel.restoration.llm import CausalLm
    from mendel.restoration.recipe import BaseModel, Lora
    from mendel.restoration.trainer import Trainer

    llm = CausalLm.load(BaseModel())
    bodies = llm.encode(texts)
    rows = [[*llm.boundary, *body, *llm.boundary] for body in bodies]
    with tempfile.TemporaryDirectory() as folder:
        settings = Lora(budget_steps=10**6, warmup=0)
        trainer = Trainer(llm, rows, [len(llm.boundary)] * len(rows), settings, Checkpoints(Path(folder).as_uri()))
        llm.model.train()
        batches = trainer._batches()
        for _ in range(WARM_STEPS):
            trainer._step(next(batches))
        began = time.perf_counter()
        while time.perf_counter() - began < seconds:
            trainer._step(next(batches))
        spent = time.perf_counter() - began
        tokens = int(sum(point["tokens"] for point in trainer.curve[WARM_STEPS:]))
        with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profiler:
            for _ in range(PROFILED_STEPS):
                trainer._step(next(batches))
    weights = sum(p.numel() for p in llm.model.parameters())
    return [
        lora("mendel LoRA", tokens, spent, weights, texts, bodies, peak),
        *({"system": "profile", "part": name, "share": share} for name, share in shares(profiler)),
    ]


def shares(profiler: Any) -> list[tuple[str, float]]:
    """Where the time goes: operators by their own time."""
    times = {event.key: event.self_cpu_time_total for event in profiler.key_averages()}
    total = sum(times.values())
    top = sorted(times.items(), key=lambda item: -item[1])[:SHOWN]
    return [(name, value / total) for name, value in top]


def plain(texts: Sequence[str], seconds: float, peak: float) -> dict[str, Any]:
    """transformers.Trainer with its defaults, stopped when the time is spent."""
    from peft import LoraConfig, get_peft_model
    from transformers import (
        AutoModelForCausalLM,
        AutoTokenizer,
        DataCollatorForLanguageModeling,
        TrainerCallback,
        TrainingArguments,
    )
    from transformers import Trainer as PlainTrainer

    from mendel.restoration.llm import _expanded
    from mendel.restoration.recipe import BaseModel, Lora
    from mendel.restoration.trainer import LORA_LAYERS

    folder = str(_expanded(BaseModel()))
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    bodies = tokenizer(list(texts), add_special_tokens=False)["input_ids"]
    settings = Lora(budget_steps=1)
    config = LoraConfig(r=settings.rank, lora_alpha=settings.alpha, target_modules=LORA_LAYERS, task_type="CAUSAL_LM")
    model = get_peft_model(AutoModelForCausalLM.from_pretrained(folder), config)
    lengths: list[int] = []

    class Clock(TrainerCallback):  # type: ignore[misc]
        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
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
            logging_strategy="no", disable_tqdm=True, use_cpu=True,
        )  # fmt: skip
        rows = [{"input_ids": body} for body in bodies]
        PlainTrainer(model, arguments, data_collator=batch, train_dataset=rows, callbacks=[clock]).train()
    tokens = sum(lengths[clock.before : -1])  # the last batch was fetched ahead
    weights = sum(p.numel() for p in model.parameters())
    return lora("Hugging Face Trainer", tokens, clock.seconds, weights, texts, bodies, peak)


def lora(
    system: str, tokens: int, seconds: float, weights: int, texts: Sequence[str], bodies: Sequence[Any], peak: float
) -> dict[str, Any]:
    characters = tokens * sum(map(len, texts)) / sum(map(len, bodies))
    flops = FLOPS_PER_WEIGHT * weights * tokens / seconds
    return row(system, characters, seconds) | {
        "tokens_per_second": tokens / seconds,
        "gigaflops": flops / 1e9,
        "flops_fraction": flops / peak,
        "memory_mb": common.peak_megabytes(),
    }


def gemm() -> float:
    """FLOP/s of the best of some bf16 matrix products."""
    import torch

    a, b = (torch.randn(GEMM, GEMM).to(torch.bfloat16) for _ in range(2))
    best = float("inf")
    for _ in range(20):
        began = time.perf_counter()
        a @ b
        best = min(best, time.perf_counter() - began)
    return 2 * GEMM**3 / best


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
    parser.add_argument("--full", action="store_true", help="ten minutes of each loop")
    arguments = parser.parse_args()
    described = common.machine()
    common.prepare()
    seconds = 600.0 if arguments.full else 45.0
    texts = common.sentences("train")
    peak = common.alone(gemm)
    found = common.alone(ours, texts[:20_000], seconds, peak)
    rows = [common.alone(ngram, texts), found[0], common.alone(plain, texts[:20_000], seconds, peak)]
    columns = {"system": "", "chars_per_second": ",.0f", "mb_per_second": ".2f", "tokens_per_second": ",.0f"}
    columns |= {"gigaflops": ",.0f", "flops_fraction": ".1%", "memory_mb": ",.0f"}
    rows.append(
        row("bf16 matrix product", 0, 1) | {"chars_per_second": None, "gigaflops": peak / 1e9, "flops_fraction": 1.0}
    )
    for part in found[1:]:
        print(f"{part['share']:6.1%}  {part['part']}")
    rows[1]["profile"] = {part["part"]: part["share"] for part in found[1:]}
    common.report("training", described, rows, columns)


if __name__ == "__main__":
    main()
