"""How sure is a promotion: the demo's candidate trained and judged anew, each time with another seed of training and of sample.

.venv/bin/python bench/promotion.py [SEEDS]

Fine-tuning and evaluation are the stages as the demo runs them, on its corpus. Nothing is promoted in between, so that every
candidate meets the same rules and the same peer, SymSpell, in its own sample. Two minutes a seed on two cores; a seed that is
done is not done again.
"""

from __future__ import annotations

import sys
from typing import Any

import common

SEEDS = 10
COLUMNS = {
    "seed": "d",
    "candidate": "",
    "verdict": "",
    "removed": ".1%",
    "removed_at_least": ".1%",
    "removed_by_symspell": ".1%",
    "worse": "d",
    "of_noisy": "d",
    "clean_altered": "d",
    "of_clean": "d",
    "fitting_s": ".0f",
}


def judged(seed: int) -> dict[str, Any]:
    """The verdict on the candidate of a seed, with what it rests on."""
    common.run("finetune", "--set", f"recipe.lora.seed={seed}")
    common.run("evaluate", "--set", f"seed={seed}")
    candidate, evaluation = common.current("candidate"), common.current("evaluation").metrics
    scores, evidence = evaluation["scores"], evaluation["evidence"]
    return {
        "seed": seed,
        "candidate": candidate.digest[:12],
        "verdict": "promote" if evaluation["decision"]["promote"] else "decline",
        "removed": scores["candidate"]["reduction"]["value"],
        "removed_at_least": scores["candidate"]["reduction"]["low"],
        "removed_by_symspell": scores["symspell"]["reduction"]["value"],
        "worse": evidence["worse"]["count"],
        "of_noisy": evidence["worse"]["trials"],
        "clean_altered": evidence["clean_altered"]["count"],
        "of_clean": evidence["clean_altered"]["trials"],
        "fitting_s": sum(candidate.metrics["seconds"].values()),
        "reasons": evaluation["decision"]["reasons"],
    }


def main() -> None:
    seeds = int(sys.argv[1]) if len(sys.argv) > 1 else SEEDS
    described = common.machine()
    common.prepare()
    rows = []
    for seed in range(seeds):
        rows.append(judged(seed))
        common.report("promotion", described, rows, COLUMNS)


if __name__ == "__main__":
    main()
