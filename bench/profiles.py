"""What learning the noise is worth on real errors: reduction before and after `mendel noise learn`.

Typed errors: the misspellings that codespell has collected from source code and prose. Words of the corpus are replaced by
their misspellings; those of one half of the words teach the profile, those of the other half are restored, so that no
misspelling is seen before. Read errors: sentences that were printed, copied badly and read by Tesseract (bench/scans.py),
where it is installed (Debian: apt-get install tesseract-ocr); train sentences teach, test sentences are restored.

*Before* is the restorer as the demo fits it, to random mutations. *After* has the learned profile as its channel, and
weights and threshold fitted to noise that this profile makes; the language model is the same.

    make bench ONLY=profiles  # or, once that has installed the peers:
    .venv/bin/python bench/profiles.py [--full]

Before that, known profiles are learned anew from what they made, so that one sees how far to trust a learned one.

Prints two tables and writes bench/results/profiles.json.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import zlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any, NamedTuple

import common
import scans
from restoration import NOISE, SEED, Case, Correct, System, apply, damaged, identity, restorer, row, symspell

from mendel.channel.costs import Channel
from mendel.channel.decoder import Decoder
from mendel.cli import noise as commands
from mendel.core import config
from mendel.corpus import foreign
from mendel.evaluation.scores import Sample
from mendel.noise.calibrate import resolve
from mendel.noise.learn import learn
from mendel.noise.profile import OPERATIONS, NoiseProfile
from mendel.recipes.channel import ChannelNgram
from mendel.restorers.candidate import Text
from mendel.restorers.channel import FIRST_PASS, ChannelRestorer
from mendel.restorers.restorer import Restorer
from mendel.restorers.trials import Trials

WORD = re.compile(r"[A-Za-z]{3,}")
SHARE = 0.5
"""Of the words that have a misspelling."""
LEARNED_FROM = 5000
"""Sentences."""
SCANNED = 600
"""Sentences that teach the errors of a scanner, and as many that are restored."""


class Errors(NamedTuple):
    """Real errors: pairs to learn from, and others to restore."""

    name: str
    noisy: list[str]
    clean: list[str]
    sample: Sample
    profile: str | None = None
    """The one in include/noise that was written by hand for them."""


def misspellings() -> dict[str, list[str]]:
    """Word → its misspellings, those with a single correction alone."""
    by_word = defaultdict(list)
    for line in (files("codespell_lib") / "data" / "dictionary.txt").read_text().splitlines():
        wrong, _, right = line.partition("->")
        if WORD.fullmatch(right) and WORD.fullmatch(wrong):
            by_word[right.lower()].append(wrong.lower())
    return by_word


def half(word: str) -> int:
    return zlib.crc32(word.encode()) % 2


def misspelt(texts: Sequence[str], dictionary: Mapping[str, list[str]], which: int) -> list[str]:
    """The texts with misspellings of one half of the words; capitals stay."""
    chance = random.Random(SEED)

    def replaced(match: re.Match[str]) -> str:
        word = match.group()
        options = dictionary.get(word.lower())
        if not options or half(word.lower()) != which or chance.random() > SHARE:
            return word
        wrong = chance.choice(options)
        return wrong.capitalize() if word[0].isupper() else wrong

    return [WORD.sub(replaced, text) for text in texts]


def typed(train: Sequence[str], test: Sequence[str]) -> Errors:
    dictionary, taught = misspellings(), list(train[:LEARNED_FROM])
    return Errors("misspelt", misspelt(taught, dictionary, 0), taught, sample(test, misspelt(test, dictionary, 1)))


def scanned(train: Sequence[str], test: Sequence[str]) -> Errors:
    taught = list(train[:SCANNED])
    read = scans.read([*taught, *test])
    legible = [pair for pair in zip(read[:SCANNED], taught, strict=True) if pair[0]]
    noisy, clean = ([pair[side] for pair in legible] for side in (0, 1))
    return Errors("scanned", noisy, clean, sample(test, read[SCANNED:]), "ocr")


def sample(clean: Sequence[str], noisy: Sequence[str]) -> Sample:
    return Sample([str(number) for number in range(len(clean))], clean, noisy, [()] * len(clean), untouched=clean)


def learned(errors: Errors) -> NoiseProfile:
    """By the command, as a user would."""
    pairs, out = (common.FOLDER / f"{errors.name}.{kind}" for kind in ("jsonl", "yaml"))
    rows = [json.dumps({"noisy": one, "clean": other}) for one, other in zip(errors.noisy, errors.clean, strict=True)]
    pairs.write_text("\n".join(rows))
    commands.learn(str(pairs), str(out), errors.name, True)
    return NoiseProfile.model_validate(config.load(out.as_uri()))


def named(name: str) -> NoiseProfile:
    return NoiseProfile.model_validate(config.load((NOISE / f"{name}.yaml").as_uri()))


def recovered(name: str, clean: Sequence[str], train: Sequence[str]) -> dict[str, Any]:
    """Known and learned rates of a profile in include/noise, per thousand characters."""
    profile = named(name)
    true_rates = resolve(profile, train, SEED).rates
    noisy = damaged("sotu", clean, profile, train).sample.noisy
    learned_profile = learn(clean, noisy, name).profile
    rates = {f"{o}s": [1000 * getattr(true_rates, o), 1000 * getattr(learned_profile.rates, o)] for o in OPERATIONS}
    return {
        "system": "noise learn",
        "profile": name,
        **rates,
        "mean_length": [profile.mean_length, learned_profile.mean_length],
    }


def adapted(uri: str, profile: NoiseProfile, train: Sequence[str], validation: Sequence[str]) -> ChannelRestorer:
    """The restorer with another profile's channel, weights and acceptance."""
    restorer = Restorer.load(uri)
    assert isinstance(restorer, ChannelRestorer), uri
    channel = Channel.from_profile(resolve(profile, train, SEED))
    decoder = Decoder(channel, restorer.decoder.ngram, restorer.decoder.config)
    noisy = damaged("sotu", validation, profile, train).sample.noisy
    sample = [Text(one, other, None) for one, other in zip(validation, noisy, strict=True)]
    recipe = ChannelNgram(kind="channel-ngram")
    strange = foreign.texts("fit", recipe.calibration.foreign_per_kind)
    fitted = Trials(sample, sample, strange, decoder, recipe).fit(FIRST_PASS)
    acceptance = {FIRST_PASS: fitted.acceptance}
    return ChannelRestorer(restorer.kind, decoder, {FIRST_PASS: fitted.weights}, acceptance, recipe.protect)


