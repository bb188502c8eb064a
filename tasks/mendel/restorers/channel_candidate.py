"""How a candidate of the recipes channel-ngram and channel-llm is made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from mendel.channel.costs import Channel
from mendel.channel.decoder import Decoder
from mendel.core import lake
from mendel.core.log import log
from mendel.corpus import foreign
from mendel.models.ngram import CharNgram
from mendel.noise.profile import ResolvedProfile
from mendel.recipes.channel import ChannelLlm, ChannelNgram
from mendel.recipes.models import Domain
from mendel.recipes.training import Lora
from mendel.restorers import artifact
from mendel.restorers.candidate import CandidateMaker, Text
from mendel.restorers.channel import FIRST_PASS, NGRAM, NOISE, TUNED, UNTUNED, ChannelArtifact, LlmArtifact
from mendel.restorers.second_pass import SecondPass
from mendel.restorers.trials import FittedPass, Trials

if TYPE_CHECKING:
    from mendel.models.llm import CausalLm

BITS_SAMPLE = 60
"""Validation texts whose cross-entropy is reported: a tenth of a bit is seen, and the LLM reads them in seconds."""


class FittedSecondPass(NamedTuple):
    """What came of the second pass."""

    passes: dict[str, FittedPass]
    """By UNTUNED, TUNED."""
    bits: dict[str, float]
    """Cross-entropy in bits a character, by the same names."""
    artifact: LlmArtifact


class ChannelMaker(CandidateMaker):
    """The first pass, and the second where the recipe has one."""

    recipe: ChannelNgram | ChannelLlm

    @staticmethod
    def untrained(recipe: ChannelLlm) -> CausalLm:
        from mendel.models.llm import CausalLm  # loads torch, transformers

        return CausalLm.load(recipe.base, quantise=recipe.lora.quantise)

    def make(self) -> dict[str, Any]:
        """Write the candidate's files into the draft; returns its metrics."""
        (noise,) = self.context.uris(self.pairs, "noise.json")
        profile = ResolvedProfile.model_validate_json(lake.read_bytes(noise))
        train, validation = self._texts("train"), self._texts("validation")
        self.rows = len(train)
        decoder = self._first_pass(train, profile)
        calibration = self.recipe.calibration
        sample = validation[: calibration.sentences]
        untouched = validation[: calibration.clean_sentences or calibration.sentences]
        with self._timed("decode"):
            strange = foreign.texts("fit", calibration.foreign_per_kind)
            trials = Trials(sample, untouched, strange, decoder, self.recipe, self.language)
        with self._timed("first_pass"):
            passes = {FIRST_PASS: trials.fit(FIRST_PASS)}
        texts = [text.clean for text in sample[:BITS_SAMPLE]]
        bits = {"ngram": decoder.ngram.bits_per_character(texts)}
        llm = None
        if isinstance(self.recipe, ChannelLlm):
            second = self._second_pass(self.recipe, train, texts, decoder, trials)
            passes, bits, llm = passes | second.passes, bits | second.bits, second.artifact
        folder = self.draft.folder
        with self._timed("save"):
            decoder.ngram.save(folder / NGRAM)
        (folder / NOISE).write_text(profile.model_dump_json(indent=2))
        fitted = ChannelArtifact(
            kind=self.recipe.kind,
            language=self.language,
            decoder=self.recipe.decoder,
            weights={name: fitted_pass.weights for name, fitted_pass in passes.items()},
            acceptance={name: fitted_pass.acceptance for name, fitted_pass in passes.items()},
            protect=self.recipe.protect,
            llm=llm,
        )
        artifact.write(folder, fitted)
        for name, fitted_pass in passes.items():
            log.info("fitted", part=name, **fitted_pass.summary)
        return {
            "seconds": self.seconds,
            "bits_per_character": bits,
            "validation": trials.reductions,
            **self.training(),
        }

    def _first_pass(self, train: Sequence[Text], profile: ResolvedProfile) -> Decoder:

        settings = self.recipe.ngram
        texts = [text.clean for text in train]
        weights = recency([text.year for text in train], settings.half_life_years)
        if settings.domain:
            texts, weights = joined(texts, weights, settings.domain)
        with self._timed("ngram"):
            ngram: CharNgram = CharNgram.fit(
                texts, order=settings.order, prune_from=settings.prune_from, weights=weights
            )
        decoder = Decoder(Channel.from_profile(profile), ngram, self.recipe.decoder)
        with self._timed("compile"):
            decoder.warm_up()
        return decoder

    def _second_pass(
        self,
        recipe: ChannelLlm,
        train: Sequence[Text],
        texts: Sequence[str],
        decoder: Decoder,
        trials: Trials,
    ) -> FittedSecondPass:
        """The language model tuned, and what is fitted to it; to the untuned one too where it is asked for, or all there is.

        `texts` are those whose cross-entropy is reported.
        """
        from mendel.models.llm import CausalLm, pinned  # loads torch, transformers

        with self._timed("load_llm"):
            llm = CausalLm.load(recipe.base)
        base = pinned(recipe.base, llm.model)
        self._tell_base(base)
        conditional = recipe.lora.objective == "conditional"
        tuning = recipe.lora.budget_steps != 0
        passes = {}
        with self._timed("score_untuned"):
            bits = {UNTUNED: llm.bits_per_character(texts)}
            config = recipe.second_pass.reading() if tuning else recipe.second_pass
            if recipe.compare_untuned or not tuning:
                passes[UNTUNED] = trials.fit(UNTUNED, SecondPass(decoder, llm, config))
        if tuning:
            if recipe.lora.quantise:
                llm = CausalLm.load(base, quantise=recipe.lora.quantise)
            llm = self._tune(llm, *self._examples(recipe.lora, llm, train), base)
            with self._timed("score_tuned"):
                if not conditional:
                    bits[TUNED] = llm.bits_per_character(texts)
                second = SecondPass(decoder, llm, recipe.second_pass, conditional=conditional)
                passes[TUNED] = trials.fit(TUNED, second)
        return FittedSecondPass(
            passes, bits, LlmArtifact(base=base, conditional=conditional, second_pass=recipe.second_pass)
        )

    def _examples(self, settings: Lora, llm: CausalLm, train: Sequence[Text]) -> tuple[list[list[int]], list[int]]:
        chosen = self._trained_on(train, settings)
        conditional = settings.objective == "conditional"
        heads = [llm.head(text.noisy if conditional else None) for text in chosen]
        bodies = llm.encode([text.clean for text in chosen])
        rows = [[*head, *body, *llm.boundary] for head, body in zip(heads, bodies, strict=True)]
        return rows, [len(head) for head in heads]


def recency(years: Sequence[int | None], half_life: float | None) -> list[float] | None:
    """Weights that halve with every `half_life` years before the newest text; None where all texts count the same."""
    known_years = [year for year in years if year is not None]
    if half_life is None or not known_years:
        return None
    newest = max(known_years)
    return [0.5 ** ((newest - (newest if year is None else year)) / half_life) for year in years]


def joined(texts: Sequence[str], weights: Sequence[float] | None, domain: Domain) -> tuple[list[str], list[float]]:
    """The corpus's texts and their weights, with the domain's behind them."""
    from mendel.corpus.reading import CorpusReading  # ftfy, sentencex and others, where a recipe has a domain alone
    from mendel.corpus.split import Sentence

    reading = CorpusReading(domain.source, domain.cleaning, domain.source.entry())
    domain_texts = [item.text for item in reading if isinstance(item, Sentence)]
    log.info("domain", sentences=len(domain_texts), characters=sum(map(len, domain_texts)))
    return [*texts, *domain_texts], [*(weights or [1.0] * len(texts)), *[domain.weight] * len(domain_texts)]
