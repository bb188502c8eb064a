"""The stage `finetune`: from pairs to a candidate restorer."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from mendel import digest, lake, manifest
from mendel.corruption.profile import ResolvedProfile
from mendel.log import log
from mendel.manifest import InputEntry
from mendel.restoration import recipe as recipes
from mendel.restoration.restorer import DESCRIPTION
from mendel.stage import Context, Draft, Outcome, Stage

if TYPE_CHECKING:
    from mendel.restoration.calibration import Choices, Weights
    from mendel.restoration.decoder import Decoder
    from mendel.restoration.llm import CausalLm
    from mendel.restoration.ngram import CharNgram
    from mendel.restoration.second_pass import SecondPass
    from mendel.restoration.trainer import Trainer

CHECKPOINTS = "checkpoints"
BITS_SAMPLE = 200
"""Validation texts whose cross-entropy is reported: a tenth of a bit is seen, and the LLM reads them in seconds."""


class Text(NamedTuple):
    """A pair as training sees it."""

    clean: str
    noisy: str
    year: int | None


class Finetune(Stage):
    """Fit the first pass, fine-tune the LLM where the recipe has one, fit weights and threshold on the validation split."""

    name: ClassVar = "finetune"
    stage_version: ClassVar = 1
    dataset: ClassVar = "candidate"

    recipe: recipes.Recipe = recipes.ChannelNgram(kind="channel-ngram")

    def inputs(self, context: Context) -> Sequence[InputEntry]:
        return [context.require("pairs", validated=True)]

    def run(self, inputs: Mapping[str, InputEntry], draft: Draft) -> Outcome:
        import mlflow

        from mendel.registry import tracking

        forget_finished(draft.context.root)
        work = Work(self.recipe, inputs["pairs"], draft)
        with tracking.run(draft.context, self.name, inputs, work.mlflow_run()) as active:
            work.run_id = active.info.run_id
            mlflow.log_params(flat(self.recipe.model_dump(mode="json")))
            metrics = work.make()
            for point in work.curve:
                mlflow.log_metrics(
                    {key: value for key, value in point.items() if key != "step"}, step=int(point["step"])
                )
            mlflow.log_metrics({key: value for key, value in flat(metrics).items() if isinstance(value, int | float)})
            mlflow.log_artifact(str(draft.folder / DESCRIPTION))
        return Outcome(
            rows=work.rows, digest=digest.of_files(draft.folder), metrics={**metrics, "mlflow_run_id": work.run_id}
        )


class Work:
    """One making of a candidate: what its steps share."""

    def __init__(self, recipe: recipes.Recipe, pairs: InputEntry, draft: Draft) -> None:
        from mendel.restoration.checkpoints import Checkpoints

        self.recipe = recipe
        self.draft = draft
        self.context = draft.context
        self.pairs = pairs
        self.store = Checkpoints(lake.join(draft.context.root, CHECKPOINTS, draft.fingerprint))
        self.seconds: dict[str, float] = {}
        self.curve: list[dict[str, float]] = []
        self.run_id: str | None = None
        self.rows = 0
        self.years = self._years()

    def mlflow_run(self) -> str | None:
        """The run that a killed attempt began, if its checkpoint tells."""
        import mlflow
        from mlflow.exceptions import MlflowException

        found = self.store.load() if isinstance(self.recipe, recipes.ChannelLlm) else None
        try:
            return str(mlflow.get_run(found[1]["run_id"]).info.run_id) if found else None
        except MlflowException:  # it was deleted, or another server is used now
            return None

    def make(self) -> dict[str, Any]:
        """Write the candidate's files into the draft; returns its metrics."""
        from mendel.restoration.rescoring import FIRST_PASS, NGRAM, NOISE

        (noise,) = self.context.uris(self.pairs, "noise.json")
        profile = ResolvedProfile.model_validate_json(lake.read_bytes(noise))
        train, validation = self._texts("train"), self._texts("validation")
        self.rows = len(train)
        decoder = self._first_pass(train, profile)
        sample = validation[: self.recipe.calibration.sentences]
        told: dict[str, Any] = {"kind": self.recipe.kind, "decoder": self.recipe.decoder.model_dump(mode="json")}
        with self._timed("decode"):
            evidence = Evidence(sample, decoder)
        weights = {FIRST_PASS: self._fit(evidence, FIRST_PASS)}
        bits = {"ngram": decoder.ngram.bits_per_character([text.clean for text in sample[:BITS_SAMPLE]])}
        if isinstance(self.recipe, recipes.ChannelLlm):
            weights |= self._second_pass(self.recipe, train, sample, decoder, evidence, told, bits)
        told["weights"] = {name: found.model_dump(mode="json") for name, found in weights.items()}
        folder = self.draft.folder
        with self._timed("save"):
            decoder.ngram.save(folder / NGRAM)
        (folder / NOISE).write_text(profile.model_dump_json(indent=2))
        (folder / DESCRIPTION).write_text(json.dumps(told, indent=2))
        log.info("fitted", **{name: found.model_dump_json() for name, found in weights.items()})
        return {"seconds": self.seconds, "bits_per_character": bits, "validation": evidence.reductions}

    def _texts(self, split: str) -> list[Text]:
        """The first copy of each pair of a split, in an order that is the same whatever the files are."""
        from mendel.corruption import pairs

        rows = pairs.read(
            self.context.uris(self.pairs, ".parquet"), splits=[split], columns=["record_id", "copy", "clean", "noisy"]
        ).to_pylist()
        first = sorted((row["record_id"], row) for row in rows if row["copy"] == 0)
        return [Text(row["clean"], row["noisy"], self.years.get(record)) for record, row in first]

    def _years(self) -> dict[str, int | None]:
        """Year of each record, from the corpus that the pairs were made of."""
        import pyarrow.parquet as pq

        corpus = self.context.manifest_of(self.pairs).input("corpus")
        years: dict[str, int | None] = {}
        for uri in self.context.uris(corpus, ".parquet"):
            if "/split=" in uri:
                with lake.open_uri(uri) as file:
                    found = pq.ParquetFile(file).read(columns=["id", "year"])
                years.update(zip(found["id"].to_pylist(), found["year"].to_pylist(), strict=True))
        return years

    def _first_pass(self, train: Sequence[Text], profile: ResolvedProfile) -> Decoder:
        from mendel.restoration.channel import Channel
        from mendel.restoration.decoder import Decoder
        from mendel.restoration.ngram import CharNgram

        settings = self.recipe.ngram
        with self._timed("ngram"):
            ngram: CharNgram = CharNgram.fit(
                [text.clean for text in train],
                order=settings.order,
                prune_from=settings.prune_from,
                weights=recency([text.year for text in train], settings.half_life_years),
            )
        decoder = Decoder(Channel.from_profile(profile), ngram, self.recipe.decoder)
        with self._timed("compile"):
            decoder.warm_up()
        return decoder

    def _second_pass(
        self,
        recipe: recipes.ChannelLlm,
        train: Sequence[Text],
        sample: Sequence[Text],
        decoder: Decoder,
        evidence: Evidence,
        told: dict[str, Any],
        bits: dict[str, float],
    ) -> dict[str, Weights]:
        from mendel.restoration.llm import CausalLm
        from mendel.restoration.rescoring import ADAPTER, TUNED, UNTUNED
        from mendel.restoration.second_pass import SecondPass

        with self._timed("load_llm"):
            llm = CausalLm.load(recipe.base)
        clean = [text.clean for text in sample[:BITS_SAMPLE]]
        conditional = recipe.lora.objective == "conditional"
        told["llm"] = {
            "base": recipe.base.model_dump(mode="json"),
            "conditional": conditional,
            "second_pass": recipe.second_pass.model_dump(mode="json"),
        }
        tuning = recipe.lora.budget_steps != 0
        with self._timed("score_untuned"):
            bits[UNTUNED] = llm.bits_per_character(clean)
            config = recipe.second_pass.reading() if tuning else recipe.second_pass
            weights = {UNTUNED: self._fit(evidence, UNTUNED, SecondPass(decoder, llm, config))}
        if not tuning:
            return weights
        trainer = self._trainer(recipe.lora, llm, train)
        with self._timed("lora"):
            trainer.train()
        self.curve = trainer.curve
        trainer.save_adapter(self.draft.folder / ADAPTER, recipe.base.id)
        llm.model = llm.model.merge_and_unload()  # as the restorer will use it: a third faster, and equal scores
        (self.draft.folder / "curve.json").write_text(json.dumps(self.curve))
        with self._timed("score_tuned"):
            if not conditional:
                bits[TUNED] = llm.bits_per_character(clean)
            second = SecondPass(decoder, llm, recipe.second_pass, conditional=conditional)
            weights[TUNED] = self._fit(evidence, TUNED, second)
        return weights

    def _trainer(self, settings: recipes.Lora, llm: CausalLm, train: Sequence[Text]) -> Trainer:
        from mendel.restoration.trainer import Trainer

        chosen = [text for text in train if settings.since_year is None or (text.year or 0) >= settings.since_year]
        conditional = settings.objective == "conditional"
        heads = [llm.head(text.noisy if conditional else None) for text in chosen]
        bodies = llm.encode([text.clean for text in chosen])
        rows = [[*head, *body, *llm.boundary] for head, body in zip(heads, bodies, strict=True)]
        trainer = Trainer(llm, rows, [len(head) for head in heads], settings, self.store)
        if not trainer.resume():
            trainer.run_id = self.run_id
            trainer.save()
        return trainer

    def _fit(self, evidence: Evidence, name: str, second: SecondPass | None = None) -> Weights:
        from mendel.restoration.calibration import fit

        noisy, clean = evidence.choices(second)
        weights = fit(noisy, clean, self.recipe.calibration.max_clean_altered, with_llm=second is not None)
        evidence.record(name, noisy, weights)
        return weights

    @contextmanager
    def _timed(self, what: str) -> Iterator[None]:
        begun = time.monotonic()
        log.info("begin", part=what)
        yield
        self.seconds[what] = round(time.monotonic() - begun, 2)
        log.info("end", part=what, seconds=self.seconds[what])