def texts_of(restorer: Restorer) -> Correct:
    return lambda texts: [restoration.text for restoration in restorer.restore(texts)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="5,000 held-out sentences instead of 500")
    arguments = parser.parse_args()
    described = common.machine()
    common.prepare()
    candidate = common.candidate("channel-ngram")
    train, validation, test = (common.sentences(split) for split in ("train", "validation", "test"))
    test = test[: 5000 if arguments.full else 500]
    known_profiles = [recovered(name, train[:LEARNED_FROM], train) for name in ("default", "ocr")]
    for figures in known_profiles:
        print(*(f"{name}: {value}" for name, value in common.rounded(figures).items()), sep="\n  ")
    error_sets = [typed(train, test)]
    if scans.installed():
        error_sets.append(scanned(train, test))
    else:
        print("read errors are left out: no tesseract on PATH (Debian: apt-get install tesseract-ocr)")
    rows = []
    for errors in error_sets:
        profiles = {"after": learned(errors)}
        if errors.profile:
            profiles[f"{errors.profile}.yaml"] = named(errors.profile)
        systems = {"identity": identity(), "symspellpy": symspell(train), "mendel, before": restorer(candidate.folder)}
        for name, profile in profiles.items():
            systems[f"mendel, {name}"] = texts_of(adapted(candidate.folder, profile, train, validation))
        # "default": clean sentences are restored too
        case = Case("sotu", "default", errors.sample)
        for name, correct in systems.items():
            system = System(name, lambda correct=correct: correct)
            (run,) = apply(system, [case])
            rows.append(row(system, case._replace(profile=errors.name), run))
    columns = {"system": "", "profile": "", "reduction": ".1%", "cer": ".2%", "exact": ".1%", "worse_fraction": ".1%"}
    columns |= {"clean_altered": ".1%", "chars_per_second": ",.0f"}
    common.report("profiles", described, rows, columns, unseen=known_profiles)


if __name__ == "__main__":
    main()
