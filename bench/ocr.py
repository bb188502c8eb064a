"""Real errors: what optical character recognition made of British newspapers of the 19th century, and how much is undone.

BLN600 [Booth et al. 2024], as pairs of sentences [Thomas, Gaizauskas, Lu: Leveraging LLMs for Post-OCR Correction of
Historical Newspapers, 2024; MIT licence]. It is not part of this project: give its training table, a CSV file with the
columns `Sample ID`, `OCR Text` and `Ground Truth`, which may be compressed. The published test set is never looked at.
Whole documents are held out, by a hash of their ID: three fifths teach the profile and the n-gram, one fifth is what weights
and threshold are fitted on, and one fifth is restored here. To choose settings, `--judge validation` restores one half of
the documents of the second fifth with what is fitted on the other.

    .venv/bin/python bench/ocr.py --pairs bln600-train.csv.xz [--full] [--second-pass]   # or MENDEL_BLN600=…

Prints a table and writes bench/results/ocr.json. *Mean removed* is the paper's measure: the mean over the sentences with an
error of the share that is gone. Intervals are by the bootstrap over documents, since errors of one page are of one kind.
The paper's rows are its published figures, on other sentences: those of the published test set.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import io
import os
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple

import common
import fsspec
import numpy as np
from profiles import named, texts_of
from rapidfuzz.distance import Levenshtein
from restoration import SEED, Correct, damaged, identity, symspell

from mendel.channel.costs import Channel
from mendel.channel.decoder import Decoder
from mendel.core import config
from mendel.corpus import foreign
from mendel.corpus.clean import Cleaning
from mendel.corpus.reading import CorpusReading
from mendel.corpus.sources.sotu import Sotu
from mendel.corpus.split import Sentence
from mendel.evaluation.bootstrap import Bootstrap
from mendel.evaluation.interval import Interval
from mendel.models.ngram import CharNgram
from mendel.noise.calibrate import resolve
from mendel.noise.learn import learn
from mendel.noise.learn_report import table
from mendel.noise.profile import NoiseProfile
from mendel.recipes.calibration import Calibration
from mendel.recipes.channel import ChannelLlm, ChannelNgram
from mendel.recipes.decoder import DecoderConfig
from mendel.restorers.candidate import Text
from mendel.restorers.channel import FIRST_PASS, TUNED, UNTUNED, ChannelRestorer, Llm
from mendel.restorers.document import DocumentContext
from mendel.restorers.second_pass import SecondPass
from mendel.restorers.trials import FittedPass, Trials
from mendel.training.checkpoints import Checkpoints

if TYPE_CHECKING:
    from mendel.models.llm import CausalLm

COLUMNS = ("Sample ID", "OCR Text", "Ground Truth")
RESAMPLES = 1000
SENTENCES = 300
"""Of each held-out part, without --full."""
SECOND_PASS = 200
"""Of each held-out part that the second pass reads, without --full."""
BEFORE = 1930
"""The addresses to Congress up to this year are the other text of the century."""
OTHER_TEXT = 0.1
"""Weight of a sentence of theirs."""
UNBOUNDED = Calibration(max_clean_altered=1, max_worse=1, max_foreign_altered=1, least_probability=1e-6)
PUBLISHED = {
    "Llama-2-13B": (0.177, 0.554, 0.088),
    "Llama-2-7B": (-0.132, 0.437, 0.112),
    "BART-large": (0.086, 0.235, 0.218),
}
"""Thomas et al. 2024: removed, mean removed, worse."""


class Pair(NamedTuple):
    document: str
    noisy: str
    clean: str


class Parts(NamedTuple):
    """Pairs of whole documents, in the order of a hash: any first ones are a fair sample."""

    train: list[Pair]
    validation: list[Pair]
    test: list[Pair]


def parts(file: str) -> Parts:
    with fsspec.open(file, "rt", encoding="utf-8", newline="", compression="infer") as opened:
        rows = csv.DictReader(io.StringIO(opened.read()))
        if missing := set(COLUMNS) - set(rows.fieldnames or ()):
            raise SystemExit(f"{file}: without the columns {sorted(missing)}; found {rows.fieldnames}")
        pairs = [Pair(*(row[column] for column in COLUMNS)) for row in rows]
    pairs.sort(key=lambda pair: digest("\n".join(pair)))
    fifths = [digest(pair.document) % 5 for pair in pairs]
    held_out = [[pair for pair, fifth in zip(pairs, fifths, strict=True) if fifth == number] for number in (0, 1)]
    train = [pair for pair, fifth in zip(pairs, fifths, strict=True) if fifth > 1]
    return Parts(train, held_out[1], held_out[0])


def digest(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


def addresses() -> list[str]:
    """Sentences of the demo's corpus that are of the century."""
    source = Sotu(years=(1790, BEFORE))
    return [item.text for item in CorpusReading(source, Cleaning(), source.entry()) if isinstance(item, Sentence)]