class Evidence:
    """The validation sample, noisy and clean, with the first pass's candidates: what weights and threshold are fitted on."""

    def __init__(self, sample: Sequence[Text], decoder: Decoder) -> None:
        from mendel.threads import available

        self.clean = [text.clean for text in sample]
        self.texts = [text.noisy for text in sample] + self.clean
        self.candidates = decoder.decode(self.texts, threads=available())
        self.reductions: dict[str, float] = {}

    def choices(self, second: SecondPass | None) -> tuple[list[Choices], list[Choices]]:
        """The noisy and the clean texts' candidates; those of the second pass where there is one."""
        from mendel.restoration.calibration import Choices

        candidates = second.explore(self.texts, self.candidates) if second else self.candidates
        made = [Choices.of(*each) for each in zip(self.texts, self.clean * 2, candidates, strict=True)]
        return made[: len(self.clean)], made[len(self.clean) :]

    def record(self, name: str, noisy: Sequence[Choices], weights: Weights) -> None:
        """Take down which share of the errors the weights remove, and which the best of the candidates would."""
        from mendel.restoration.calibration import pick

        before = sum(int(choice.errors[choice.same]) for choice in noisy)
        left = sum(c.errors[pick(c.scores(weights.ngram, weights.llm), c.same, weights.threshold)] for c in noisy)
        best = sum(int(choice.errors.min()) for choice in noisy)
        self.reductions |= {name: float(1 - left / max(before, 1)), f"{name}_oracle": float(1 - best / max(before, 1))}


def forget_finished(root: str) -> None:
    """Remove the checkpoints of candidates that exist. Not done by the run itself: its commit comes after its last step."""
    from mendel.restoration.checkpoints import Checkpoints

    for fingerprint in lake.list_folders(lake.join(root, CHECKPOINTS)):
        if manifest.twin(root, Finetune.dataset, fingerprint) is not None:
            Checkpoints(lake.join(root, CHECKPOINTS, fingerprint)).clear()


def recency(years: Sequence[int | None], half_life: float | None) -> list[float] | None:
    """Weights that halve with every `half_life` years before the newest text; None where all texts count the same."""
    known = [year for year in years if year is not None]
    if half_life is None or not known:
        return None
    newest = max(known)
    return [0.5 ** ((newest - (newest if year is None else year)) / half_life) for year in years]


def flat(nested: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """`{"a": {"b": 1}}` as `{"a.b": 1}`."""
    result: dict[str, Any] = {}
    for key, value in nested.items():
        if isinstance(value, Mapping):
            result |= flat(value, f"{prefix}{key}.")
        else:
            result[prefix + key] = value
    return result
