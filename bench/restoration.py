"""What is gained by restoring: ours and what else a user could pick, on the same held-out sentences.

Held out by time (State of the Union addresses from 2010 on) and by domain (Jane Austen's novels, from Debian's package
r-cran-janeaustenr, or any text by --foreign), without and with 100 kB of that domain's text to fit to. Restorers are
fitted to the default noise and meet other noise too: light, heavy, each operation alone, and profiles that are wrong in
one thing. Each system runs in a process of its own on one core. Slow ones see the first sentences only, against an
identity of the same ones: column `sentences`.

    make bench ONLY=restoration  # or, once that has installed the peers:
    .venv/bin/python bench/restoration.py [--full]

Prints a table and writes bench/results/restoration.json.
"""

from __future__ import annotations

import argparse
import string
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import austen
import common
import numpy as np
import pyarrow as pa
from rapidfuzz.distance import Levenshtein

from mendel.core import config
from mendel.corpus.clean import Cleaning
from mendel.evaluation.bootstrap import Bootstrap
from mendel.evaluation.scores import Output, Sample, measure, summarise
from mendel.noise import edits
from mendel.noise.calibrate import resolve
from mendel.noise.kernel import Kernel
from mendel.noise.profile import CHARACTER_SET, OPERATIONS, NoiseProfile, Rates

NOISE = common.REPO / "include" / "noise"
SEED = 1
EVENTS = 0.0174
"""Per character, of one operation alone: as many as the default profile has in all."""
RESAMPLES = 1000
SHOTS = 3
DOMAIN_BYTES = 100_000
"""Of the other domain's text, for the restorer that is fitted to some of it."""
RECIPES = {
    "channel-ngram": (10**6, 10**6),
    "channel-llm": (300, 40),
    "causal-lora": (20, 0),
    "seq2seq-lora": (20, 0),
}
"""Of include/recipes: sentences that each sees of the main case, and of each other one."""
Correct = Callable[[Sequence[str]], list[str]]


class Case(NamedTuple):
    """Sentences of one corpus under one profile."""

    corpus: str
    profile: str
    sample: Sample
    wrong: bool = False
    """Noise that differs from the fitted one in one thing; only for systems that are fitted to noise."""

    def first(self, count: int) -> Case:
        sample = self.sample
        parts = ("ids", "clean", "noisy", "edits", "untouched")
        return self._replace(sample=Sample(**{part: getattr(sample, part)[:count] for part in parts}))


class System(NamedTuple):
    name: str
    make: Callable[..., Correct]
    arguments: tuple[Any, ...] = ()
    main: int = 10**6
    """Sentences that it sees at most of the addresses at default noise"""
    others: int = 10**6
    """and of each other case; 0: it sees none."""
    candidate: common.Candidate | None = None
    megabytes: float = 0.0
    """On disk."""


class Run(NamedTuple):
    """What a system made of a case."""

    output: Output
    seconds: float
    peak_megabytes: float


def identity() -> Correct:
    return list


def symspell(texts: Sequence[str]) -> Correct:
    from mendel.evaluation.baselines import SymSpell

    return SymSpell(texts)


def harper() -> Correct:
    """Spelling alone: Harper's other rules are about style."""
    from harper import Linter

    linter = Linter()

    def correct(text: str) -> str:
        lints = [lint for lint in linter.lint(text) if lint.lint_kind == "Spelling" and lint.suggestion_count]
        for lint in reversed(lints):  # from the end, so that places stay right
            text = linter.apply_suggestion(text, lint, lint.suggestions[0])
        return text

    return lambda texts: [correct(text) for text in texts]


def autocorrect() -> Correct:
    from autocorrect import Speller

    speller = Speller("en")
    return lambda texts: [speller(text) for text in texts]


def pyspellchecker() -> Correct:
    from spellchecker import SpellChecker

    from mendel.evaluation.baselines import SHORTEST, WORD

    checker = SpellChecker()

    def correct(word: str) -> str:
        if len(word) < SHORTEST or word.lower() in checker:
            return word
        correction = checker.correction(word) or word
        return correction.capitalize() if word[0].isupper() else correction

    return lambda texts: [WORD.sub(lambda match: correct(match.group()), text) for text in texts]


def few_shot(shots: Sequence[tuple[str, str]]) -> Correct:
    """SmolLM2-135M as it comes, asked with examples; greedy, at most a quarter longer than the input."""
    import torch

    from mendel.models.llm import CausalLm
    from mendel.recipes.models import PretrainedModel

    llm = CausalLm.load(PretrainedModel())
    examples = "".join(f"Noisy: {noisy}\nClean: {clean}\n\n" for noisy, clean in shots)

    def correct(text: str) -> str:
        ids = torch.tensor(llm.encode([f"{examples}Noisy: {text}\nClean:"]), device=llm.model.device)
        most = 8 + len(llm.encode([text])[0]) * 5 // 4
        with torch.inference_mode():
            output = llm.model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=most, do_sample=False,
                                      stop_strings=["\n"], tokenizer=llm.tokenizer)  # fmt: skip
        return str(llm.tokenizer.decode(output[0, ids.shape[1] :])).partition("\n")[0].strip() or text

    return lambda texts: [correct(text) for text in texts]