class Fitting(NamedTuple):
    """What all restorers are fitted on."""

    train: list[str]
    """Clean texts."""
    fitted_on: list[Pair]
    second_pass: int
    """Pairs among those, the first ones, that the second pass reads."""

    def ngram(self, recipe: ChannelNgram | ChannelLlm, other: Sequence[str] = ()) -> CharNgram:
        weights = [1.0] * len(self.train) + [OTHER_TEXT] * len(other)
        settings = recipe.ngram
        return CharNgram.fit(
            [*self.train, *other], order=settings.order, prune_from=settings.prune_from, weights=weights
        )

    def decoder(self, profile: NoiseProfile, ngram: CharNgram, settings: DecoderConfig) -> Decoder:
        return Decoder(Channel.from_profile(resolve(profile, self.train, SEED)), ngram, settings)

    def made_up(self, profile: NoiseProfile) -> Fitting:
        """The same with noise that a profile makes, in the place of the real one."""
        clean = [pair.clean for pair in self.fitted_on]
        noisy = damaged("bln600", clean, profile, self.train).sample.noisy
        pairs = [pair._replace(noisy=text) for pair, text in zip(self.fitted_on, noisy, strict=True)]
        return self._replace(fitted_on=pairs)

    def restorer(self, decoder: Decoder, recipe: ChannelNgram) -> ChannelRestorer:
        """The first pass alone."""
        fitted = self._trials(self.fitted_on, decoder, recipe).fit(FIRST_PASS)
        return _restorer(recipe, decoder, {FIRST_PASS: fitted})

    def with_llm(self, decoder: Decoder, recipe: ChannelLlm) -> ChannelRestorer:
        """Both passes; the language model fine-tuned on the clean texts where the recipe says so."""
        name = TUNED if recipe.lora.budget_steps else UNTUNED
        second = SecondPass(decoder, self._language_model(recipe), recipe.second_pass)
        trials = self._trials(self.fitted_on[: self.second_pass], decoder, recipe)
        passes = {FIRST_PASS: trials.fit(FIRST_PASS), name: trials.fit(name, second)}
        return _restorer(recipe, decoder, passes, Llm(name, second, recipe.base))

    def _language_model(self, recipe: ChannelLlm) -> CausalLm:
        from mendel.models.llm import CausalLm  # loads torch, transformers
        from mendel.training.trainer import Trainer

        llm = CausalLm.load(recipe.base)
        if recipe.lora.budget_steps:
            head = llm.head()
            rows = [[*head, *tokens, *llm.boundary] for tokens in llm.encode(self.train)]
            with TemporaryDirectory() as folder:
                checkpoints = Checkpoints(Path(folder).as_uri())
                Trainer(llm, rows, [len(head)] * len(rows), recipe.lora, checkpoints).train()
            llm.model = llm.model.merge_and_unload()
        return llm

    @staticmethod
    def _trials(pairs: Sequence[Pair], decoder: Decoder, recipe: ChannelNgram | ChannelLlm) -> Trials:
        texts = [Text(pair.clean, pair.noisy, None) for pair in pairs]
        strange = foreign.texts("fit", recipe.calibration.foreign_per_kind)
        return Trials(texts, texts, strange, decoder, recipe)


def _restorer(
    recipe: ChannelNgram | ChannelLlm, decoder: Decoder, passes: Mapping[str, FittedPass], llm: Llm | None = None
) -> ChannelRestorer:
    weights = {name: fitted_pass.weights for name, fitted_pass in passes.items()}
    acceptance = {name: fitted_pass.acceptance for name, fitted_pass in passes.items()}
    return ChannelRestorer(recipe.kind, decoder, weights, acceptance, recipe.protect, llm)


def by_document(restorer: ChannelRestorer, pairs: Sequence[Pair]) -> Correct:
    """Restores the pairs' texts, noisy or clean ones, with what the other texts of a document say."""

    def correct(texts: Sequence[str]) -> list[str]:
        texts_of_documents: dict[str, list[str]] = defaultdict(list)
        for pair, text in zip(pairs, texts, strict=False):  # the first call is of a few
            texts_of_documents[pair.document].append(text)
        documents = {name: DocumentContext(some) for name, some in texts_of_documents.items()}
        restorations = restorer.restore(texts, [documents[pair.document] for pair in pairs[: len(texts)]])
        return [restoration.text for restoration in restorations]

    return correct


