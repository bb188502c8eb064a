"""What learning the noise is worth on real errors: reduction before and after `mendel noise learn`.

The errors are the misspellings that codespell has collected from source code and prose. Words of the corpus are replaced
by their misspellings; those of one half of the words teach the profile, those of the other half are restored, so that no
misspelling is seen before. *Before* is the restorer as the demo fits it, to random mutations. *After* has the learned
profile as its channel, and weights and threshold fitted to noise that this profile makes; the language model is the same.

    .venv/bin/pip install -e '.[bench]'
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
from typing import Any

import common
from restoration import NOISE, SEED, Case, Run, System, apply, damaged, identity, row, symspell

from mendel import config
from mendel.corruption import commands
from mendel.corruption.calibrate import resolve
from mendel.corruption.learn import learn
from mendel.corruption.profile import OPERATIONS, NoiseProfile
from mendel.registry.scores import Sample
from mendel.restoration import calibration
from mendel.restoration.channel import Channel
from mendel.restoration.decoder import Decoder
from mendel.restoration.finetune import Evidence
from mendel.restoration.recipe import Calibration
from mendel.restoration.rescoring import FIRST_PASS, ChannelRestorer
from mendel.restoration.restorer import Restorer
from mendel.restoration.work import Text

WORD = re.compile(r"[A-Za-z]{3,}")
SHARE = 0.5
"""Of the words that have a misspelling."""
LEARNED_FROM = 5000
"""Sentences."""


def misspellings() -> dict[str, list[str]]:
    """Word → its misspellings, those with a single correction alone."""
    found = defaultdict(list)
    for line in (files("codespell_lib") / "data" / "dictionary.txt").read_text().splitlines():
        wrong, _, right = line.partition("->")
        if WORD.fullmatch(right) and WORD.fullmatch(wrong):
            found[right.lower()].append(wrong.lower())
    return found


def half(word: str) -> int:
    return zlib.crc32(word.encode()) % 2


def misspelt(texts: Sequence[str], known: Mapping[str, list[str]], which: int) -> list[str]:
    """The texts with misspellings of one half of the words; capitals stay."""
    chance = random.Random(SEED)

    def replaced(match: re.Match[str]) -> str:
        word = match.group()
        options = known.get(word.lower())
        if not options or half(word.lower()) != which or chance.random() > SHARE:
            return word
        wrong = chance.choice(options)
        return wrong.capitalize() if word[0].isupper() else wrong

    return [WORD.sub(replaced, text) for text in texts]


def learned(noisy: Sequence[str], clean: Sequence[str]) -> NoiseProfile:
    """By the command, as a user would."""
    pairs, out = common.FOLDER / "misspelt.jsonl", common.FOLDER / "misspelt.yaml"
    rows = [json.dumps({"noisy": one, "clean": other}) for one, other in zip(noisy, clean, strict=True)]
    pairs.write_text("\n".join(rows))
    commands.learn(str(pairs), str(out), "misspelt", True)
    return NoiseProfile.model_validate(config.load(out.as_uri()))


def recovered(name: str, clean: Sequence[str], train: Sequence[str]) -> dict[str, Any]:
    """Known and learned rates of a profile in include/noise, per thousand characters."""
    profile = NoiseProfile.model_validate(config.load((NOISE / f"{name}.yaml").as_uri()))
    known = resolve(profile, train, SEED).rates
    noisy = damaged("sotu", clean, profile, train).sample.noisy
    found = learn(clean, noisy, name).profile
    rates = {f"{o}s": [1000 * getattr(known, o), 1000 * getattr(found.rates, o)] for o in OPERATIONS}
    return {"system": "noise learn", "profile": name, **rates, "mean_length": [profile.mean_length, found.mean_length]}


def adapted(uri: str, profile: NoiseProfile, train: Sequence[str], validation: Sequence[str]) -> ChannelRestorer:
    """The restorer with another profile's channel, weights and threshold."""
    restorer = Restorer.load(uri)
    assert isinstance(restorer, ChannelRestorer), uri
    channel = Channel.from_profile(resolve(profile, train, SEED))
    decoder = Decoder(channel, restorer.decoder.ngram, restorer.decoder.config)
    noisy = damaged("sotu", validation, profile, train).sample.noisy
    sample = [Text(one, other, None) for one, other in zip(validation, noisy, strict=True)]
    texts = [*noisy, *validation]
    evidence = Evidence(sample, texts, decoder.decode(texts, threads=2))
    weights = calibration.fit(*evidence.choices(None), Calibration().max_clean_altered, with_llm=False)
    return ChannelRestorer(restorer.kind, decoder, {FIRST_PASS: weights})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--full", action="store_true", help="5,000 held-out sentences instead of 500")
    arguments = parser.parse_args()
    described = common.machine()
    common.prepare()
    candidate = common.candidate("channel-ngram")
    train, validation, test = (common.sentences(split) for split in ("train", "validation", "test"))
    known, clean = misspellings(), test[: 5000 if arguments.full else 500]
    known_profiles = [recovered(name, train[:LEARNED_FROM], train) for name in ("default", "ocr")]
    for each in known_profiles:
        print(*(f"{name}: {value}" for name, value in common.rounded(each).items()), sep="\n  ")
    profile = learned(misspelt(train[:LEARNED_FROM], known, 0), train[:LEARNED_FROM])
    sample = Sample([str(number) for number in range(len(clean))], clean, misspelt(clean, known, 1), [()] * len(clean))
    after = adapted(candidate.folder, profile, train, validation)
    systems = {
        "identity": identity(),
        "symspellpy": symspell(train),
        "mendel, before": lambda texts: [found.text for found in Restorer.load(candidate.folder).restore(texts)],
        "mendel, after": lambda texts: [found.text for found in after.restore(texts)],
    }
    rows = []
    for name, correct in systems.items():
        system = System(name, lambda correct=correct: correct)
        case = Case("sotu, codespell's misspellings", "default", sample)
        (run,) = apply(system, [case])
        rows.append(row(system, case._replace(profile="misspelt"), Run(*run)))
    columns = {"system": "", "corpus": "", "reduction": ".1%", "cer": ".2%", "exact": ".1%", "worse_fraction": ".1%"}
    columns |= {"clean_altered": ".1%", "chars_per_second": ",.0f"}
    common.report("profiles", described, rows, columns, unseen=known_profiles)


if __name__ == "__main__":
    main()
