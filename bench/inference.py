"""How fast text is restored: `restore` of a batch, per recipe and beam, beside SymSpell and a plain scoring loop.

The plain loop asks the same language model about the same candidates, one forward pass for each: what one writes with
transformers in ten lines. Speed is in characters of noisy text a second.

    .venv/bin/python bench/inference.py [--full]

Prints a table and writes bench/results/inference.json.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Sequence
from typing import Any

import common
from restoration import Case, damaged, profiles, symspell

from mendel.core.threads import available
from mendel.recipes.decoder import DecoderConfig
from mendel.restorers.restorer import Restorer

DECODERS = {
    "beam 10": DecoderConfig(beam=10, threshold=7, max_deletion=4),
    "beam 15": DecoderConfig(beam=15, threshold=7.5, max_deletion=4),
    "beam 20": DecoderConfig(beam=20, threshold=8, max_deletion=5),
    "beam 40": DecoderConfig(beam=40, threshold=9),
    "beam 60": DecoderConfig(),
    "beam 100": DecoderConfig(beam=100, threshold=12),
}
SMALL = 7
"""Texts a call, to see whether the company changes a text."""


SECOND_PASS = {"channel-llm": (80, 200)}
"""Recipes, of those in include/recipes, with the sentences that each restores on one core and on all."""


def channel(recipe: str, uri: str, setting: str | None, case: Case) -> dict[str, Any]:
    """One recipe at one setting of its decoder; the recipe's own without one."""
    from mendel.channel.decoder import Decoder
    from mendel.restorers.channel import ChannelRestorer

    restorer = Restorer.load(uri)
    assert isinstance(restorer, ChannelRestorer), uri
    if setting:
        before = restorer.decoder
        restorer.decoder = Decoder(before.channel, before.ngram, DECODERS[setting])
    noisy = list(case.sample.noisy)
    restorer.restore(noisy[:4])
    began = time.perf_counter()
    restored = [restoration.text for restoration in restorer.restore(noisy)]
    seconds = time.perf_counter() - began
    peak = common.peak_megabytes()
    order = random.Random(1).sample(range(len(noisy)), min(len(noisy), 70))
    shuffled = [noisy[place] for place in order]
    again = [f.text for at in range(0, len(order), SMALL) for f in restorer.restore(shuffled[at : at + SMALL])]
    same = sum(text == restored[place] for text, place in zip(again, order, strict=True)) / len(order)
    return row(f"mendel {recipe}", case, seconds, restored, peak) | {
        "beam": setting,
        "same_in_other_batches": same,
    }


def spelling(texts: Sequence[str], case: Case) -> dict[str, Any]:
    correct = symspell(texts)
    began = time.perf_counter()
    restored = correct(case.sample.noisy)
    return row("symspellpy", case, time.perf_counter() - began, restored, common.peak_megabytes())


def plain_loop(uri: str, case: Case) -> dict[str, Any]:
    """Candidates of the first pass, each scored by itself; the time of the candidates is not counted."""
    import torch

    from mendel.restorers.channel import ChannelRestorer

    restorer = Restorer.load(uri)
    assert isinstance(restorer, ChannelRestorer), uri
    assert restorer.llm is not None, "a recipe with a language model"
    second = restorer.llm.second_pass
    llm = second.llm
    noisy = list(case.sample.noisy)
    candidate_lists = restorer.decoder.decode(noisy, threads=available())
    began = time.perf_counter()
    restored = []
    for text, candidates in zip(noisy, candidate_lists, strict=True):
        scores = {text: -float("inf")}
        plausible = second.plausible(candidates)
        read = [one for one in candidates if one.text == text or one in plausible] if len(plausible) > 1 else []
        for candidate in read:
            ids = torch.tensor(
                [[*llm.boundary, *llm.encode([candidate.text])[0], *llm.boundary]], device=llm.model.device
            )
            with torch.inference_mode():
                loss = float(llm.model(input_ids=ids, labels=ids).loss)
            scores[candidate.text] = second.score(candidate._replace(llm=-loss * (ids.shape[1] - 1)))
        restored.append(max(scores, key=lambda candidate: scores[candidate]))
    return row("transformers, plain loop", case, time.perf_counter() - began, restored, common.peak_megabytes())


def row(system: str, case: Case, seconds: float, restored: Sequence[str], memory: float) -> dict[str, Any]:
    from rapidfuzz.distance import Levenshtein

    after = sum(map(Levenshtein.distance, case.sample.clean, restored))
    before = sum(map(Levenshtein.distance, case.sample.clean, case.sample.noisy))
    speed = sum(map(len, case.sample.noisy)) / seconds
    cores = available()
    return {
        "system": system,
        "beam": None,
        "cores": cores,
        "sentences": len(restored),
        "chars_per_second": speed,
        "chars_per_second_per_core": speed / cores,
        "reduction": 1 - after / before,
        "same_in_other_batches": None,
        "memory_mb": memory,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="ten times as many sentences")
    arguments = parser.parse_args()
    described = common.machine()
    common.prepare()
    times = 10 if arguments.full else 1
    first = "channel-ngram"
    uris = {name: common.candidate(name).folder for name in (first, *SECOND_PASS)}
    train, test = common.sentences("train"), common.sentences("test")
    case = damaged("sotu", test[: 500 * times], profiles()[0], train)
    rows = [common.alone(spelling, train, case)]
    rows += [common.alone(channel, first, uris[first], setting, case) for setting in DECODERS]
    rows += [
        common.alone(channel, name, uris[name], None, case.first(one * times)) for name, (one, _) in SECOND_PASS.items()
    ]
    if available() > 1:
        rows.append(common.fresh(channel, first, uris[first], None, case))
        rows += [
            common.fresh(channel, name, uris[name], None, case.first(many * times))
            for name, (_, many) in SECOND_PASS.items()
        ]
        rows.append(common.fresh(plain_loop, uris["channel-llm"], case.first(40 * times)))
    columns = {"system": "", "beam": "", "cores": "d", "sentences": "d", "chars_per_second": ",.0f"}
    columns |= {"chars_per_second_per_core": ",.0f", "reduction": ".1%", "same_in_other_batches": ".0%"}
    common.report("inference", described, rows, columns | {"memory_mb": ",.0f"})


if __name__ == "__main__":
    main()