def row(name: str, pairs: Sequence[Pair], correct: Correct) -> dict[str, Any]:
    """What a system makes of the pairs' noisy texts, and of the clean ones."""
    noisy, clean = [pair.noisy for pair in pairs], [pair.clean for pair in pairs]
    correct(noisy[:2])  # what is loaded or compiled at first use is not timed
    began = time.perf_counter()
    restored = correct(noisy)
    seconds = time.perf_counter() - began
    before, after = (np.array(list(map(Levenshtein.distance, clean, texts))) for texts in (noisy, restored))
    altered = np.array([one != other for one, other in zip(clean, correct(clean), strict=True)])
    ones, damaged_ = np.ones(len(pairs)), before > 0
    documents = list(dict.fromkeys(pair.document for pair in pairs))
    of = [documents.index(pair.document) for pair in pairs]
    bootstrap = Bootstrap(len(documents), RESAMPLES, SEED)

    def share(above: Any, below: Any) -> Interval:
        sides = [np.bincount(of, values, len(documents)) for values in (above, below)]
        ratio = bootstrap.ratio(*sides)
        assert ratio is not None, f"{name}: no sentence to score"
        return ratio

    scores = {
        "cer": share(after, [len(text) for text in clean]),
        "removed": share(before - after, before),
        "mean_removed": share(damaged_ * (before - after) / np.maximum(before, 1), damaged_),
        "worse": share(after > before, ones),
        "clean_altered": share(altered, ones),
    }
    print(f"{name}: done", flush=True)
    figures: dict[str, Any] = {"system": name, "sentences": len(pairs), "documents": len(documents)}
    for key, interval in scores.items():
        figures |= {key: interval.value, f"{key}_ci": [interval.low, interval.high]}
    if name != "identity":
        figures["chars_per_second"] = sum(map(len, noisy)) / seconds
    return figures


def published() -> list[dict[str, Any]]:
    columns = ("removed", "mean_removed", "worse")
    return [
        {"system": f"{name}, as published, on other sentences", **dict(zip(columns, figures, strict=True))}
        for name, figures in PUBLISHED.items()
    ]


def halves(pairs: Sequence[Pair]) -> tuple[list[Pair], list[Pair]]:
    """By document."""
    sides: dict[int, list[Pair]] = defaultdict(list)
    for pair in pairs:
        sides[digest(pair.document) // 5 % 2].append(pair)
    return sides[0], sides[1]


def recipe_of(name: str) -> Any:
    return config.load((common.RECIPES / f"{name}.yaml").as_uri())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", default=os.environ.get("MENDEL_BLN600"), help="the training table; MENDEL_BLN600")
    parser.add_argument("--judge", choices=("test", "validation"), default="test")
    parser.add_argument("--full", action="store_true", help=f"all held-out sentences instead of {SENTENCES}")
    parser.add_argument("--second-pass", action="store_true", help="channel-llm too")
    arguments = parser.parse_args()
    if not arguments.pairs:
        parser.error("give --pairs, or set MENDEL_BLN600")
    described = common.machine()
    split = parts(str(Path(arguments.pairs)))
    fitted_on, judged = (split.validation, split.test) if arguments.judge == "test" else halves(split.validation)
    if not arguments.full:
        fitted_on, judged = fitted_on[:SENTENCES], judged[:SENTENCES]
    few = len(judged) if arguments.full else SECOND_PASS
    fitting = Fitting([pair.clean for pair in split.train], fitted_on, few)
    learned = learn(fitting.train, [pair.noisy for pair in split.train], "bln600")
    print(table(learned))
    recipe = ChannelNgram.model_validate(recipe_of("channel-ocr"))
    ngram = fitting.ngram(recipe)
    by_hand = named("ocr")
    rows = [row("identity", judged, identity()), row("symspellpy", judged, symspell(fitting.train))]

    def restored(name: str, fitting: Fitting, decoder: Decoder, *, unbounded: bool = True) -> None:
        restorer = fitting.restorer(decoder, recipe)
        rows.append(row(f"{name}, each sentence by itself", judged, texts_of(restorer)))
        rows.append(row(name, judged, by_document(restorer, judged)))
        if unbounded:
            free = recipe.model_copy(update={"calibration": UNBOUNDED, "protect": ()})
            rows.append(row(f"{name}, unbounded", judged, texts_of(fitting.restorer(decoder, free))))

    without_pairs = fitting.decoder(by_hand, ngram, recipe.decoder)
    restored("mendel, ocr.yaml and no pairs", fitting.made_up(by_hand), without_pairs, unbounded=False)
    restored("mendel, learned noise", fitting, fitting.decoder(learned.profile, ngram, recipe.decoder))
    wider = fitting.decoder(learned.profile, fitting.ngram(recipe, addresses()), recipe.decoder)
    restored("mendel, more text", fitting, wider)
    if arguments.second_pass:
        both = ChannelLlm.model_validate(recipe_of("channel-ocr-llm"))
        rows.append(
            row("mendel, more text, both passes", judged[:few], by_document(fitting.with_llm(wider, both), judged))
        )
    columns = {"system": "", "sentences": "d", "documents": "d", "removed": ".1%", "mean_removed": ".1%"}
    columns |= {"worse": ".1%", "clean_altered": ".1%", "cer": ".2%", "chars_per_second": ",.0f"}
    name = "ocr" if arguments.judge == "test" else "ocr_validation"
    common.report(name, described, [*rows, *published()], columns)


if __name__ == "__main__":
    main()