def restorer(uri: str) -> Correct:
    from mendel.restorers.restorer import Restorer

    model = Restorer.load(uri)
    return lambda texts: [restoration.text for restoration in model.restore(texts)]


def apply(system: System, cases: Sequence[Case]) -> list[Run]:
    """Runs in the system's own process. What is loaded or compiled at first use is not timed."""
    correct = system.make(*system.arguments)
    correct(cases[0].sample.noisy[:2])
    runs = []
    for case in cases:
        noisy, clean = list(case.sample.noisy), list(case.sample.clean)
        began = time.perf_counter()
        restored = correct(noisy)
        seconds = time.perf_counter() - began
        of_clean = correct(clean) if case.profile == "default" else None
        runs.append(Run(Output(restored, of_clean), seconds, common.peak_megabytes()))
    return runs


def damaged(corpus: str, clean: Sequence[str], profile: NoiseProfile, train: Sequence[str]) -> Case:
    """Sentences under a profile whose alphabet and rates are those of the training text."""
    ids = [str(number) for number in range(len(clean))]
    kernel = Kernel(resolve(profile, train, SEED), SEED)
    output = kernel.corrupt(pa.array(ids), pa.array(np.zeros(len(ids), int)), pa.array(clean, pa.string()))
    steps = [edits.decode(encoded) for encoded in output.edits.to_pylist()]
    return Case(corpus, profile.name, Sample(ids, clean, output.noisy.to_pylist(), steps, untouched=clean))


def profiles() -> list[NoiseProfile]:
    named = [
        NoiseProfile.model_validate(config.load((NOISE / f"{n}.yaml").as_uri())) for n in ("default", "light", "heavy")
    ]
    return [*named, *(NoiseProfile(name=f"{name} alone", rates=Rates(**{name: EVENTS})) for name in OPERATIONS)]


def wrong_profiles(right: NoiseProfile) -> list[NoiseProfile]:
    """What a restorer meets that was fitted to `right`, where the noise is not quite what one thought."""
    changes: dict[str, dict[str, Any]] = {
        "half the rate": {"rates": right.rates.scaled(0.5)},
        "twice the rate": {"rates": right.rates.scaled(2)},
        "by text frequency": {"characters": "frequency"},
        "letters only": {"characters": CHARACTER_SET + string.ascii_letters},
        "all of ASCII": {"characters": CHARACTER_SET + string.printable[:95]},
        "mean length 1.5": {"mean_length": 1.5},
        "mean length 5": {"mean_length": 5.0},
    }
    return [right.model_copy(update={"name": name, **change}) for name, change in changes.items()]


def foreign(file: Path | None) -> tuple[list[str], list[str]]:
    """Sentences of another domain, to restore and to fit to, from its two halves; none where there is no text of one."""
    file = file or common.FOLDER / "austen.txt"
    if not file.exists() and not austen.fetch(file):
        return [], []
    cleaning = Cleaning(ascii_only=True)
    texts = [text for text in cleaning.sentences(file.read_text()) if cleaning.fault(text) is None]
    halves = texts[len(texts) // 2 :], texts[: len(texts) // 2]
    draw = np.random.default_rng(SEED)
    restore, fit = ([half[place] for place in draw.permutation(len(half))] for half in halves)
    return restore, fit


def recipes(names: Sequence[str], times: int) -> list[System]:
    """Ours, fitted where they are not there yet."""
    candidates = {name: common.candidate(name) for name in names}
    return [
        System(f"mendel {name}", restorer, (fitted.folder,), times * main, times * others, candidate=fitted)
        for name, fitted in candidates.items()
        for main, others in [RECIPES[name]]
    ]


def adapted(texts: Sequence[str]) -> System:
    """channel-ngram, fitted to the addresses and to some of the other domain's text."""
    sizes = np.cumsum([len(text) + 1 for text in texts])
    file = common.FOLDER / "domain.txt"
    file.write_text("\n\n".join(texts[: int(np.searchsorted(sizes, DOMAIN_BYTES))]))
    source = f"{{kind: files, name: domain, glob: {file}}}"
    fitted = common.candidate("channel-ngram", ["--set", f"recipe.ngram.domain={{source: {source}}}"])
    return System("mendel channel-ngram, with 100 kB", restorer, (fitted.folder,), 0, candidate=fitted)


def row(system: System, case: Case, run: Run) -> dict[str, Any]:
    before = measure(case.sample, Output(case.sample.noisy, case.sample.clean))
    scores = summarise(
        case.sample, measure(case.sample, run.output), before, Bootstrap(len(case.sample.ids), RESAMPLES, SEED)
    )
    reduction = scores.reduction
    assert reduction is not None, f"{case.profile}: no sentence was damaged"
    return {
        "system": system.name,
        "corpus": case.corpus,
        "profile": case.profile,
        "sentences": len(case.sample.ids),
        "cer": scores.cer.value,
        "reduction": reduction.value,
        "reduction_ci": [reduction.low, reduction.high],
        "cmer": scores.cmer.value,
        "wer": scores.wer.value,
        "exact": scores.exact.value,
        "improved": scores.improved.value,
        "tied": scores.tied.value,
        "worse_fraction": scores.worse.value,
        "clean_altered": scores.clean_altered and scores.clean_altered.value,
        "reduction_by_operation": {
            name: part.reduction.value for name, part in scores.by_operation.items() if part.reduction
        },
        "against_default": None,
        "chars_per_second": sum(map(len, case.sample.noisy)) / run.seconds if system.name != "identity" else None,
        "train_seconds": system.candidate.seconds if system.candidate else 0.0,
        "memory_mb": run.peak_megabytes,
        "disk_mb": system.candidate.megabytes if system.candidate else None,
    }


def removed(case: Case, run: Run, count: int) -> float:
    """The reduction on the first sentences."""
    clean, noisy = case.sample.clean[:count], case.sample.noisy[:count]
    errors_after = sum(map(Levenshtein.distance, clean, run.output.restored[:count]))
    return 1 - errors_after / sum(map(Levenshtein.distance, clean, noisy))


def rows_of(system: System, cases: Sequence[Case]) -> list[dict[str, Any]]:
    """The system's row for each case that it sees, in a process of its own."""
    counts = [system.others if number else system.main for number in range(len(cases))]
    subset = [
        case.first(n) for case, n in zip(cases, counts, strict=True) if n and (system.candidate or not case.wrong)
    ]
    runs = common.alone(apply, system, subset)
    rows = [row(system, case, run) for case, run in zip(subset, runs, strict=True)]
    for figures, case, run in zip(rows, subset, runs, strict=True):
        if case.wrong:
            count = len(case.sample.ids)
            figures["against_default"] = removed(case, run, count) - removed(subset[0], runs[0], count)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--full", action="store_true", help="2,000 sentences instead of 300, ten times as many for slow ones"
    )
    parser.add_argument("--foreign", type=Path, help="plain text of another domain instead of Jane Austen's novels")
    parser.add_argument("--recipes", nargs="*", choices=RECIPES, help="of ours only these; all without")
    arguments = parser.parse_args()
    described = common.machine()
    common.prepare()
    times, count = (10, 2000) if arguments.full else (1, 300)
    ours = recipes([*RECIPES] if arguments.recipes is None else arguments.recipes, times)
    train, held_out, (other, fit) = common.sentences("train"), common.sentences("test"), foreign(arguments.foreign)
    right = profiles()[0]
    cases = [damaged("sotu", held_out[:count], profile, train) for profile in profiles()]
    cases += [
        damaged("sotu", held_out[:count], profile, train)._replace(wrong=True) for profile in wrong_profiles(right)
    ]
    domain = []
    if other:
        domain = [damaged("austen" if arguments.foreign is None else "foreign", other[:count], right, train)]
        cases += domain
    examples = damaged("sotu", [text for text in train if len(text) < 100][:50], right, train).sample
    shots = [pair for pair in zip(examples.noisy, examples.clean, strict=True) if pair[0] != pair[1]][:SHOTS]
    systems = [
        System("identity", identity),
        System("symspellpy", symspell, (train,)),
        System("harper-py", harper),
        System("autocorrect", autocorrect, (), 200 * times, 30 * times),
        System("pyspellchecker", pyspellchecker, (), 20 * times, 0),
        System("SmolLM2-135M, 3 examples", few_shot, (shots,), 20 * times, 0),
        *ours,
    ]
    rows = []
    for system in systems:
        rows += rows_of(system, cases)
        print(f"{system.name}: done", flush=True)
    if domain:
        [case] = domain
        rows += rows_of(adapted(fit)._replace(main=count), [case])
    rows.sort(
        key=lambda figures: [case.corpus + case.profile for case in cases].index(figures["corpus"] + figures["profile"])
    )
    columns = {
        "corpus": "",
        "profile": "",
        "system": "",
        "sentences": "d",
        "reduction": ".1%",
        "against_default": "+.1%",
        "cer": ".2%",
        "wer": ".1%",
    }
    columns |= {"exact": ".1%", "worse_fraction": ".1%", "clean_altered": ".1%", "chars_per_second": ",.0f"}
    common.report("restoration", described, rows, columns | {"memory_mb": ",.0f", "train_seconds": ".0f"})


if __name__ == "__main__":
    main()
